"""`hiroba chat --json` is a contract: scripts and checks from outside read it line by line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.adapters.live import KEY

HIROBA = Path(sys.executable).parent / "hiroba"
START = "2026-12-20T10:00+09:00"


def chat(folder: Path, lines: list[str], **env: str) -> list[list[dict[str, Any]]]:
    """Type lines into a new chat; return what each of them printed, without its `done`."""
    told = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder / 'chat.db'}",
        "HIROBA_SECRET_KEYS": KEY,
        **env,
    }
    ended = subprocess.run(
        [HIROBA, "chat", "--json"],
        input="\n".join(lines) + "\n",
        env=told,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answers: list[list[dict[str, Any]]] = [[]]
    for line in ended.stdout.splitlines():
        message = json.loads(line)
        if message == {"done": True}:
            answers.append([])
        else:
            answers[-1].append(message)
    assert answers.pop() == [], "the last thing said is that all is done"
    return answers


def labels(message: dict[str, Any]) -> list[str]:
    return [choice["label"] for choice in message["choices"]]


TALK = [
    "/event follow",
    "2",
    "1",
    '"3"',
    "40代",
    "/event sticker",
    "/as 佐藤",
    "会員数",
    "/as 花子",
    "/now 2026-12-23T10:00+09:00",
    "つづき",
    "/event unfollow",
]


def test_a_conversation_line_by_line(tmp_path: Path) -> None:
    answers = chat(tmp_path, TALK, HIROBA_CLOCK=START)
    followed, details, agreed, said, aged, sticker, *others = answers
    switched, figures, back, moved, resumed, left = others
    assert [set(each) for group in answers for each in group] == [
        {"to", "via", "text", "choices", "cost"}
    ] * 8
    assert (followed[0]["to"], followed[0]["via"], followed[0]["cost"]) == ("花子", "reply", 0)
    assert followed[0]["choices"] == [
        {"n": 1, "label": "同意してはじめる"},
        {"n": 2, "label": "くわしく"},
        {"n": 3, "label": "あとで"},
    ]
    # A number presses the button shown last under that number.
    assert details[0]["text"].startswith("保存するもの")
    assert agreed[0]["text"].startswith("1/4")
    # In quotes it is what somebody says.
    assert said[0]["text"].startswith("2/4")
    assert aged[0]["text"].startswith("3/4")
    assert labels(aged[0]) == ["まつげ", "スキンケア", "ヘアケア", "決定"]
    assert "3/4" in sticker[0]["text"]
    assert (switched, back, moved, left) == ([], [], [], [])
    assert figures[0]["to"] == "佐藤"
    assert figures[0]["text"].startswith("会員 2人")
    assert resumed[0]["text"].startswith("3/4")


def test_the_samples_managers_and_lines_that_cannot_be_taken(tmp_path: Path) -> None:
    lines = ["/as 高橋", "ヘルプ", "/as 佐藤", "ヘルプ", "/as みどり", "ヘルプ"]
    wrong = ["/event dance", "/now 2026-12-23T10:00+09:00", "/event follow"]
    answers = chat(tmp_path, [*lines, *wrong])
    assert "運営です" in answers[1][0]["text"]
    assert "運営です" in answers[3][0]["text"]
    assert "運営です" not in answers[5][0]["text"]
    # The time moves only where HIROBA_CLOCK began it.
    assert [list(each) for group in answers[6:8] for each in group] == [["error"], ["error"]]
    assert len(answers[8]) == 1


def test_a_message_into_a_channel_is_a_free_push(tmp_path: Path) -> None:
    lines = ["/event follow", "1", "はな", "自己紹介する", "よろしくおねがいします"]
    thanks, shown = sorted(chat(tmp_path, lines)[-1], key=lambda message: message["via"] == "push")
    assert (thanks["to"], thanks["via"]) == ("花子", "reply")
    assert (shown["to"], shown["via"], shown["cost"]) == ("#管理", "push", 0)
    assert "よろしくおねがいします" in shown["text"]
    # The same database goes on where it was.
    assert "2/4" in chat(tmp_path, ["つづき"])[0][0]["text"]
