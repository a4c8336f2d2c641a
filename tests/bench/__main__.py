"""`python -m tests.bench`: speed and memory beside a naive baseline of the same run.

Ends with 1 when a bar is missed. A full run writes docs/figures/bench.md; `--quick` only prints.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.cells import (
    Field,
    Figures,
    Memory,
    durable_intake,
    memory,
    percentile,
    slow_line,
    starts,
    whole_event,
)
from tests.bench.processes import (
    ROOT,
    SECRET,
    TOKEN,
    Bare,
    Hiroba,
    Naive,
    line_process,
)
from tests.bench.report import Row, machine, page

TARGET = ROOT / "docs" / "figures" / "bench.md"


@contextmanager
def field() -> Iterator[Field]:
    """Open a fresh folder and LINE."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        with line_process(folder) as line:
            url = line.ask(secret=SECRET, token=TOKEN)["url"]
            yield Field(folder, line, url)


def comparisons(*, quick: bool) -> Iterator[Row]:
    """Run everything that needs members under load, beside the baselines."""
    times, size = (2, 500) if quick else (7, 2_000)
    with field() as here, Hiroba(here.folder, here.url) as ours:
        ours.wait_until("/readyz", {200})
        here.aim(ours)
        here.onboard(0, 100)
        here.onboard(100, 300, whole=False)
        here.line.ask(do="totals")
        with Naive(here.folder, here.url) as naive:
            naive.wait_until("/", {404})
            for per, bar in ((1, 1.5), (10, 2.5)):
                pair = whole_event(here, (ours, naive), per, (size, size // 2), times)
                yield from whole_rows(*pair, per, bar)
        with Bare(here.folder) as bare:
            bare.wait_until("/", {404})
            pair = durable_intake(here, (ours, bare), (2 * size, 6 * size), times)
            yield from intake_rows(*pair)
        yield from slow_rows(*slow_line(here, ours, size, 10 * times))


def whole_rows(ours: Figures, naive: Figures, per: int, bar: float) -> Iterator[Row]:
    where = f"whole event, 8 connections, {per} a request"
    ratio = ours.rate / naive.rate
    cpu = ours.milliseconds
    told = f"{ours.rate:,.0f} / {naive.rate:,.0f} events/s = {ratio:.2f} ({spread(ours, naive)})"
    yield Row(f"{where}: ours / naive", told, f"≥ {bar}", ok=ratio >= bar)
    told = f"{cpu:.2f} ms (naive {naive.milliseconds:.2f})"
    yield Row(f"{where}: CPU an event", told, "≤ 1.6 ms", ok=cpu <= 1.6)
    yield Row(f"{where}: webhook in → reply accepted", waits(ours.waits))


def spread(one: Figures, other: Figures) -> str:
    """Name the smallest and the largest ratio of neighbouring repetitions."""
    ratios = [a / b for a, b in zip(one.rates, other.rates, strict=True)]
    return f"{min(ratios):.2f}–{max(ratios):.2f}"


def waits(values: list[float]) -> str:
    p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
    return f"p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms"


def intake_rows(ours: Figures, bare: Figures) -> Iterator[Row]:
    ratio = ours.rate / bare.rate
    told = f"{ours.rate:,.0f} / {bare.rate:,.0f} events/s = {ratio:.2f} ({spread(ours, bare)})"
    yield Row(
        "durable intake, 32 connections: ours / bare handler", told, "≥ 0.40", ok=ratio >= 0.4
    )
    p99 = percentile(ours.waits, 0.99)
    told = f"{waits(ours.waits)}; CPU {ours.milliseconds:.2f} ms (bare {bare.milliseconds:.2f})"
    yield Row("durable intake: webhook in → 200", told, "p99 ≤ 50 ms", ok=p99 <= 0.05)
    told = f"{ours.rate:,.0f} events/s"
    yield Row("durable intake, absolute", told, "≥ 1,500", ok=ours.rate >= 1_500)


def slow_rows(left: list[float], paced: Figures) -> Iterator[Row]:
    told = f"median {percentile(left, 0.5) * 1e3:.0f} ms, slowest {max(left) * 1e3:.0f} ms"
    ok = percentile(left, 0.5) <= 0.15
    yield Row("LINE takes 50 ms: the tenth reply of a webhook has left", told, "≤ 150 ms", ok=ok)
    p99 = percentile(paced.waits, 0.99)
    where = "LINE takes 50 ms, 100 events/s: webhook in → reply accepted"
    yield Row(where, waits(paced.waits), "p99 ≤ 250 ms", ok=p99 <= 0.25)


def alone(*, quick: bool) -> Iterator[Row]:
    """Measure start and memory: one process with LINE only."""
    seconds = starts(2 if quick else 5)
    told = f"median {percentile(seconds, 0.5):.1f} s, slowest {max(seconds):.1f} s"
    ok = percentile(seconds, 0.5) <= 6
    yield Row("start → ready, a new database, LINE only", told, "≤ 6 s", ok=ok)
    few, many = (200, 1_000) if quick else (1_000, 10_000)
    with field() as here:
        yield from memory_rows(memory(here, few, many), few, many)


def memory_rows(seen: Memory, few: int, many: int) -> Iterator[Row]:
    told = f"{seen.many:.0f} MB (ready: {seen.ready:.0f} MB)"
    yield Row(f"resident after {many:,} members joined", told, "≤ 220 MB", ok=seen.many <= 220)
    grown = seen.many - seen.few
    ok = grown <= 10
    yield Row(f"growth from {few:,} to {many:,} members", f"{grown:+.1f} MB", "≤ 10 MB", ok=ok)
    told = f"{seen.rate:.0f} members/s, each reply {waits(seen.waits)}"
    yield Row("onboarding (follow and the whole survey, 16 members at once)", told)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that writes no file")
    quick = parser.parse_args().quick
    began = time.monotonic()
    rows = []
    for bench in (comparisons, alone):
        for row in bench(quick=quick):
            print(row.line, flush=True)
            rows.append(row)
    lasted = time.monotonic() - began
    if not quick:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(page(rows, machine(), lasted), encoding="utf-8")
    sys.exit(any(row.ok is False for row in rows))


if __name__ == "__main__":
    main()
