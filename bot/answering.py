"""Answers: what a member answered, saved at once with all that follows from it.

The rule it keeps: an answer, its tags and the column it fills are one thing. They are set
together, replaced together, and go together when the message is taken back.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.context import Context
from bot.messages import Form, Kind, Question
from bot.rules.asking import question_of
from bot.rules.forms import Answer, Answered
from bot.surveys import Offered, Survey
from storage import answers, members
from storage.answers import AnswerRow


async def answers_of(ctx: Context) -> list[AnswerRow]:
    """Return all current answers of the member, oldest first."""
    return await ctx.tx.all(answers.ANSWERS_OF, member_id=ctx.member_id)


async def answered(ctx: Context, survey: str) -> Answered:
    """Return the questions of a survey that the member answered or skipped."""
    return _answered(await answers_of(ctx), survey)


async def unfinished(ctx: Context) -> Survey | None:
    """Return the first survey with something left to ask: begun, or meant for all who join."""
    rows = await answers_of(ctx)
    for survey in ctx.core.community.surveys:
        done = _answered(rows, survey.form.id)
        begun = bool(done) or survey.offered is Offered.JOIN
        if begun and any(question.id not in done for question in survey.form.questions):
            return survey
    return None


async def save(ctx: Context, form: Form, question: Question, answer: Answer) -> bool:
    """Store an answer, its tags and the column it fills; False: a newer one is there already."""
    stored = await ctx.tx.run(
        answers.PUT_ANSWER,
        member_id=ctx.member_id,
        survey=form.id,
        question=question.id,
        kind=question.kind.value,
        options=list(answer.options),
        number=answer.number,
        day=answer.day,
        text=_sealed(ctx, f"answer:{ctx.member_id}:{form.id}:{question.id}", answer.text),
        skipped=answer.skipped,
        consent_version=ctx.member.consent_version if ctx.member else None,
        at=await _answered_at(ctx, form, question),
        message_id=ctx.message_id,
    )
    if not stored:
        return False
    await _tag(ctx, form, question, answer)
    if question.fills == "nickname":
        await _call(ctx, answer.text)
    return True


async def unsay(ctx: Context, message_id: str) -> None:
    """Forget the answers that one message brought, with their tags and the nickname."""
    gone = await ctx.tx.all(answers.UNSAY_ANSWER, member_id=ctx.member_id, message_id=message_id)
    for row in gone:
        reason = _reason(row.survey, row.question)
        await ctx.tx.run(answers.DROP_TAGS_FOR, member_id=ctx.member_id, reason=reason)
        survey = ctx.core.community.survey(row.survey)
        question = question_of(survey.form, row.question) if survey else None
        if question is not None and question.fills == "nickname":
            await _call(ctx, None)


def labels(question: Question, options: Sequence[str], *, tags: bool = False) -> list[str]:
    """Return the labels of chosen options; with `tags` only of those that tag."""
    return [
        option.label
        for option in question.options
        if option.id in options and (option.tags or not tags)
    ]


def _answered(rows: Sequence[AnswerRow], survey: str) -> Answered:
    return {row.question: tuple(row.options) for row in rows if row.survey == survey}


async def _answered_at(ctx: Context, form: Form, question: Question) -> datetime:
    """Return the time of an answer that is given now.

    Taps on a question of several choices gather in whatever order they arrive, so what they
    gathered is never older than what it replaces.
    """
    if question.kind is not Kind.MULTI:
        return ctx.occurred_at
    rows = await answers_of(ctx)
    before = [r.answered_at for r in rows if (r.survey, r.question) == (form.id, question.id)]
    return max([ctx.occurred_at, *before])


def _reason(survey: str, question: str) -> str:
    return f"survey:{survey}:{question}"


def _sealed(ctx: Context, bound: str, text: str | None) -> bytes | None:
    return None if text is None else ctx.tx.cipher.of(ctx.member_id).seal(text, bound)


async def _tag(ctx: Context, form: Form, question: Question, answer: Answer) -> None:
    """Set the tags of a question to what was chosen now, with the reason."""
    if not question.tag:
        return
    await ctx.tx.run(answers.DROP_TAGS, member_id=ctx.member_id, key=question.tag)
    for label in labels(question, answer.options, tags=True):
        await ctx.tx.run(
            answers.ADD_TAG,
            member_id=ctx.member_id,
            key=question.tag,
            value=label,
            reason=_reason(form.id, question.id),
            at=ctx.occurred_at,
        )


async def _call(ctx: Context, nickname: str | None) -> None:
    """Call the member so from now on, in this very event too."""
    sealed = _sealed(ctx, f"nickname:{ctx.member_id}", nickname)
    await ctx.tx.run(members.SET_NICKNAME, member_id=ctx.member_id, nickname=sealed)
    if ctx.member is not None:
        ctx.member = ctx.member._replace(nickname=sealed)
