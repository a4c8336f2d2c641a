"""Survey: consent, then question by question; every answer counts at once and can be corrected."""

from collections.abc import Mapping
from functools import partial

from bot import answering, buttons, consent, coupons
from bot.context import Context
from bot.coupons import Issue
from bot.errors import UserError
from bot.events import Content, MessageReceived, SurveyCompleted
from bot.feature import Feature
from bot.messages import Choice, Choices, Form, Question, Text
from bot.rules import forms
from bot.rules.asking import question_of
from bot.rules.forms import Answer, Given, Note, Progress, Words
from bot.surveys import Survey
from bot.text import normalise
from storage import activity, answers

feature = Feature("survey")


@feature.choice("agree")
async def agree(ctx: Context, version: str) -> None:
    """Store the consent to the purpose as it was shown, and go on with the joining survey."""
    if version != str(ctx.core.community.purpose.version):
        consent.ask(ctx)
        return
    await consent.give(ctx)
    joining = ctx.core.community.joining
    if joining is None:
        ctx.reply(Text(ctx.text("survey-agreed")), Choices((buttons.menu(ctx),)))
    else:
        await _go_on(ctx, joining)


@feature.choice("begin")
async def begin(ctx: Context, survey_id: str) -> None:
    """Begin a survey of the menu, or go on with it."""
    survey = _survey(ctx, survey_id)
    if consent.given(ctx):
        await _go_on(ctx, survey)
    else:
        consent.ask(ctx)


@feature.word("continue")
@feature.choice("continue")
async def go_on(ctx: Context, _argument: str = "") -> None:
    """Ask again where the member stopped, however long ago."""
    if not consent.given(ctx):
        consent.ask(ctx)
        return
    survey = _open(ctx) or await answering.unfinished(ctx)
    if survey is None:
        _nothing_left(ctx)
    else:
        await _go_on(ctx, survey)


@feature.word("correct")
@feature.choice("correct")
async def correct(ctx: Context, _argument: str = "") -> None:
    """List what was answered, to be asked again."""
    done = {(row.survey, row.question) for row in await answering.answers_of(ctx)}
    options = tuple(
        Choice(_short(ctx, question), f"survey:edit:{survey.form.id}.{question.id}")
        for survey in ctx.core.community.surveys
        for question in survey.form.questions
        if (survey.form.id, question.id) in done
    )
    if options:
        ctx.reply(Text(ctx.text("survey-correct")), Choices(options))
    else:
        offers = Choices((buttons.word(ctx, "continue"), buttons.menu(ctx)))
        ctx.reply(Text(ctx.text("survey-correct-none")), offers)


@feature.choice("edit")
async def edit(ctx: Context, argument: str) -> None:
    """Ask one answered question again, with what was chosen until now."""
    form_id, _, question_id = argument.partition(".")
    survey = _survey(ctx, form_id)
    if not consent.given(ctx):
        consent.ask(ctx)
        return
    chosen = (await answering.answered(ctx, form_id)).get(question_id, ())
    if question_of(survey.form, question_id) is None:
        raise UserError("choice-old")
    _ask(ctx, survey.form, forms.edit(survey.form, question_id, chosen))


async def press(verb: str, ctx: Context, argument: str) -> None:
    """Take a press on a question, the open one or an older one."""
    value, _, picked = argument.partition("=")
    meant = forms.press(verb, value, picked)
    if meant is None:
        raise UserError("choice-old")
    form_id, given = meant
    await _take(ctx, _survey(ctx, form_id), given)


for _act in forms.Act:
    feature.choice(_act.value)(partial(press, _act.value))


@feature.listen
async def listen(ctx: Context, event: MessageReceived) -> None:
    """Take a message as an answer to the open question, unless it is a word of its own."""
    text = event.text if event.content is Content.TEXT else ""
    word = ctx.core.vocabulary.word(text) if text else None
    survey = _open(ctx)
    if word is not None:
        await word.handle(ctx)
    elif survey is None:
        ctx.close()
        raise UserError("survey-gone")
    elif text and normalise(text) == normalise(ctx.text("welcome-later-button")):
        ctx.close()
        offers = Choices((buttons.word(ctx, "continue"), buttons.menu(ctx)))
        ctx.reply(Text(ctx.text("cancel-survey")), offers)
    elif event.content is Content.TEXT:
        await _take(ctx, survey, forms.Said(event.text))
    else:
        await _take(ctx, survey, forms.Shown(event.content))


async def _take(ctx: Context, survey: Survey, given: Given) -> None:
    """Take one input to a survey: store what it answers, then ask on, thank, or confirm."""
    if not consent.given(ctx):
        ctx.close()
        consent.ask(ctx)
        return
    form, before = survey.form, _progress(ctx, survey)
    done = await answering.answered(ctx, form.id)
    step = forms.step(form, before, done, given, _words(ctx))
    asked = question_of(form, step.answer.question) if step.answer else None
    kept = False
    if step.answer and asked:
        kept = await answering.save(ctx, form, asked, step.answer)
    if step.progress:
        _ask(ctx, form, step.progress, step.note)
    elif step.completed and not (before and before.editing):
        await _thank(ctx, survey)
    elif step.answer and asked and kept:
        await _confirm(ctx, asked, step.answer)
    else:
        raise UserError("choice-old")


