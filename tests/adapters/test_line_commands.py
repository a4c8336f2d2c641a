"""`hiroba line menu` and `hiroba doctor` as a person runs them, against LINE's other side."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from adapters.line.simulator.simulator import LineSimulator

SECRET = "a-secret-of-32-characters-for-us"
TOKEN = "a-token-of-some-length-for-tests"
HIROBA = str(Path(sys.executable).parent / "hiroba")
SAKURA = str(Path(__file__).parents[2] / "prompts" / "communities" / "sakura")


@pytest.fixture
async def line() -> AsyncIterator[LineSimulator]:
    async with LineSimulator(secret=SECRET, token=TOKEN) as simulator:
        yield simulator


async def run(folder: Path, line: LineSimulator, *command: str, **env: str) -> tuple[int, str]:
    """Run a command; return its exit code and all it printed."""
    process = await asyncio.create_subprocess_exec(
        HIROBA,
        *command,
        cwd=folder,
        env=os.environ
        | {
            "DATABASE_URL": f"sqlite:///{folder / 'hiroba.db'}",
            "HIROBA_COMMUNITY": SAKURA,
            "HIROBA_SECRET_KEYS": Fernet.generate_key().decode(),
            "LINE_CHANNEL_SECRET": SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
            "LINE_API_BASE": line.url,
        }
        | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_the_samples_menu_is_shown_to_everyone(tmp_path: Path, line: LineSimulator) -> None:
    code, printed = await run(tmp_path, line, "line", "menu")
    assert code == 0, printed
    (shown,) = line.menus
    assert line.default_menu == shown
    definition = line.menus[shown].definition
    assert [area["action"]["text"] for area in definition["areas"]] == [
        "クーポンを見る",
        "自己紹介する",
        "つづき",
        "わたしのデータ",
        "訂正",
        "通知を減らす",
    ]
    again, _ = await run(tmp_path, line, "line", "menu")
    assert again == 0
    assert len(line.menus) == 1


async def test_doctor_says_what_to_click(tmp_path: Path, line: LineSimulator) -> None:
    code, printed = await run(tmp_path, line, "doctor")
    assert code == 1  # no webhook is set
    assert "✔ line token" in printed
    assert "✘ line webhook_url: LINE Developers" in printed
    assert "… line redelivery" in printed
    assert TOKEN not in printed
    assert SECRET not in printed


async def test_doctor_names_a_refused_token(tmp_path: Path, line: LineSimulator) -> None:
    code, printed = await run(
        tmp_path, line, "doctor", LINE_CHANNEL_ACCESS_TOKEN="another-token-that-line-knows-not"
    )
    assert code == 1
    assert "✘ line token: LINE Developers" in printed
