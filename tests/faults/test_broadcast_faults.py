"""The small sister of `make faults`: one kill, a few hundred people, multicast and one by one."""

from pathlib import Path
from random import Random

import pytest

from tests.faults.broadcasts import Trial, impatient, settle_in, through
from tests.faults.home import user_id


@pytest.mark.parametrize(
    "trial",
    [
        Trial(people=1_500, kills=1, harm=impatient),
        Trial(people=400, kills=1, one_by_one=True, harm=impatient),
    ],
    ids=["multicast", "one-by-one"],
)
async def test_through_faulty_answers_and_a_kill(tmp_path: Path, trial: Trial) -> None:
    home = settle_in(tmp_path / "home", user_id("manager"))
    judged = await through(home, trial, Random(7))
    assert judged.wrong == []
    assert judged.kills == 1
