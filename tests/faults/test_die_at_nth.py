"""A death at a step of every flow changes nothing (trust 7.2a); `make faults` takes every step."""

from pathlib import Path

from tests.faults.commands import Commands
from tests.faults.die import FLOWS, Stage, spread
from tests.faults.home import Home, user_id

POINTS = 3
"""Of each flow, in the everyday run."""


async def test_a_death_at_any_step_of_a_flow_changes_nothing(tmp_path: Path) -> None:
    stage = Stage(Home(tmp_path, managers=user_id("manager")).settle_in())
    await stage.rehearse()
    wrong = {}
    for name in FLOWS:
        steps = stage.told[name].steps
        assert len(steps) > 50, "the counter sees statements"
        for last in spread(len(steps), POINTS):
            if found := await stage.die(name, last):
                wrong[f"{name} {last} {steps[last - 1]}"] = found
    assert not wrong


async def test_a_death_at_any_step_of_start_and_restore_changes_nothing(tmp_path: Path) -> None:
    commands = Commands(Home(tmp_path, managers=user_id("manager")).settle_in())
    await commands.rehearse()
    wrong = {}
    for name, steps in commands.steps.items():
        assert steps > 10, "the counter sees statements"
        for last in spread(steps, POINTS):
            if found := await commands.die(name, last):
                wrong[f"{name} {last}"] = found
    assert not wrong
