"""The composition: every part of a process, put together in one place and taken down in order."""

import asyncio
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
from fastapi import FastAPI

from adapters.web.app import Inside, Routes, build
from bot.adapter import Adapter, Health, Reach
from bot.commands import Vocabulary
from bot.community import Community, load
from bot.core import Core, Registry, registry
from bot.discover import found
from bot.errors import Misconfigured
from bot.intake import Intake
from bot.media import picture
from bot.ports import Clock, Work
from bot.posting import STOP
from bot.reactions import react
from bot.text import Copy
from hiroba.metrics import exposition
from hiroba.place import Doorway
from hiroba.settings import COPY, KEYRING, Settings
from jobs.broadcast import Broadcaster
from jobs.clock import SWEEP_SECONDS, TICK_SECONDS, Plan, Scheduler, fire_plans
from jobs.delivery import Courier
from jobs.housekeeping import CLEAN_UP, Alerts, Keeping
from jobs.permits import Permits
from jobs.table import TableEngine
from jobs.tasks import Tasks
from jobs.worker import Job, run_wakeups
from storage import migrate, personal, state, visit
from storage.keyring import Keyring
from storage.lock import AlreadyRunning, FileLock
from storage.seal import Cipher, SealBroken
from storage.sqlite import SqliteStore
from storage.store import StoreError, Tx

log = structlog.get_logger()

GRACE_SECONDS = 5.0
"""How long a stopping process lets what it carries come to an end."""
WORKER = "local"
"""The worker's name on SQLite: one process, so its old claims are its own."""
NIGHTLY = "30 3 * * *"


@dataclass(slots=True)
class Runtime:
    """A running process. Made by `start`, ended by `stop`."""

    settings: Settings
    core: Core
    store: SqliteStore
    intake: Intake
    courier: Courier
    broadcaster: Broadcaster
    engine: TableEngine
    place: Doorway
    app: FastAPI
    alerts: Alerts
    locked: ExitStack
    scheduler: Scheduler
    plans: Sequence[Plan]
    tasks: Tasks = field(default_factory=Tasks)
    doors: Tasks = field(default_factory=Tasks)
    """The adapters: open until everything that is carried has left through them."""

    @property
    def clock(self) -> Clock:
        """The process's clock."""
        return self.core.clock

    def work(self, *, rings: bool = True) -> None:
        """Start adapters and jobs; without `rings` nothing happens by the clock alone."""
        for adapter in self.core.adapters.values():
            self.doors.start(adapter.run(self.place))
        if not rings:
            return
        self.tasks.start(self.engine.work())
        self.tasks.start(self.broadcaster.work())
        self.scheduler.every(TICK_SECONDS, self.tick)
        self.scheduler.every(SWEEP_SECONDS, self.sweep)
        self.scheduler.start()
        self.tasks.start(self.sweep())

    async def tick(self) -> None:
        """Do what is due now: wakeups, messages that waited, plans."""
        await run_wakeups(self.core, self.store)
        await self.courier.sweep()
        await fire_plans(self.core, self.store, self.plans)

    async def sweep(self) -> None:
        """Take up what a crash or a failure left open, and tell managers what is dead."""
        while await self.intake.sweep() >= SWEPT:
            pass
        await self.alerts.look()

    async def settle(self) -> None:
        """Do everything that is due, until no row is (terminal and tests: no clock rings)."""
        while True:
            await self.tick()
            await self.broadcaster.settle()
            done = await self.intake.sweep() + await self.engine.step()
            await self.courier.idle()
            if not done and not await self.courier.sweep():
                return

    async def stop(self) -> None:
        """Stop in order: no new work, what is carried comes to its end, then the files close."""
        self.scheduler.stop()
        await self.tasks.cancel()
        await self.engine.finish(GRACE_SECONDS)
        await self.broadcaster.finish(GRACE_SECONDS)
        await self.courier.finish(GRACE_SECONDS)
        await self.doors.cancel()
        await self.store.close()
        self.locked.close()


SWEPT = 100
LEFT = 10_000
"""Messages taken up at start."""


async def start(
    settings: Settings, clock: Clock, adapters: Sequence[Adapter], community: Community
) -> Runtime:
    """Open the database and put the process together.

    Raises:
        Misconfigured: another process serves the file, keys do not open it, or it is damaged.
    """
    locked = ExitStack()
    try:
        cipher = _open_database(settings, locked)
        store = SqliteStore(settings.database, cipher)
        await _keys_open_everything(settings, store)
        runtime = _compose(settings, clock, adapters, (store, community, locked))
        await store.write(partial(_prepare, runtime.core))
        # What a crash left unsent is on its way before anything newer of its conversation.
        await runtime.courier.sweep(LEFT)
    except BaseException:
        locked.close()
        raise
    return runtime


def _open_database(settings: Settings, locked: ExitStack) -> Cipher:
    """Lock, check and migrate the file; return the cipher that opens it."""
    path = settings.database
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        locked.enter_context(FileLock(path))
    except AlreadyRunning as error:
        message = f"another process serves {path}: stop it first (one process per SQLite file)"
        raise Misconfigured([message]) from error
    try:
        if visit.damage(path) != visit.SOUND:
            raise Misconfigured([f"{path} is damaged: restore a backup (`hiroba restore`)"])
        migrate.upgrade(path)
    except sqlite3.DatabaseError as error:
        message = f"{path} cannot be opened ({error}): check the path, its rights and the disk"
        raise Misconfigured([message]) from error
    cipher = open_cipher(settings)
    locked.callback(cipher.keyring.close)
    return cipher


