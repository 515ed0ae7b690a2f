"""What a run is about, what it counts, and how it shows its progress."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from tasks.ledger.claims import ALLOCATE, PRIMARY, REMOVE, ROLLBACK, UPDATE, Outcome, Settlement


class Progress(Protocol):
    """Shows how far the steps of a run have come."""

    def expect(self, step: str, more: int) -> None:
        """So much more is to be done in a step."""

    def advance(self, step: str, by: int) -> None:
        """So much of a step is done."""


class Silent:
    """Shows nothing."""

    def expect(self, step: str, more: int) -> None:
        """Nothing."""

    def advance(self, step: str, by: int) -> None:
        """Nothing."""


progress: ContextVar[Progress] = ContextVar("progress", default=Silent())  # noqa: B039 - it has no state


@contextmanager
def showing(display: Progress) -> Iterator[None]:
    """Show progress on a display for as long as the block runs."""
    token = progress.set(display)
    try:
        yield
    finally:
        progress.reset(token)


def _name(settlement: Settlement) -> str:
    """What is counted; a document that a person ended before we could, when its order was cancelled, is no trouble."""
    claim, outcome = settlement.claim, settlement.outcome
    if claim.role not in PRIMARY and outcome in {Outcome.written, Outcome.adopted}:
        return "allocated" if claim.operation == ALLOCATE else "credited"
    if claim.operation == REMOVE and outcome is Outcome.removed:
        return "gone"
    if outcome is Outcome.found:
        return "adopted"
    if outcome is not Outcome.written:
        return outcome.value
    return {UPDATE: "updated", REMOVE: "voided", ROLLBACK: "rolled back"}.get(claim.operation, "exported")


@dataclass
class Tally:
    """What a run did, by kind of order and what became of it; `contacts` counts those it made."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    contacts: int = 0

    def add(self, kind: str, what: str, number: int = 1) -> None:
        """Count."""
        self.counts[kind, what] += number

    def settle(self, settlements: list[Settlement]) -> None:
        """Count what became of claims."""
        for settlement in settlements:
            claim = settlement.claim
            if claim.subject == "contact":
                self.contacts += settlement.outcome is Outcome.written
                continue
            self.add(claim.subject, _name(settlement))

    def merge(self, other: "Tally") -> None:
        """Take another tally in."""
        self.counts.update(other.counts)
        self.contacts += other.contacts

    def of(self, what: str, kind: str | None = None) -> int:
        """How many."""
        return sum(n for (k, w), n in self.counts.items() if w == what and kind in {None, k})
