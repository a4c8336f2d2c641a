"""The `hiroba` command. Each command loads what it needs when it is called, and no SDK before."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from bot.errors import HirobaError, Misconfigured

hiroba = App(name="hiroba", help="A community bot for LINE, Slack and Discord.", version="0.1.0")
line = App(name="line", help="What concerns LINE alone.")
audit = App(name="audit", help="The audit log.")
hiroba.command(line)
hiroba.command(audit)

CONFIGURATION = 2
"""Exit code of a process that refuses to start."""


@hiroba.command
def demo() -> None:
    """Start the sample community on SQLite, without any key, and open a talk."""
    from hiroba.demo import demo as start

    start()


@hiroba.command
def init(folder: Path) -> None:
    """Write a commented community folder and a `.env` with fresh keys.

    Parameters
    ----------
    folder
        Where to write; must not exist yet.
    """
    from hiroba.init import init as write

    write(folder)


@hiroba.command
def check(folder: Path | None = None, *, schema: bool = False) -> None:
    """Check a community's definitions; every error with file, line and fix.

    Parameters
    ----------
    folder
        The community's folder; default HIROBA_COMMUNITY, else the sample.
    schema
        Print the JSON Schemas of the files instead, for editors.
    """
    from hiroba.check import check as look

    look(folder, schema=schema)


@hiroba.command
def serve(*, host: str = "127.0.0.1", port: int = 8000, work: bool = True) -> None:
    """Serve the configured platforms.

    Parameters
    ----------
    host
        The address to listen on.
    port
        The port to listen on; 0 takes a free one and prints it.
    work
        With --no-work, jobs are left to `hiroba work`.
    """
    from hiroba.serve import serve as run

    _run(run(host, port, work=work))


@hiroba.command
def work() -> None:
    """Do the jobs without serving; on SQLite `serve` does both."""
    from hiroba.serve import work as run

    _run(run())


@hiroba.command
def chat(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Talk to the bot in the terminal.

    Parameters
    ----------
    json
        One JSON object a line, for scripts.
    """
    from hiroba.chat import main as talk

    talk(as_json=json)


@hiroba.command
def migrate() -> None:
    """Bring the database to this version."""
    from hiroba.database import migrate as run

    run()


@hiroba.command
def doctor() -> None:
    """Check keys, webhook, quota and settings, and say what to click."""
    from hiroba.doctor import doctor as look

    sys.exit(asyncio.run(look()))


@hiroba.command
def owner() -> None:
    """Print a one-time code; who sends it to the bot within 10 minutes becomes owner."""
    from hiroba.database import owner as make

    asyncio.run(make())


@hiroba.command
def backup(target: Path) -> None:
    """Copy the database to a new file, also while it is served.

    Parameters
    ----------
    target
        The file to write; must not exist yet.
    """
    from hiroba.database import backup as copy

    copy(target)


@hiroba.command
def restore(source: Path, *, yes: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Put a backup in the database's place; it opens paused.

    Parameters
    ----------
    source
        A file that `hiroba backup` wrote.
    yes
        Do it without asking.
    """
    from hiroba.database import restore as put

    put(source, yes=yes)


@audit.command
def verify() -> None:
    """Walk the audit log's chain and name the first row that was changed, if any."""
    from hiroba.database import verify_audit

    sys.exit(asyncio.run(verify_audit()))


@line.command
def menu() -> None:
    """Put the community's rich menu on LINE."""
    from hiroba.line_menu import menu as publish

    asyncio.run(publish())


def _run(process: Coroutine[Any, Any, None]) -> None:
    """Run a long-lived process on uvloop, where there is one: half the cost of every request."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(process)
    else:
        uvloop.run(process)


def run() -> None:
    """Run the command line; what goes wrong is said with its next step."""
    try:
        hiroba()
    except Misconfigured as error:
        for problem in error.problems:
            sys.stderr.write(f"hiroba: {problem}\n")
        sys.exit(CONFIGURATION)
    except HirobaError as error:
        sys.stderr.write(f"hiroba: {type(error).__name__}: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
