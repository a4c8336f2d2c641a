"""A wrong LINE configuration refuses to start, with every problem and never a secret."""

import pytest

from adapters.line.adapter import PLATFORM
from adapters.line.settings import Settings

SECRET, TOKEN = "0123456789abcdef", "an-invented-token+/="


def environment(**changes: str) -> dict[str, str]:
    return {"LINE_CHANNEL_SECRET": SECRET, "LINE_CHANNEL_ACCESS_TOKEN": TOKEN, **changes}


def test_line_is_off_without_any_of_its_keys() -> None:
    assert not PLATFORM.configured({"PATH": "/bin", "SLACK_BOT_TOKEN": "x", "LINES": "24"})
    assert PLATFORM.configured({"LINE_CHANNEL_SECRET": ""})
    assert PLATFORM.configured({"LINE_API_BASE": "http://127.0.0.1:1"})


def test_a_good_configuration_has_no_problem() -> None:
    assert PLATFORM.problems(environment()) == []
    assert PLATFORM.build(environment()).name == "line"


def test_a_partial_configuration_names_what_is_missing() -> None:
    assert [line.split()[0] for line in PLATFORM.problems({"LINE_API_BASE": "http://h"})] == [
        "LINE_CHANNEL_SECRET",
        "LINE_CHANNEL_ACCESS_TOKEN",
    ]


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "\t\n",
        "changeme",
        "CHANGE_ME_PLEASE_NOW",
        "change-me-change-me-change-me",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "your-channel-secret-here",
        "<channel secret>",
        "<paste-your-secret-here>",
        "****************",
        "................",
        "replace_with_your_secret",
        "0123456789abcde",
        "0123456789abcdef\n",
        "0123456789 abcdef",
        "０１２３４５６７８９ａｂｃｄｅｆ",
    ],
)
@pytest.mark.parametrize("place", ["{}", "{},0123456789abcdef", "0123456789abcdef,{}"])
def test_a_bad_secret_is_one_problem_with_its_cure(bad: str, place: str) -> None:
    (problem,) = PLATFORM.problems(environment(LINE_CHANNEL_SECRET=place.format(bad)))
    assert problem.startswith("LINE_CHANNEL_SECRET ")
    assert "Basic settings" in problem
    assert not bad.strip() or bad not in problem


def test_two_secrets_are_good_and_three_are_not() -> None:
    two = environment(LINE_CHANNEL_SECRET=f"{SECRET},{SECRET[::-1]}")
    assert PLATFORM.problems(two) == []
    assert Settings.read(two).secrets == (SECRET.encode(), SECRET[::-1].encode())
    assert len(PLATFORM.problems(environment(LINE_CHANNEL_SECRET=",".join([SECRET] * 3)))) == 1


@pytest.mark.parametrize(
    "bad", ["", " ", "changeme", "xxx", "your-token", "a b", "a\n", "鍵", "todo"]
)
def test_a_bad_token_is_one_problem(bad: str) -> None:
    (problem,) = PLATFORM.problems(environment(LINE_CHANNEL_ACCESS_TOKEN=bad))
    assert problem.startswith("LINE_CHANNEL_ACCESS_TOKEN ")


@pytest.mark.parametrize("bad", ["", "api.line.me", "ftp://api.line.me", "https://", "http://[x"])
def test_a_base_that_is_no_address_is_a_problem(bad: str) -> None:
    (problem,) = PLATFORM.problems(environment(LINE_API_BASE=bad))
    assert problem.startswith("LINE_API_BASE ")


def test_all_problems_are_told_at_once() -> None:
    every = dict.fromkeys(environment(LINE_API_BASE=""), "")
    assert len(PLATFORM.problems(every)) == 3


def test_a_custom_base_replaces_both_of_lines_hosts() -> None:
    official = Settings.read(environment())
    assert (official.base, official.data_base) == (
        "https://api.line.me",
        "https://api-data.line.me",
    )
    assert official.custom_base == ""
    assert PLATFORM.bases(environment()) == [official.base]
    custom = Settings.read(environment(LINE_API_BASE="http://127.0.0.1:8123/"))
    assert custom.base == custom.data_base == custom.custom_base == "http://127.0.0.1:8123"


def test_the_mapping_alone_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINE_CHANNEL_SECRET", "another-secret-from-the-process")
    assert Settings.read({}).channel_secret.get_secret_value() == ""
    assert Settings().channel_secret.get_secret_value() == "another-secret-from-the-process"


def test_no_secret_shows() -> None:
    settings = Settings.read(environment())
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown
        assert TOKEN not in shown
