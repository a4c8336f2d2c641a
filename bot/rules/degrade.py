"""Fits any message to any platform's numbers, and says what was lost on the way.

The rule it keeps: nothing is dropped silently. What a platform cannot show in one way is
said in another (a card as text and buttons, a picture by its description, too many choices
as pages or as a numbered list), what does not fit into one send follows in the next, and
the RenderReport names every loss so that a preview can show it.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bot.messages import (
    Card,
    Choice,
    Choices,
    Form,
    Image,
    Limits,
    Link,
    Loss,
    Message,
    Part,
    Picks,
    RenderReport,
    Text,
    Unit,
)
from bot.rules.measure import fits, shorten, split

_PAGED_FROM = 3
"""The fewest buttons that make a page: one option and the two that turn pages."""

_LONGEST_NUMBER = 4
"""Digits of the longest number that can name a choice; `int` refuses thousands of them."""

_WHAT = 20
"""Graphemes by which a report recalls a long text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words a fitting adds, in the member's language; none may be blank."""

    more: str
    """The button to the next page."""
    back: str
    """The button to the page before."""
    choose: str
    """Said above buttons that come without any text."""
    numbers: str
    """Said above a numbered list: a number is an answer, too."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A message as a platform can take it: one send each, in order; none if nothing was said.

    Texts, images and (where `limits.forms`) forms count as message objects; Choices do not.
    They are the last part of the last message and follow a Text.
    """

    messages: tuple[Message, ...]
    report: RenderReport


_Body = Text | Image | Form
_Numbered = tuple[tuple[int, Choice], ...]


@dataclass(frozen=True, slots=True)
class _Menu:
    """Buttons, and the choices that must be readable in the text, by their number."""

    buttons: tuple[Choice, ...]
    listed: _Numbered


def degrade(message: Message, limits: Limits, words: Words) -> Fitted:
    """Fit a message to a platform; total and pure.

    Reasons in the report: `ellipsis` (a label was shortened; the text has it whole), `paged`,
    `numbered`, `no_images`, `no_forms`, `no_dates` (a date must be typed), `split` (a text, or the
    whole message, goes in several). Rules: platforms.md section 7.
    """
    losses: list[Loss] = []
    flat = (simple for part in message.parts for simple in _flat(part))
    said = [shown for part in flat for shown in _shown(part, limits, losses)]
    menu = _menu([part for part in said if isinstance(part, Choices)], limits, words, losses)
    body = [part for part in said if not isinstance(part, Choices) and not _blank(part)]
    sends = _sends(_cut(_captioned(body, menu, words), limits, losses), limits, losses)
    if menu.buttons:
        sends[-1] = (*sends[-1], Choices(menu.buttons))
    return Fitted(tuple(Message(parts) for parts in sends), RenderReport(tuple(losses)))


def chosen(text: str, options: Sequence[Choice]) -> Choice | None:
    """Return the choice a typed answer names: by its label, else by its number in the list.

    Width, case and surrounding space do not matter. A label wins over a number, because
    options may be numbers themselves (a scale from 0 to 10); "2." always counts as a number.

    >>> chosen(" (2) ", [Choice("No", "q:a:n"), Choice("Yes", "q:a:y")]).label
    'Yes'
    """
    typed = _folded(text)
    for option in options:
        if typed and _folded(option.label) == typed:
            return option
    # Circled and bracketed digits have become "2", "(2)" and "2." by now.
    digits = typed.strip("().")
    if digits.isdecimal() and len(digits) <= _LONGEST_NUMBER and 1 <= int(digits) <= len(options):
        return options[int(digits) - 1]
    return None


def _folded(text: str) -> str:
    """Return a text as it is compared: compatibility forms, case and outer space do not count."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def _flat(part: Part) -> Iterator[_Body | Choices]:
    """Say links and cards with simpler parts."""
    match part:
        case Text() | Choices() | Image() | Form():
            yield part
        case Link(label=label, url=url):
            yield Text(url if label in {"", url} else f"{label}: {url}")
        case Card():
            if part.image:
                yield part.image
            yield Text("\n".join(filter(None, (part.title, part.body))))
            yield Choices(part.options)
        case _:
            assert_never(part)


def _shown(part: _Body | Choices, limits: Limits, losses: list[Loss]) -> Iterator[_Body | Choices]:
    """Say a picture or a form in other words where the platform has none."""
    if isinstance(part, Image) and not limits.images:
        losses.append(Loss(part.alt or part.path, "no_images"))
        yield Text(part.alt)
    elif isinstance(part, Form) and not limits.forms:
        losses.append(Loss(part.title, "no_forms"))
        yield from _begun(part)
    else:
        yield part


def _begun(form: Form) -> Iterator[Text | Choices]:
    """Say a form's title and first question; `bot.rules.forms` goes on from the first press."""
    yield Text(form.title)
    for question in form.questions[:1]:
        yield Text(question.text)
        name = f"survey:pick:{form.id}.{question.id}"
        yield Choices(tuple(Choice(each.label, f"{name}.{each.id}") for each in question.options))


