"""What an import did, in the words of the person who reads it in the morning."""

from collections import Counter
from dataclasses import dataclass, field

from tasks.connections.connection import Connection
from tasks.exporting.outcome import Calls
from tasks.importing.showing import Written
from tasks.importing.steps import Step
from tasks.ledger.trail import Head, told


@dataclass
class Read:
    """What a run read and wrote: rows and changed documents by stream, and what became of them."""

    rows: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    matched: Counter[str] = field(default_factory=Counter)
    written: int = 0
    failed: int = 0

    def add(self, stream: str, step: Step) -> None:
        """A page came."""
        self.rows[stream] += step.rows
        self.changed[stream] += step.changed

    def show(self, written: Written) -> None:
        """A chunk of orders was shown."""
        self.written += written.written
        self.failed += written.failed


@dataclass(frozen=True)
class ImportOutcome:
    """The result of an import. `standing` counts Xero's documents by whose they are, `waiting` orders not shown yet."""

    read: Read
    standing: dict[str, int]
    waiting: int
    calls: int
    calls_by_endpoint: dict[str, int]
    monstock_calls: int
    connection: str
    trail_head: Head

    @property
    def troubled(self) -> bool:
        """Whether people should look."""
        return bool(self.waiting or self.read.matched["proposed"] or self.read.matched["unmatched"])

    @property
    def idle(self) -> bool:
        """Whether nothing had changed."""
        return not (self.read.changed.total() or self.read.written or self.read.matched.total())

    def sentence(self) -> str:
        """The outcome in one line."""
        found = ", ".join(f"{count:,} {what}" for what, count in sorted(self.read.matched.items()) if count)
        joined = f" Documents newly looked at: {found}." if found else ""
        left = f" {self.waiting:,} orders still to be shown." if self.waiting else ""
        return (
            f"{self.read.changed.total():,} documents changed in Xero; {self.read.written:,} orders shown anew in "
            f"Monstock.{joined}{left} Calls to Xero: {self.calls}, to Monstock: {self.monstock_calls}."
        )

    def table(self) -> list[dict[str, str]]:
        """A row a stream."""
        return [
            {"stream": stream, "rows read": f"{rows:,}", "changed": f"{self.read.changed[stream]:,}"}
            for stream, rows in self.read.rows.items()
        ]

    def markdown(self) -> str:
        """For an artifact's description."""
        rows = [f"| {what} | {count:,} |" for what, count in sorted(self.standing.items())]
        stands = "\n".join(["| documents in Xero | |", "|---|---:|", *rows])
        return f"{self.sentence()}\n\n{stands}\n\n{told(self.connection, self.trail_head)}"


def summarise(connection: Connection, read: Read, before: Calls) -> ImportOutcome:
    """Count a run."""
    calls = Calls.so_far(connection).since(before)
    return ImportOutcome(
        read=read,
        standing=connection.mirror.counts(),
        waiting=connection.shown.waiting(),
        calls=calls.xero.total(),
        calls_by_endpoint=dict(calls.xero),
        monstock_calls=calls.monstock.total(),
        connection=connection.name,
        trail_head=connection.trail.head(),
    )
