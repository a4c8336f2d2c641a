"""Bringing a database to the schema this code expects."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

MIGRATIONS = Path(__file__).parent / "migrations"


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, bound to an open connection where one is given."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def head() -> str:
    """Return the newest revision this code knows."""
    found = ScriptDirectory.from_config(config()).get_current_head()
    if found is None:
        message = "no migrations"
        raise LookupError(message)
    return found


def current(path: Path) -> str | None:
    """Return the revision of a SQLite file, None when it is new."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return found


def upgrade(path: Path, revision: str = "head") -> None:
    """Bring a SQLite file up to a revision; each migration is one transaction."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        command.upgrade(config(connection), revision)
        connection.commit()
    engine.dispose()


def downgrade(path: Path, revision: str) -> None:
    """Take a SQLite file back to a revision."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        command.downgrade(config(connection), revision)
        connection.commit()
    engine.dispose()
