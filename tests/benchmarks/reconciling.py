"""The comparison of both sides beside datacompy, which finds the unequal cells of the same two frames, in turn."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_most, exactly
from tests.benchmarks.stage import ROOT
from tests.benchmarks.two_sides import SORTS, seeded, write

# datacompy 1.1.0 asks for pandas below 3.1, so no lock file of ours can hold it; it works with ours. With it comes what
# it imports and we do not have.
DATACOMPY = "1.1.0"
PACKAGES = (f"datacompy=={DATACOMPY}", "ordered-set==4.1.0", "polars==1.44.2", "polars-runtime-32==1.44.2")
# Text keys do not stay in the processor's cache for ever.
LINEAR = 1.5

Report = dict[str, Any]


def reconcile(bench: Bench) -> Iterator[Figure]:
    """Seconds and memory side by side, the control totals alone, and what ten times as many rows cost."""
    rows = 100_000 if bench.quick else 1_000_000
    rounds = 1 if bench.quick else 3
    try:
        library = _installed(Path(tempfile.gettempdir()) / f"monstock-xero-bench-datacompy-{DATACOMPY}")
    except subprocess.CalledProcessError as error:
        yield Figure(f"datacompy {DATACOMPY} cannot be installed", error.stderr.strip()[-60:], "", False)
        return
    whole, tenth = _written(bench, rows), _written(bench, rows // 10)
    ours, theirs, totals, small = [], [], [], []
    for _ in range(rounds):
        theirs.append(_run("datacompy", whole, library))
        ours.append(_run("ours", whole))
        totals.append(_run("totals", whole))
        small.append(_run("ours", tenth))
    yield Figure(f"{rows:,} orders and documents, shuffled; rounds in turn", f"{rounds}")
    yield from _beside("seconds", "seconds", " s", 2, ours, theirs)
    yield from _beside("peak memory above the frames", "peak_mb", " MB", 0, ours, theirs)
    wanted = {sort.value: seeded(rows) for sort in SORTS}
    complete = sum(one["found"] == other["found"] == wanted for one, other in zip(ours, theirs, strict=True))
    yield exactly(f"  rounds in which both found all {sum(wanted.values()):,} differences", complete, rounds)
    yield at_most("  control totals alone: median", _median(totals, "seconds"), 2, " s", digits=2)
    linear = _median(ours, "seconds") / _median(small, "seconds") / 10
    name = f"  seconds by ten times those of {rows // 10:,}"
    yield Figure(name, f"{linear:.2f}", f"at most {LINEAR}", linear <= LINEAR)


def _beside(
    what: str, key: str, unit: str, digits: int, ours: list[Report], theirs: list[Report]
) -> Iterator[Figure]:
    """What both took, and how much of datacompy's ours is."""
    one, other = _median(ours, key), _median(theirs, key)
    yield at_most(f"  times datacompy's {what} (medians)", one / other, 1, digits=2)
    ratios = (f"{o[key] / t[key]:.2f}" for o, t in zip(ours, theirs, strict=True))
    yield Figure("    ratio round by round", ", ".join(ratios))
    yield Figure("    differences, texts and control totals: median", f"{one:,.{digits}f}{unit}")
    yield Figure(f"    datacompy {DATACOMPY}, unequal cells: median", f"{other:,.{digits}f}{unit}")


def _installed(folder: Path) -> Path:
    """The folder with datacompy: installed once, away from our environment, and never half."""
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
            command = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--target",
                f"{fresh}/lib",
            ]
            subprocess.run([*command, *PACKAGES], capture_output=True, text=True, check=True)
            Path(fresh, "lib").rename(folder)
    return folder


def _written(bench: Bench, rows: int) -> Path:
    folder = bench.folder / f"{rows}"
    folder.mkdir(parents=True)
    write(rows, folder)
    return folder


def _run(way: str, frames: Path, library: Path | None = None) -> Report:
    """One comparison in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.comparison", way, str(frames)]
    environment = {**os.environ, "PYTHONPATH": str(library or "")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{way} ended with {done.returncode}: {done.stderr[-2000:]}")
    report: Report = json.loads(done.stdout.splitlines()[-1])
    return report


def _median(reports: list[Report], key: str) -> float:
    return float(median(report[key] for report in reports))
