"""Survey results: counts for managers, never a name and never a word somebody wrote."""

from bot.context import Context
from bot.errors import UserError
from bot.feature import Arguments, Feature
from bot.messages import Kind, Question, Text
from bot.rules.tally import Row, Tally, tally
from bot.surveys import Survey
from bot.text import normalise
from storage import answers
from storage.answers import OptionCount
from storage.members import Role

feature = Feature("survey_results")


@feature.command("survey.results", role=Role.STAFF)
async def results(ctx: Context, arguments: Arguments) -> None:
    """Say the results of the survey of this title or id, or of all."""
    for survey in _meant(ctx, arguments.raw):
        ctx.reply(Text(await _results(ctx, survey)))


def _meant(ctx: Context, name: str) -> tuple[Survey, ...]:
    surveys = ctx.core.community.surveys
    if not surveys:
        raise UserError("survey-results-none")
    wanted = normalise(name)
    if not wanted:
        return surveys
    for survey in surveys:
        if wanted in {normalise(survey.form.title), normalise(survey.form.id)}:
            return (survey,)
    names = ctx.text("survey-between").join(survey.form.title for survey in surveys)
    raise UserError("survey-results-unknown", name=name, names=names)


async def _results(ctx: Context, survey: Survey) -> str:
    form = survey.form
    people = await ctx.tx.one(answers.COUNT_ANSWERERS, survey=form.id) or 0
    rows = await ctx.tx.all(answers.COUNT_OPTIONS, survey=form.id)
    lines = [ctx.text("survey-results", title=form.title, people=people)]
    for number, question in enumerate(form.questions, 1):
        found = _tally(rows, question.id)
        lines.append(
            ctx.text(
                "survey-results-question",
                number=str(number),
                text=question.text,
                answered=found.answered,
                skipped=found.skipped,
            )
        )
        lines += _lines(ctx, question, found) if found.answered else []
    return "\n".join(lines)


def _tally(rows: list[OptionCount], question: str) -> Tally:
    return tally(
        Row(tuple(row.options), row.number, row.skipped, row.total)
        for row in rows
        if row.question == question
    )


def _lines(ctx: Context, question: Question, found: Tally) -> list[str]:
    """Return what there is to say of a question that somebody answered."""
    match question.kind:
        case Kind.SINGLE | Kind.MULTI | Kind.CONSENT:
            return [
                ctx.text(
                    "survey-results-option",
                    label=option.label,
                    count=found.options[option.id],
                    percent=str(found.share(option.id)),
                )
                for option in question.options
            ]
        case Kind.NPS if found.numbers:
            score, mean = f"{found.promoters:+d}", f"{found.mean:.1f}"
            return [ctx.text("survey-results-nps", score=score, mean=mean)]
        case Kind.NUMBER if found.numbers:
            low, high = str(min(found.numbers)), str(max(found.numbers))
            mean = f"{found.mean:.1f}"
            return [ctx.text("survey-results-number", mean=mean, low=low, high=high)]
        case _:
            # Words and days are counted above, and never said.
            return []
