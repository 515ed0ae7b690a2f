"""One comparison over a full ledger in this process; a line of JSON about it: seconds by stage, memory, what was found.

Nothing is read from Monstock or Xero: it begins where both have been read into the ledger.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tasks.connections.connection import open_connection
from tasks.ledger import columns, frames
from tasks.reconciling import comparing
from tasks.reconciling.settling import settle
from tasks.reconciling.window import Window
from tests.benchmarks import a_year

STAGES = ("SQL", "typing", "checks", "sums", "settling")


class Clock:
    """Seconds by stage; a stage within another does not count for that."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._within = [0.0]

    def timed(self, stage: str, do: Callable[..., Any]) -> Callable[..., Any]:
        """The same, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            self._within.append(0.0)
            try:
                return do(*args, **kwargs)
            finally:
                took = time.perf_counter() - begun
                self.seconds[stage] += took - self._within.pop()
                self._within[-1] += took

        return timed

    def watch(self) -> None:
        """Time the steps of a comparison by their names."""
        for stage, place, names in (
            ("SQL", columns.Columns, ["read"]),
            ("typing", columns, ["order_frame", "document_frame", "belongs_frame"]),
            ("typing", frames, ["typed", "_pandas"]),
            ("sums", comparing, ["totals", "days"]),
        ):
            for name in names:
                setattr(place, name, self.timed(stage, getattr(place, name)))


def main() -> None:
    """The whole year, or with "lately" the window of a night to which nobody said anything."""
    clock = Clock()
    clock.watch()
    year = a_year.FIRST, a_year.FIRST + timedelta(days=a_year.DAYS - 1)
    window = Window(a_year.now(), None if sys.argv[1:] == ["lately"] else year)
    connection = open_connection(a_year.CONNECTION)
    terms = comparing.terms_of(connection, None, window.now)
    begun, worked = time.perf_counter(), time.process_time()
    compare, held = clock.timed("checks", comparing.compare), connection.columns
    parts = [compare(connection, part, terms, []) for part in window.parts(held.span(), held.size())]
    settled = clock.timed("settling", settle)(connection, parts, window, "night", complete=True)
    report = {
        "seconds": time.perf_counter() - begun,
        "processor": time.process_time() - worked,
        "peak_mb": _peak_mb(),
        "orders": settled.orders,
        "documents": settled.documents,
        "parts": len(parts),
        "pairs": settled.pairs,
        "matched": settled.matched,
        "totals": len(settled.totals),
        "found": {str(kind): int(n) for kind, n in sorted(settled.rows["kind"].value_counts().items())},
    }
    print(json.dumps(report | {stage: clock.seconds[stage] for stage in STAGES}))


def _peak_mb() -> float:
    """Of this program alone: getrusage tells the parent's from before it began, if that is more."""
    status = Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
