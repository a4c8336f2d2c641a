"""What survey tests share: a survey of every kind, and members who answer one."""

from dataclasses import replace

from bot.messages import Form, Kind, Option, Question
from bot.surveys import Offered, Survey
from storage import answers
from storage.answers import AnswerRow
from tests.unit.desk import Desk

EVERY_KIND = Survey(
    form=Form(
        id="all",
        title="いろいろ",
        questions=(
            Question(id="like", kind=Kind.NPS, text="すすめたいですか？", skip=True),
            Question(id="many", kind=Kind.NUMBER, text="何本ありますか？", low=0, high=99),
            Question(id="day", kind=Kind.DATE, text="いつからですか？", latest="2026-12-20"),
            Question(id="words", kind=Kind.LONG_TEXT, text="ひとことどうぞ。", skip=True),
            Question(
                id="ok",
                kind=Kind.CONSENT,
                text="載せてよいですか？",
                options=(Option("yes", "はい"), Option("no", "いいえ")),
            ),
        ),
    ),
    minutes=2,
    offered=Offered.MENU,
)


async def agreed(desk: Desk, who: str = "hanako") -> None:
    await desk.follow(who)
    await desk.press("同意してはじめる", who)


async def completed(desk: Desk, who: str = "hanako", name: str = "はな") -> str:
    await agreed(desk, who)
    await desk.say(name, who)
    for label in ("40代", "まつげ", "決定"):
        await desk.press(label, who)
    return (await desk.press("はじめて", who)).line


async def answers_of(desk: Desk, who: str = "hanako") -> dict[str, AnswerRow]:
    member_id = (await desk.member(who)).id
    rows = await desk.all(answers.ANSWERS_OF, member_id=member_id)
    return {row.question: row for row in rows}


async def tags_of(desk: Desk, who: str = "hanako") -> set[tuple[str, str]]:
    member_id = (await desk.member(who)).id
    return {(t.key, t.value) for t in await desk.all(answers.TAGS_OF, member_id=member_id)}


def with_surveys(desk: Desk, *surveys: Survey) -> None:
    """Define the surveys anew, as a changed folder does at the next start."""
    desk.core.community = desk.core.community.model_copy(update={"surveys": surveys})


def joining(desk: Desk, *questions: Question) -> Survey:
    """Return the joining survey, with other questions where some are given."""
    found = desk.core.community.joining
    assert found is not None
    return replace(found, form=replace(found.form, questions=questions or found.form.questions))