def _line(number: int, label: str) -> str:
    """Return a line of a numbered list; `chosen` understands its number."""
    return f"{number}. {label}"


def _blank(part: _Body) -> bool:
    """Tell whether a part shows nothing; platforms refuse such texts."""
    return isinstance(part, Text) and not part.text.strip()


def _menu(asked: Sequence[Choices], limits: Limits, words: Words, losses: list[Loss]) -> _Menu:
    """Choose the buttons, and what must be readable beside them because they cannot say it."""
    options = tuple(enumerate((option for choices in asked for option in choices.options), 1))
    turning = next((choices for choices in reversed(asked) if choices.turn), None)
    window: _Numbered = options
    listed: _Numbered = ()
    turns: tuple[Choice, ...] = ()
    if len(options) > limits.choices:
        if turning and limits.choices >= _PAGED_FROM:
            window, turns = _page(options, turning, limits, words)
        else:
            window, listed = options[: limits.choices], options
        why = "numbered" if listed else "paged"
        losses.append(Loss(f"{len(window)}/{len(options)}", why))
    if not all(fits(option.label, limits.label, limits.label_unit) for _, option in window):
        listed = listed or window
    buttons = tuple(_button(number, option, limits, losses) for number, option in window)
    return _Menu(buttons + turns, listed)


def _page(
    options: _Numbered, choices: Choices, limits: Limits, words: Words
) -> tuple[_Numbered, tuple[Choice, ...]]:
    """Return the options of the page asked for (or the nearest there is), and what turns it."""
    size = limits.choices - 2
    last = (len(options) - 1) // size
    page = min(max(choices.page, 0), last)
    turns = tuple(
        Choice(shorten(label, limits.label, limits.label_unit), f"{choices.turn}.{target}")
        for label, target in ((words.back, page - 1), (words.more, page + 1))
        if 0 <= target <= last
    )
    return options[page * size : (page + 1) * size], turns


def _button(number: int, option: Choice, limits: Limits, losses: list[Loss]) -> Choice:
    """Return a choice as its button; a label that must be shortened starts with its number."""
    if option.picks is Picks.DATE and not limits.dates:
        losses.append(Loss(option.label, "no_dates"))
        option = replace(option, picks=Picks.NOTHING)
    if fits(option.label, limits.label, limits.label_unit):
        return option
    losses.append(Loss(option.label, "ellipsis"))
    label = shorten(_line(number, option.label), limits.label, limits.label_unit)
    return replace(option, label=label)


def _captioned(body: Sequence[_Body], menu: _Menu, words: Words) -> list[_Body]:
    """Return the body with a last Text for the menu to hang on, and the list in it."""
    captioned = list(body)
    if not menu.buttons and not menu.listed:
        return captioned
    last = captioned.pop() if captioned and isinstance(captioned[-1], Text) else Text(words.choose)
    lines = [_line(number, option.label) for number, option in menu.listed]
    if isinstance(last, Text) and lines:
        last = Text("\n".join((last.text, "", words.numbers, *lines)))
    return [*captioned, last]


def _cut(body: Sequence[_Body], limits: Limits, losses: list[Loss]) -> list[_Body]:
    """Cut every text to the platform's limit."""
    cut: list[_Body] = []
    for part in body:
        if isinstance(part, Text):
            pieces = split(part.text, limits.text, limits.text_unit)
            if len(pieces) > 1:
                losses.append(Loss(shorten(part.text, _WHAT, Unit.GRAPHEMES), "split"))
            cut.extend(map(Text, pieces))
        else:
            cut.append(part)
    return cut


def _sends(body: Sequence[_Body], limits: Limits, losses: list[Loss]) -> list[tuple[Part, ...]]:
    """Put message objects into as few sends as they need, joining texts when there are too many."""
    objects = body if len(body) <= limits.parts else _joined(body, limits)
    room = max(limits.parts, 1)
    sends: list[tuple[Part, ...]] = [
        tuple(objects[start : start + room]) for start in range(0, len(objects), room)
    ]
    if len(sends) > 1:
        losses.append(Loss(f"1/{len(sends)}", "split"))
    return sends


def _joined(body: Sequence[_Body], limits: Limits) -> list[_Body]:
    """Join neighbouring texts by a new line where they fit into one."""
    joined: list[_Body] = []
    for part in body:
        if joined and isinstance(part, Text) and isinstance(joined[-1], Text):
            both = f"{joined[-1].text}\n{part.text}"
            if fits(both, limits.text, limits.text_unit):
                joined[-1] = Text(both)
                continue
        joined.append(part)
    return joined
