"""A first import of many invoices beside pyxero, which reads the same pages and keeps nothing; idle runs; a night."""

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_most, exactly, seconds
from tests.benchmarks.stage import ROOT, Stage
from tests.importing.books import fill


def reading(bench: Bench) -> Iterator[Figure]:
    """Calls, seconds side by side, memory."""
    number = 10_000 if bench.quick else 100_000
    rounds = 1 if bench.quick else 3
    ours, theirs, peaks, calls, complete = [], [], [], [], 0
    with bench.stage("reading") as stage:
        fill(stage.sandbox, number, seconds=0.41)
        for turn in range(rounds):
            theirs.append(_run(stage, "pyxero_pages", stage.sandbox.xero_url))
            ledger = {"LEDGER_URL": f"sqlite:///{stage.folder / f'ledger-{turn}.db'}"}
            ours.append(_run(stage, "importer", **ledger))
            peaks.append(ours[-1]["peak_mb"])
            calls.append(ours[-1]["calls_by_endpoint"]["GET Invoices"])
            complete += ours[-1]["documents"] == theirs[-1]["rows"] == number
        idle = _run(stage, "importer", **ledger)
        quiet = _run(stage, "reconciler", **ledger, MONSTOCK_XERO_REPORTS=str(stage.folder / "reports"))
    ratio = median(o["seconds"] for o in ours) / median(t["seconds"] for t in theirs)
    yield at_most(f"{number:,} invoices for the first time: calls for them", max(calls), number / 1000 + 3)
    yield at_most("  times pyxero's seconds (medians)", ratio, 3, digits=2)
    yield seconds("    import, end to end: median", median(o["seconds"] for o in ours))
    yield seconds("    pyxero, keeping nothing: median", median(t["seconds"] for t in theirs))
    yield at_most("  peak memory of the importer", max(peaks), 400, " MB")
    yield exactly("  rounds in which every invoice came", complete, rounds)
    yield at_most("  nothing changed: calls", idle["calls"], 6)
    name = f"  a night over {quiet['documents']:,} open invoices"
    yield exactly(f"{name}: calls", quiet["calls"], quiet["forecast"])
    yield seconds("    seconds", quiet["seconds"])


def _run(stage: Stage, module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=stage.environment | environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
