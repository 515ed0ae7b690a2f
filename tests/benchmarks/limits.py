"""Four processes that call as fast as they are let, with Xero's limits on: what of the minute's calls is used."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median, quantiles
from typing import Any

from deployments.sandbox.server import Sandbox
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_least, at_most, exactly
from tests.benchmarks.stage import ROOT
from tests.postgres import fresh_database, server
from tests.support import settings_for

CALLERS = 4
MINUTE = 60


@dataclass(frozen=True)
class Used:
    """What the callers did: calls that were let in, refused ones by reason, most at once, waits and costs."""

    calls: int
    refused: dict[str, int]
    most: int
    waits: list[list[float]]
    costs: list[float]

    @property
    def unfair(self) -> float:
        """The longest wait of all, in medians."""
        every = [wait for waits in self.waits for wait in waits]
        return max(every) / median(every)

    @property
    def share(self) -> float:
        """The callers' own part of what they had to wait for: the most calls of one by the fewest of another."""
        counts = [len(waits) for waits in self.waits]
        return max(counts) / min(counts)


def call(sandbox: Sandbox, environment: dict[str, str], seconds: float, speed: float = 1.0) -> Used:
    """Let the callers loose for so many seconds of the sandbox's time."""
    command = [sys.executable, "-m", "tests.benchmarks.caller", str(seconds), str(speed)]
    start = partial(
        subprocess.Popen, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    callers = [start(command) for _ in range(CALLERS)]
    for caller in callers:
        caller.stdout.readline()
    sandbox.control("DELETE", "/calls")
    for caller in callers:
        caller.stdin.write("go\n")
        caller.stdin.flush()
    said: list[dict[str, Any]] = [json.loads(caller.communicate()[0]) for caller in callers]
    state = sandbox.state()
    return Used(
        state["calls"]["total"],
        state["refused"],
        state["max_in_flight"],
        [one["waits"] for one in said],
        [cost for one in said for cost in one["costs"]],
    )


def limits(bench: Bench) -> Iterator[Figure]:
    """Ten minutes on SQLite, and ten on Postgres."""
    seconds = 60 if bench.quick else 600
    with bench.stage("limits") as stage:
        yield from _figures(bench, stage, "SQLite", stage.environment["LEDGER_URL"], seconds, 15)
    with server() as postgres, fresh_database(postgres) as url, bench.stage("limits-postgres") as stage:
        yield from _figures(bench, stage, "Postgres", url, seconds, 10)


def _figures(bench: Bench, stage: Any, name: str, ledger: str, seconds: int, wanted: int) -> Iterator[Figure]:
    stage.sandbox.settings(limits=True)
    file = stage.folder / "connections.toml"
    file.write_text(settings_for(stage.sandbox, free=False))
    used = call(stage.sandbox, stage.environment | {"LEDGER_URL": ledger}, seconds)
    part = 100 * used.calls / (seconds / MINUTE * 60)
    yield at_least(
        f"{name}, {CALLERS} processes, {seconds} s: of the 60 calls a minute used", part, 97, " %", 1
    )
    yield exactly("  refused (429)", sum(used.refused.values()), 0)
    yield at_most("  most in flight", used.most, 5)
    yield at_most("  longest wait, in medians", used.unfair, 3, digits=2)
    yield at_most("  most calls of one process by the fewest of another", used.share, 3, digits=2)
    p95 = quantiles(used.costs, n=20)[-1] * 1000
    yield at_most("  p95 of what a grant costs beyond the waiting", p95, wanted, " ms", 1)