async def _go_on(ctx: Context, survey: Survey) -> None:
    done = await answering.answered(ctx, survey.form.id)
    here = forms.resume(survey.form, done, _progress(ctx, survey))
    if here is None:
        _nothing_left(ctx)
    else:
        _ask(ctx, survey.form, here)


def _ask(ctx: Context, form: Form, progress: Progress, note: Note = Note.NOTHING) -> None:
    ctx.open(feature.name, forms.dump(progress))
    ctx.reply(*forms.prompt(form, progress, _words(ctx), note))


async def _thank(ctx: Context, survey: Survey) -> None:
    """Thank for the whole survey, with its coupon; the first time is announced to the features."""
    _stop(ctx)
    form = survey.form
    before = await ctx.tx.one(
        activity.COUNT_OF, member_id=ctx.member_id, kind="survey.completed", subject=form.id
    )
    if not before:
        await ctx.record("survey.completed", form.id)
        await ctx.emit(SurveyCompleted(member_id=ctx.member_id, survey=form.id))
    outcome = await coupons.issue(ctx, survey.thanks) if survey.thanks else None
    coupon = ctx.core.community.coupons.get(survey.thanks)
    introduced = await ctx.tx.one(answers.INTRODUCTION_OF, member_id=ctx.member_id) is not None
    guides = await _guides(ctx, form)
    text = ctx.text(
        "survey-thanks",
        named=_yes(ctx.nickname),
        name=ctx.nickname,
        guided=_yes(guides),
        guides=guides,
        coupon=outcome.value.replace("_", "-") if outcome else "none",
        label=coupon.label if coupon else "",
        until=coupons.last_day(ctx, coupon) if coupon else "",
        introduced=_yes(introduced),
    )
    offers = [buttons.word(ctx, "coupon")] if outcome is Issue.ISSUED else []
    offers += [] if introduced else [buttons.word(ctx, "introduce")]
    ctx.reply(Text(text), Choices((*offers, buttons.menu(ctx))))


async def _guides(ctx: Context, form: Form) -> str:
    """Return the choices that guide what the member will be told about."""
    done = await answering.answered(ctx, form.id)
    chosen = (
        label
        for question in form.questions
        if question.guides
        for label in answering.labels(question, done.get(question.id, ()), tags=True)
    )
    return ctx.text("survey-between").join(chosen)


async def _confirm(ctx: Context, question: Question, answer: Answer) -> None:
    """Confirm a corrected answer with the tags it sets."""
    _stop(ctx)
    between = ctx.text("survey-between")
    labels = answering.labels(question, answer.options)
    tags = answering.labels(question, answer.options, tags=True) if question.tag else []
    values = (answer.text, answer.number, answer.day, between.join(labels))
    text = ctx.text(
        "survey-corrected",
        question=_short(ctx, question),
        skipped=_yes(answer.skipped),
        answer=next((str(value) for value in values if value not in {None, ""}), ""),
        tagged=_yes(tags),
        tags=between.join(f"{question.tag}:{tag}" for tag in tags),
    )
    left = await answering.unfinished(ctx)
    offers = [buttons.word(ctx, "continue")] if left else []
    ctx.reply(Text(text), Choices((*offers, buttons.word(ctx, "correct"), buttons.menu(ctx))))


def _nothing_left(ctx: Context) -> None:
    offers = Choices((buttons.word(ctx, "correct"), buttons.menu(ctx)))
    ctx.reply(Text(ctx.text("survey-nothing-left")), offers)


def _survey(ctx: Context, survey_id: str) -> Survey:
    survey = ctx.core.community.survey(survey_id)
    if survey is None:
        raise UserError("choice-old")
    return survey


def _open(ctx: Context) -> Survey | None:
    """Return the survey of the open conversation."""
    if ctx.conversation is None or ctx.conversation.feature != feature.name:
        return None
    return ctx.core.community.survey(str(ctx.conversation.state.get("form")))


def _progress(ctx: Context, survey: Survey) -> Progress | None:
    if ctx.conversation is None or _open(ctx) is not survey:
        return None
    return forms.load(ctx.conversation.state)


def _stop(ctx: Context) -> None:
    """Stop listening; a conversation of another feature goes on."""
    if ctx.conversation is not None and ctx.conversation.feature == feature.name:
        ctx.close()


def _short(ctx: Context, question: Question) -> str:
    """Return what a question is called on a button: what it fills, or its tag, or its text."""
    if question.fills:
        key = f"survey-fills-{question.fills}"
        return ctx.text(key)
    return question.tag or question.text


def _yes(value: object) -> str:
    """Return the selector that copy understands."""
    return "yes" if value else "no"


def _note(ctx: Context, note: Note, facts: Mapping[str, str]) -> str:
    low, high = bool(facts["low"]), bool(facts["high"])
    bounds = {(True, True): "both", (True, False): "low", (False, True): "high"}
    key = f"survey-note-{note.value.replace('_', '-')}"
    return ctx.text(key, bounds=bounds.get((low, high), "none"), **facts)


def _words(ctx: Context) -> Words:
    return Words(
        skip=ctx.text("survey-skip"),
        done=ctx.text("survey-done"),
        date=ctx.text("survey-date"),
        drop=lambda label: ctx.text("survey-drop", label=label),
        chosen=lambda labels: ctx.text(
            "survey-chosen", labels=ctx.text("survey-between").join(labels)
        ),
        note=partial(_note, ctx),
    )
