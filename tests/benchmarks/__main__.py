"""`python -m tests.benchmarks [names] [--quick]`: measures, and prints what was measured beside what is wanted.

Everything runs over real HTTP on loopback: both systems in a process of their own, their state in files, without limits
but in `limits`; a Prefect server in another; each export in a third, with its ledger in SQLite.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.backfilling import backfilling
from tests.benchmarks.bench import Bench
from tests.benchmarks.calls import calls, lost
from tests.benchmarks.figures import Figure, show
from tests.benchmarks.kills import kills
from tests.benchmarks.limits import limits
from tests.benchmarks.live import live
from tests.benchmarks.memory import memory
from tests.benchmarks.night import night
from tests.benchmarks.reading import reading
from tests.benchmarks.receiver import receiver
from tests.benchmarks.reconciling import reconcile
from tests.benchmarks.speed import speed
from tests.benchmarks.stage import prefect_server
from tests.benchmarks.workers import workers

BENCHES: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    bench.__name__: bench
    for bench in (
        calls,
        lost,
        kills,
        speed,
        memory,
        limits,
        reading,
        reconcile,
        night,
        workers,
        backfilling,
        receiver,
        live,
    )
}


def main() -> None:
    """Read the command line, measure, print. Ends with 1 if a figure is not held."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"some of: {', '.join(BENCHES)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, or less")
    args = parser.parse_args()
    if unknown := set(args.names) - set(BENCHES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    title = _conditions(quick=args.quick)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="monstock-xero-bench-") as folder:
        home = Path(folder)
        with prefect_server(home / "server") as url:
            for name in args.names or BENCHES:
                print(f"{name} ...", flush=True)
                found = list(BENCHES[name](Bench(home / name, url, args.quick)))
                show(found, title)
                figures += found
    if any(figure.held is False for figure in figures):
        raise SystemExit(1)


def _conditions(*, quick: bool) -> str:
    size = "quick, smaller than what is wanted" if quick else "full size"
    return (
        f"{size}; Python {platform.python_version()}, Prefect {version('prefect')}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the first"
    )


if __name__ == "__main__":
    main()
