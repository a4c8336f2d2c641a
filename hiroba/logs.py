"""Structured logs without personal data: events, row numbers, counts and one-word reasons."""

import logging
import sys

import structlog

QUIET = ("httpx", "aiohttp.access", "apscheduler", "alembic", "linebot", "uvicorn.access")
"""Loggers that print addresses, ids or contents below WARNING."""


def configure(level: int = logging.INFO) -> None:
    """Write JSON lines to standard error; an exception's text never leaves, only its type."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