async def _keys_open_everything(settings: Settings, store: SqliteStore) -> None:
    """Look at one value of each column that members' own keys seal.

    Raises:
        Misconfigured: the key file is missing, or not the one of this database.
    """
    try:
        closed = await store.read(personal.unreadable)
    except StoreError as error:
        await store.close()
        raise Misconfigured([f"{error}: check {KEYRING}, its rights and the disk"]) from error
    if closed:
        await store.close()
        problem = (
            f"the key file {settings.keyring} does not open {', '.join(closed)}: put the newest "
            f"copy of this database's key file there, or name it in {KEYRING}. Is it lost, "
            "then so is what it opened: `hiroba backup FILE`, then `hiroba restore FILE` goes on"
        )
        raise Misconfigured([problem])


def open_cipher(settings: Settings) -> Cipher:
    """Return the cipher with the community's hash secret, made at the first start.

    Raises:
        Misconfigured: the keys do not open what is stored.
    """
    cipher = Cipher(settings.keys, keyring=Keyring(settings.keyring, settings.keys))
    sealed = visit.secret(
        settings.database, lambda: cipher.seal(secrets.token_bytes(32), "secret").decode()
    )
    try:
        cipher.secret = cipher.open(sealed.encode(), "secret")
    except SealBroken as error:
        message = "HIROBA_SECRET_KEYS does not open this database: add the key that sealed it"
        raise Misconfigured([message]) from error
    return cipher


def _compose(
    settings: Settings,
    clock: Clock,
    adapters: Sequence[Adapter],
    parts: tuple[SqliteStore, Community, ExitStack],
) -> Runtime:
    store, community, locked = parts
    copy = Copy([COPY, community.folder / "copy"], community.locale)
    features = registry(found("bot.features", "feature"))
    named = {adapter.name: adapter for adapter in adapters}
    unset: Mapping[str, object] = {}
    core = Core(
        community=community,
        copy=copy,
        clock=clock,
        adapters=named,
        registry=features,
        vocabulary=Vocabulary(features.features.values(), copy),
        engine=unset,  # type: ignore[arg-type]
        courier=unset,  # type: ignore[arg-type]
    )
    permits = {
        name: Permits(store, clock, name, adapter.limits.sends_per_second)
        for name, adapter in named.items()
        if adapter.limits.sends_per_second
    }
    public = settings.hiroba_public_url.rstrip("/")
    courier = Courier(core, store, permits, f"{public}/media" if public else "")
    engine = TableEngine(core, store, WORKER)
    core.courier, core.engine = courier, engine
    return _finish(settings, core, (store, courier, engine), locked)


def _finish(
    settings: Settings,
    core: Core,
    parts: tuple[SqliteStore, Courier, TableEngine],
    locked: ExitStack,
) -> Runtime:
    store, courier, engine = parts
    tasks = Tasks()
    intake = Intake(core, store, lambda: _soon(tasks, intake))
    inside = Inside(
        ready=lambda: _ready(runtime),
        metrics=lambda: exposition(runtime.store, runtime.intake, runtime.place.health),
        picture=lambda media_id: picture(store, media_id),
        media=core.community.folder / "media",
        metrics_token=settings.hiroba_metrics_token.get_secret_value(),
    )
    app = build(inside)
    place = Doorway(intake, core.clock, Routes(app), settings.hiroba_public_url)
    place.health = {name: Health(Reach.STARTING) for name in core.adapters}
    handle_jobs(core.registry, engine, core, Work(store, core.clock, place.download))
    keeping = Keeping(core, store)
    engine.handler(CLEAN_UP, keeping.clean)
    runtime = Runtime(
        settings=settings,
        core=core,
        store=store,
        intake=intake,
        courier=courier,
        broadcaster=Broadcaster(courier, WORKER),
        engine=engine,
        place=place,
        app=app,
        alerts=Alerts(core, store),
        locked=locked,
        scheduler=Scheduler(core.community.zone),
        plans=(Plan(CLEAN_UP, NIGHTLY, timedelta(hours=20), keeping.fire),),
        tasks=tasks,
    )
    return runtime


def _soon(tasks: Tasks, intake: Intake) -> None:
    """Sweep in a moment: an element was split off or failed."""

    async def again() -> None:
        await asyncio.sleep(0.02)
        while await intake.sweep() >= SWEPT:
            pass

    if len(tasks) < MOST_SWEEPS:
        tasks.start(again())


MOST_SWEEPS = 50


def handle_jobs(features: Registry, engine: TableEngine, core: Core, work: Work) -> None:
    """Tell the engine what carries out each kind of job."""

    async def reaction(job: Job) -> None:
        async def run(tx: Tx) -> None:
            await react(core, tx, job.key, job.payload)
            await job.end(tx)

        await work.store.write(run)

    engine.handler("react", reaction)
    for kind, handle in features.jobs.items():

        async def carry(job: Job, handle: object = handle) -> None:
            await handle(work, job.payload)  # type: ignore[operator]

        engine.handler(kind, carry)


async def _prepare(core: Core, tx: Tx) -> None:
    """Bring rows up to the community's files."""
    for bring_up in core.registry.starts:
        await bring_up(core, tx)


async def _ready(runtime: Runtime) -> tuple[bool, dict[str, str]]:
    details = {name: health.reach.value for name, health in runtime.place.health.items()}
    try:
        async with asyncio.timeout(2):
            await runtime.store.read(lambda tx: tx.one(state.GET, name=STOP))
        details["database"] = "up"
    except (TimeoutError, RuntimeError):
        details["database"] = "down"
    return runtime.place.all_up and details["database"] == "up", details


def load_community(settings: Settings) -> Community:
    """Load the community's folder; warnings go to the log."""
    community = load(settings.community)
    for warning in community.warnings:
        log.warning("community", warning=warning)
    return community
