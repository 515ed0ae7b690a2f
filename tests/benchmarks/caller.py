"""One of several processes that call Xero as fast as they are let: what each call waited, and what the gate cost.

Prints a line of JSON: for each call the seconds in line, and the seconds that the gate took beyond what the limits
ask for (its two transactions, and how late it woke). `speed` makes the gate's time run faster, as the sandbox's.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tasks.connections.connection import open_connection
from tasks.ledger.governor import Governor, Turn


class Timed(Governor):
    """A gate that notes what it cost."""

    def __init__(self, like: Governor, speed: float) -> None:
        self.__dict__.update(like.__dict__)
        begun = time.time()
        if speed != 1:
            self._clock = lambda: begun + (time.time() - begun) * speed
            self._sleep = lambda seconds: time.sleep(seconds / speed)
        self.waits: list[float] = []
        self.costs: list[float] = []
        self._whole = self._after = 0.0

    @contextmanager
    def _changing(self) -> Iterator[Any]:
        begun = time.perf_counter()
        with super()._changing() as changing:
            knows = time.perf_counter()
            yield changing
        done = time.perf_counter()
        self._whole, self._after = done - begun, done - knows

    @contextmanager
    def _call(self, work: Any, meanwhile: Any) -> Iterator[Turn]:
        with super()._call(work, meanwhile) as turn:
            # One that waited is late from the moment at which it could go; its asking lies within that.
            asked = turn.late + self._after if turn.waited else self._whole
            yield turn
        self.waits.append(turn.waited)
        self.costs.append(asked + self._whole)


def main() -> None:
    seconds, speed = float(sys.argv[1]), float(sys.argv[2])
    xero = open_connection("sandbox").xero
    gate = xero.http._gate
    assert isinstance(gate, Governor)
    timed = xero.http._gate = Timed(gate, speed)
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + seconds / speed
    while time.monotonic() < end:
        xero.organisation()
    print(json.dumps({"waits": timed.waits, "costs": timed.costs, "by_endpoint": dict(xero.http.calls)}))


if __name__ == "__main__":
    main()
