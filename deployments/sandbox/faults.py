"""Faults on demand: which call breaks, and how, by a count that comes out the same every time."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from deployments.sandbox.codec import Json

KINDS = {
    "lose_answer": "the work is done, then the socket closes without an answer",
    "error_before": "500, and nothing is done",
    "error_after": "500, though the work is done",
    "throttle": "429; `problem` (minute|day|concurrent|appminute), `retry_after` seconds or null",
    "offline": "503 in plain text",
    "slow": "the work starts after `seconds`",
    "slow_answer": "the work is done at once, the answer comes after `seconds`",
    "cut": "the work is done, the body stops in the middle; `broken` true: the connection breaks as well",
    "unknown_enum": "the first document of the answer bears a status that nobody knows",
    "expire_tokens": "every access token is expired before the call is looked at",
}


@dataclass(slots=True)
class Fault:
    """One fault: the calls it looks at, the ones among them that it breaks, and what it has done so far."""

    id: int
    kind: str
    method: str = ".*"
    path: str = ".*"
    every: int | None = None
    next: int | None = None
    at: list[int] = field(default_factory=list)
    problem: str = "minute"
    retry_after: int | None = None
    seconds: float = 1.0
    broken: bool = False
    seen: int = 0
    done: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Count the call if it matches, and say whether it breaks."""
        if not (re.fullmatch(self.method, method) and re.search(self.path, path)):
            return False
        self.seen += 1
        hit = (
            (self.every is not None and self.seen % self.every == 0)
            or (self.next is not None and self.seen <= self.next)
            or self.seen in self.at
        )
        self.done += hit
        return hit


class Faults:
    """The faults that are set on one system."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._last = 0

    def add(self, wanted: Json) -> Json:
        """Set a fault; ValueError says what is wrong with it. Without every, next or at: the next call."""
        unknown = set(wanted) - set(Fault.__dataclass_fields__) - {"id", "seen", "done"}
        if unknown:
            raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
        if wanted.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if not any(wanted.get(name) for name in ("every", "next", "at")):
            wanted = {**wanted, "next": 1}
        re.compile(wanted.get("path", "")), re.compile(wanted.get("method", ""))
        self._last += 1
        numbers = {name: float(wanted[name]) for name in ("seconds",) if name in wanted}
        fault = Fault(**{**wanted, **numbers, "id": self._last})
        self._faults.append(fault)
        return asdict(fault)

    def list(self) -> list[dict[str, Any]]:
        """All of them, with their counts."""
        return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Take all of them away."""
        self._faults.clear()

    def draw(self, method: str, path: str, *, early: bool = False) -> "Drawn":
        """The faults that strike this call; `early` for those that act before the call is let in."""
        return Drawn(
            [
                fault
                for fault in self._faults
                if (fault.kind == "expire_tokens") == early and fault.strikes(method, path)
            ]
        )


class Drawn:
    """What strikes one call."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults

    def __contains__(self, kind: str) -> bool:
        return self.get(kind) is not None

    def get(self, kind: str) -> Fault | None:
        """The first fault of a kind."""
        return next((fault for fault in self._faults if fault.kind == kind), None)

    def seconds(self, kind: str) -> float:
        """How long to wait for the faults of a kind."""
        return sum(fault.seconds for fault in self._faults if fault.kind == kind)

    def fate(self) -> str:
        """What becomes of the answer on the wire."""
        if "lose_answer" in self:
            return "lost"
        cut = self.get("cut")
        return "whole" if cut is None else "broken" if cut.broken else "short"
