"""Every script in this folder, played on every stage it can be played on."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.scenarios.checks import CLAIMS, UnknownClaim, claimed, findings
from tests.scenarios.play import Play
from tests.scenarios.script import Act, Check, Given, NotAScript, Told, agrees, parse, read
from tests.scenarios.stage import TERMINAL, line_stage, terminal_stage

FOLDER = Path(__file__).parent
SCRIPTS = sorted(FOLDER.glob("*.txt"))
START = "2026-12-20T09:00+09:00"


def staged(medium: str) -> list[Path]:
    return [path for path in SCRIPTS if medium in read(path).media]


@pytest.mark.parametrize("path", staged("LINE"), ids=lambda path: path.stem)
async def test_on_line(path: Path, tmp_path: Path) -> None:
    async with line_stage(tmp_path, START) as stage:
        await Play(stage, datetime.fromisoformat(START)).run(read(path))
        assert stage.side.doubled == 0


@pytest.mark.parametrize("path", staged(TERMINAL), ids=lambda path: path.stem)
async def test_in_the_terminal(path: Path, tmp_path: Path) -> None:
    async with terminal_stage(tmp_path, START) as stage:
        await Play(stage, datetime.fromisoformat(START)).run(read(path))


def test_the_grammar() -> None:
    script = parse(
        "sample",
        "# remark\n演じる: LINE\n前提: 花子は未登録 / 通数 今月3,100\n\n花子＠LINE ▶ ［はい］\n"
        "ボット＠LINE[桜子] ◀push 一行目\n 二行目［はい］［いいえ］\n確認: push=1 / 会員=2人\n",
    )
    assert script.media == ("LINE",)
    assert script.steps == (
        Given(3, ("花子は未登録", "通数 今月3,100")),
        Act(5, "花子", "LINE", "［はい］"),
        Told(6, "桜子", "push", "一行目\n二行目", ("はい", "いいえ")),
        Check(8, ("push=1", "会員=2人")),
    )


@pytest.mark.parametrize(
    "line", ["花子 ▶ はい", "花子＠LINE はい", "ボット＠LINE ◀電話 はい", "確認 push=0"]
)
def test_a_line_outside_the_grammar_is_no_script(line: str) -> None:
    with pytest.raises(NotAScript):
        parse("sample", line)


def test_numbers_are_exact_and_names_are_the_same_everywhere() -> None:
    bound: dict[str, str] = {}
    assert agrees("No.{n}、{n}…", "No.7、7です", bound)
    assert bound == {"n": "7"}
    assert not agrees("No.{n}", "No.8", bound)
    assert not agrees("残り199", "残り1990", {})
    assert not agrees("はい", "はい。", {})


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_claim_of_a_script_is_one_that_code_checks(path: Path) -> None:
    claims = [
        claim for step in read(path).steps if isinstance(step, Check) for claim in step.claims
    ]
    assert [c for c in claims if not any(p.fullmatch(c) for p, _ in CLAIMS)] == []


async def test_an_unknown_claim_fails_the_script(tmp_path: Path) -> None:
    async with line_stage(tmp_path, START) as stage:
        play = Play(stage, datetime.fromisoformat(START))
        with pytest.raises(UnknownClaim):
            await claimed(play, "みんな幸せ")
        with pytest.raises(LookupError):
            await play.run(parse("sample", "前提: 空は青い"))
        with pytest.raises(AssertionError):
            await play.run(parse("sample", "花子＠LINE ▶ (友だち追加)"))


async def test_the_search_for_what_must_be_gone_finds_what_is_there(tmp_path: Path) -> None:
    async with line_stage(tmp_path, START) as stage:
        play = Play(stage, datetime.fromisoformat(START))
        await play.run(parse("sample", "前提: 花子=関心まつげ(2026-12-20)"))
        found = "\n".join(findings(play, [stage.user_id("花子"), *play.said["花子"]]))
        # Plain in the file, and sealed in a column.
        for place in (
            "hiroba.db",
            "account row 0",
            "member row 0",
            "introduction row 0",
            "answer row 0",
        ):
            assert place in found
