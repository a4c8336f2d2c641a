"""A member who walks a form, with journey A1's survey: shared by the tests of forms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.messages import Choices, Form, Kind, Option, Part, Question, Text
from bot.rules.forms import (
    Answer,
    Given,
    Note,
    Progress,
    Said,
    Step,
    Words,
    dump,
    load,
    press,
    prompt,
    resume,
    step,
)


def _note(note: Note, values: Mapping[str, str]) -> str:
    if note is Note.STICKER:
        return f"かわいいスタンプありがとうございます！ {values['at']} は下からえらんでくださいね。"
    return f"<{note} {values['low']}–{values['high']}>"


WORDS = Words(
    skip="スキップ",
    done="決定",
    date="日付をえらぶ",
    drop=lambda label: f"{label}をはずす",
    chosen=lambda labels: f"選択中：{'・'.join(labels)}",
    note=_note,
)


def options(*labels: str) -> tuple[Option, ...]:
    return tuple(Option(f"o{place}", label) for place, label in enumerate(labels))


NAME = Question(
    id="name",
    kind=Kind.SHORT_TEXT,
    text="何とお呼びすればよいですか？（本名でなくて大丈夫です）",
    skip=True,
    fills="nickname",
)
AGE = Question(
    id="age",
    kind=Kind.SINGLE,
    text="年代をえらんでください。",
    options=options("10代", "20代", "30代", "40代", "50代以上", "答えない"),
)
LIKES = Question(
    id="likes",
    kind=Kind.MULTI,
    text="気になるものは？（いくつでも）",
    options=options("まつげ", "スキンケア", "ヘアケア"),
)
USE = Question(
    id="use",
    kind=Kind.SINGLE,
    text="さくらの商品は使ったことがありますか？",
    options=options("いま使っている", "前に使った", "はじめて"),
)
WELCOME = Form(id="welcome", title="はじめてのアンケート", questions=(NAME, AGE, LIKES, USE))


@dataclass
class Member:
    """A member who walks a form; keeps what a caller keeps."""

    form: Form
    progress: Progress | None = None
    answered: dict[str, Answer] = field(default_factory=dict)
    completed: int = 0
    note: Note = Note.NOTHING

    def __post_init__(self) -> None:
        self.progress = resume(self.form, self.given())

    def given(self) -> dict[str, tuple[str, ...]]:
        return {name: answer.options for name, answer in self.answered.items()}

    def does(self, act: Given) -> Step:
        done = step(self.form, self.progress, self.given(), act, WORDS)
        if done.answer:
            self.answered[done.answer.question] = done.answer
        # What is kept between two steps is what survives JSON.
        kept = done.progress
        self.progress = load(json.loads(json.dumps(dump(kept)))) if kept else None
        self.completed += done.completed
        self.note = done.note
        return done

    def says(self, text: str) -> str:
        self.does(Said(text))
        return self.sees()

    def taps(self, label: str) -> str:
        """Press the button of this label, by its value."""
        choice = next(choice for choice in self.choices().options if choice.label == label)
        _, verb, argument = choice.value.split(":")
        pressed = press(verb, argument)
        assert pressed is not None
        assert pressed[0] == self.form.id
        self.does(pressed[1])
        return self.sees()

    def picked(self, question: str) -> tuple[str, ...]:
        return self.answered[question].options

    def parts(self) -> tuple[Part, ...]:
        return prompt(self.form, self.progress, WORDS, self.note) if self.progress else ()

    def choices(self) -> Choices:
        return next(part for part in self.parts() if isinstance(part, Choices))

    def sees(self) -> str:
        return shown(self.parts())


def shown(parts: tuple[Part, ...]) -> str:
    said = "".join(part.text for part in parts if isinstance(part, Text))
    buttons = [choice for part in parts if isinstance(part, Choices) for choice in part.options]
    return said + "".join(f"［{choice.label}］" for choice in buttons)


def single(kind: Kind, **more: object) -> Form:
    return Form(id="f", title="", questions=(Question(id="q", kind=kind, text="？", **more),))  # type: ignore[arg-type]
