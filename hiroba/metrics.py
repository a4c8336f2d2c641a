"""Prometheus text from the rows and from what this process counted; no personal data."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from bot.adapter import Health, Reach
from bot.intake import Intake
from storage import inbox, outbox, work
from storage.store import Store, Tx


async def exposition(store: Store, intake: Intake, health: Mapping[str, Health]) -> bytes:
    """Return the metrics page."""
    registry = CollectorRegistry()
    await store.read(lambda tx: _rows(tx, registry))
    elements = Gauge(
        "hiroba_intake_elements",
        "Elements since start by platform and outcome",
        ["platform", "outcome"],
        registry=registry,
    )
    for (platform, outcome), count in intake.counts.items():
        elements.labels(platform, outcome).set(count)
    backlog = Gauge("hiroba_writer_backlog", "Work waiting for the writer", registry=registry)
    backlog.set(store.backlog)
    up = Gauge(
        "hiroba_platform_up", "1 when credentials are accepted", ["platform"], registry=registry
    )
    for platform, state in health.items():
        up.labels(platform).set(state.reach is Reach.UP)
    return generate_latest(registry)


async def _rows(tx: Tx, registry: CollectorRegistry) -> None:
    messages = Gauge(
        "hiroba_outbox_messages",
        "Messages by way, state and reason",
        ["way", "state", "reason"],
        registry=registry,
    )
    counted = Gauge("hiroba_counted_messages", "Messages a platform counts", registry=registry)
    for row in await tx.all(outbox.COUNT_OUTCOMES):
        messages.labels(row.way, row.state, row.reason).set(row.total)
        counted.inc(row.counted)
    elements = Gauge(
        "hiroba_inbox_elements",
        "Stored elements by state and fault",
        ["state", "fault"],
        registry=registry,
    )
    for fault in await tx.all(inbox.COUNT_STATES):
        elements.labels(fault.state, fault.fault).set(fault.total)
    jobs = Gauge("hiroba_jobs", "Jobs by kind and state", ["kind", "state"], registry=registry)
    for job in await tx.all(work.COUNT_JOBS):
        jobs.labels(job.kind, job.state).set(job.total)
