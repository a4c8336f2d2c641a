"""The baseline: a LINE echo bot as tutorials write it, with one insert and commit per event.

FastAPI, line-bot-sdk v3 (WebhookParser, AsyncMessagingApi), SQLModel over SQLAlchemy's async
session and aiosqlite. Kinder than its defaults: write-ahead log and synchronous NORMAL, so it
does not even wait for the disk, and it keeps no state of a talk.
"""

import argparse
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from linebot.v3.exceptions import InvalidSignatureError
from linebot.v3.messaging import (
    AsyncApiClient,
    AsyncMessagingApi,
    Configuration,
    ReplyMessageRequest,
    TextMessage,
)
from linebot.v3.webhook import WebhookParser
from linebot.v3.webhooks import MessageEvent, PostbackEvent
from sqlalchemy import text
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from storage.tables import table_of


class Apart(SQLModel, registry=registry()):
    """A registry of its own, so that our schema never meets this one's table."""


class Heard(Apart, table=True):
    """One event."""

    __tablename__ = "heard"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    user_id: str
    said: str


def quick(connection: sqlite3.Connection, _: object) -> None:
    """Do not wait for the disk, on any connection of the pool."""
    connection.execute("PRAGMA synchronous=NORMAL")


async def prepare(engine: AsyncEngine) -> None:
    listen(engine.sync_engine, "connect", quick)
    async with engine.begin() as connection:
        await connection.execute(text("PRAGMA journal_mode=WAL"))
        await connection.run_sync(table_of(Heard).create)


def said(event: MessageEvent | PostbackEvent) -> str:
    if isinstance(event, MessageEvent):
        return str(event.message.text)
    return str(event.postback.data)


def application(given: argparse.Namespace) -> FastAPI:
    parser = WebhookParser(given.secret)
    engine = create_async_engine(f"sqlite+aiosqlite:///{given.database}")
    session = async_sessionmaker(engine, expire_on_commit=False)
    configuration = Configuration(access_token=given.token, host=given.line)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await prepare(engine)
        async with AsyncApiClient(configuration) as client:
            app.state.line = AsyncMessagingApi(client)
            yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/line/webhook")
    async def webhook(request: Request) -> Response:
        body = (await request.body()).decode()
        try:
            events = parser.parse(body, request.headers.get("x-line-signature"))
        except InvalidSignatureError:
            return Response(status_code=401)
        for event in events:
            words = said(event)
            async with session() as db:
                user = event.source.user_id
                db.add(Heard(key=event.webhook_event_id, user_id=user, said=words))
                await db.commit()
            await request.app.state.line.reply_message(
                ReplyMessageRequest(
                    replyToken=event.reply_token, messages=[TextMessage(text=words)]
                )
            )
        return Response(status_code=200)

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--port", "--database", "--line", "--secret", "--token"):
        parser.add_argument(name, required=True)
    given = parser.parse_args()
    uvicorn.run(application(given), port=int(given.port), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
