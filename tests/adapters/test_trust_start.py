"""trust.md W10: a bad configuration refuses to start, with every problem and its cure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import Misconfigured
from hiroba.settings import checked, key_problems
from tests.adapters.live import environment

HIROBA = Path(sys.executable).parent / "hiroba"
GOOD = {
    "LINE_CHANNEL_SECRET": "0123456789abcdef0123456789abcdef",
    "LINE_CHANNEL_ACCESS_TOKEN": "a-long-lived-channel-access-token",
}
BAD = {
    "empty secret": ({"LINE_CHANNEL_SECRET": ""}, "LINE_CHANNEL_SECRET is blank"),
    "blank secret": ({"LINE_CHANNEL_SECRET": "   "}, "LINE_CHANNEL_SECRET is blank"),
    "short secret": ({"LINE_CHANNEL_SECRET": "0123456789abcde"}, "LINE_CHANNEL_SECRET is shorter"),
    "placeholder": (
        {"LINE_CHANNEL_SECRET": "changeme-changeme"},
        "LINE_CHANNEL_SECRET is a placeholder",
    ),
    "second secret empty": (
        {"LINE_CHANNEL_SECRET": f"{'a1' * 16},"},
        "LINE_CHANNEL_SECRET is blank",
    ),
    "three secrets": (
        {"LINE_CHANNEL_SECRET": ",".join(["a1" * 16] * 3)},
        "LINE_CHANNEL_SECRET holds more than two",
    ),
    "empty token": ({"LINE_CHANNEL_ACCESS_TOKEN": ""}, "LINE_CHANNEL_ACCESS_TOKEN is blank"),
    "placeholder token": (
        {"LINE_CHANNEL_ACCESS_TOKEN": "<your token>"},
        "LINE_CHANNEL_ACCESS_TOKEN ",
    ),
    "token in two lines": (
        {"LINE_CHANNEL_ACCESS_TOKEN": "abc\ndef"},
        "LINE_CHANNEL_ACCESS_TOKEN contains",
    ),
    "no web address": ({"LINE_API_BASE": "api.line.me"}, "LINE_API_BASE is not"),
    "no keys": ({"HIROBA_SECRET_KEYS": ""}, "HIROBA_SECRET_KEYS is not set"),
    "a bad key": ({"HIROBA_SECRET_KEYS": "not-a-key"}, "HIROBA_SECRET_KEYS: key 1"),
    "no community": ({"HIROBA_COMMUNITY": ""}, "HIROBA_COMMUNITY is not set"),
    "another database": ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL is not"),
    "an unknown engine": ({"HIROBA_ENGINE": "cron"}, "HIROBA_ENGINE is not known"),
    "a short metrics token": ({"HIROBA_METRICS_TOKEN": "short"}, "HIROBA_METRICS_TOKEN is shorter"),
    "a clock on the real LINE": (
        {"HIROBA_CLOCK": "2026-12-20T10:00+09:00"},
        "HIROBA_CLOCK with a real line",
    ),
    "a clock without zone": ({"HIROBA_CLOCK": "2026-12-20T10:00"}, "HIROBA_CLOCK has no zone"),
    "no time": ({"HIROBA_CLOCK": "yesterday"}, "HIROBA_CLOCK is no ISO time"),
}


def test_the_good_configuration_is_good(tmp_path: Path) -> None:
    settings = checked(environment(tmp_path, GOOD), serving=True)
    assert list(key_problems(settings)) == []


@pytest.mark.parametrize("name", BAD)
def test_w10_each_bad_setting_refuses_the_start(name: str, tmp_path: Path) -> None:
    wrong, problem = BAD[name]
    env = environment(tmp_path, {**GOOD, **wrong})
    with pytest.raises(Misconfigured) as refused:
        checked(env, serving=True)
    assert any(each.startswith(problem) for each in refused.value.problems)
    for each in refused.value.problems:
        assert ": " in each, "every problem comes with its cure"
        secret = {"LINE_CHANNEL_SECRET", "LINE_CHANNEL_ACCESS_TOKEN", "HIROBA_SECRET_KEYS"}
        told = [value for key, value in wrong.items() if key in secret and value.strip()]
        assert [value for value in told if value in each] == [], "no secret is shown"


@pytest.mark.parametrize(
    "names",
    [
        ("empty secret", "empty token", "no keys", "no community", "no time"),
        ("placeholder", "token in two lines", "a bad key", "another database", "an unknown engine"),
    ],
)
def test_w10_the_process_says_all_problems_at_once_and_exits_with_2(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    wrong = {key: value for name in names for key, value in BAD[name][0].items()}
    env = {**os.environ, **environment(tmp_path, {**GOOD, **wrong})}
    command: list[str | Path] = [HIROBA, "serve", "--port", "0"]
    ended = subprocess.run(
        command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    for name in names:
        assert f"hiroba: {BAD[name][1]}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "hiroba.db").exists(), "nothing is made by a start that is refused"


def test_w10_without_any_setting_it_names_what_to_set(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG"}}
    ended = subprocess.run(
        [HIROBA, "serve"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "HIROBA_COMMUNITY" in ended.stderr
    assert "HIROBA_SECRET_KEYS" in ended.stderr
