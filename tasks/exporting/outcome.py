"""What a run did, in the words of the person who reads it in the morning."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.domain.periods import Period
from tasks.exporting.run import Tally
from tasks.ledger.settlement import read_findings
from tasks.ledger.standing import Scope
from tasks.ledger.trail import Head, told
from tasks.xero.client import DOCUMENTS_A_CALL

SHOWN = 1000
COLUMNS = (
    "read",
    "exported",
    "updated",
    "credited",
    "voided",
    "adopted",
    "held",
    "rejected",
    "waiting",
    "skipped",
)


@dataclass(frozen=True)
class Outcome:
    """The result of an export run.

    `rows` counts by kind; `problems`, `warnings` and `before_cutover` name single orders. `left` are dates that
    backfills have in hand.
    """

    rows: list[dict[str, Any]]
    problems: list[dict[str, str]]
    warnings: list[dict[str, str]]
    before_cutover: list[dict[str, str]]
    new_problems: int
    contacts: int
    calls: int
    least_calls: int
    calls_by_endpoint: dict[str, int]
    monstock_calls: int
    connection: str
    trail_head: Head
    left: tuple[Period, ...]

    def total(self, column: str) -> int:
        """A column's sum over both kinds."""
        return sum(row[column] for row in self.rows)

    @property
    def written(self) -> int:
        """How many documents this run brought to Xero, changed or found there."""
        done = "exported", "updated", "credited", "voided", "adopted"
        return sum(self.total(column) for column in done)

    def sentence(self) -> str:
        """The outcome in one line."""
        parts = [f"{self.total(column):,} {column}" for column in COLUMNS]
        calls = f"Calls to Xero: {self.calls} (least possible {self.least_calls})."
        return f"Orders: {', '.join(parts)}. {calls} {self.told_of_left()}".rstrip()

    def told_of_left(self) -> str:
        """Which orders this run did not look at; empty if there are none."""
        if not self.left:
            return ""
        backfills = "the backfill that has" if len(self.left) == 1 else "the backfills that have"
        dates = ", ".join(map(str, self.left))
        return f"Orders of {dates} that have no document yet are left to {backfills} them in hand."

    def markdown(self) -> str:
        """The counts as a table, for an artifact's description."""
        head = "| orders | " + " | ".join(COLUMNS) + " |\n|---|" + "---:|" * len(COLUMNS)
        rows = [f"| {row['kind']} | " + " | ".join(str(row[c]) for c in COLUMNS) + " |" for row in self.rows]
        calls = f"{self.calls} calls to Xero (least possible {self.least_calls}), {self.monstock_calls} to Monstock."
        cut = (
            f" Of those held or rejected the first {SHOWN:,} are listed."
            if len(self.problems) >= SHOWN
            else ""
        )
        below = f"{calls}{cut} {self.told_of_left()}".rstrip()
        return "\n".join([head, *rows, "", below, "", self.trail()])

    def trail(self) -> str:
        """The audit trail's head."""
        return told(self.connection, self.trail_head)


def least_calls(tally: Tally) -> int:
    """The calls that nobody could save: the writes, 50 documents or contacts to a call, allocations one by one."""
    documents = {
        "Invoices": tally.of("exported", Kind.customer),
        "supplier documents": tally.of("exported", Kind.supplier),
        "updates": tally.of("updated"),
        "credit notes": tally.of("credited"),
        "voided or deleted, of customers": tally.of("voided", Kind.customer),
        "voided or deleted, of suppliers": tally.of("voided", Kind.supplier),
        "contacts": tally.contacts,
    }
    return tally.of("allocated") + sum(-(-count // DOCUMENTS_A_CALL) for count in documents.values())


@dataclass(frozen=True)
class Calls:
    """How many calls a process has made to each system so far."""

    xero: Counter[str]
    monstock: Counter[str]

    @classmethod
    def so_far(cls, connection: Connection) -> "Calls":
        """A picture of the counters."""
        return cls(Counter(connection.xero.http.calls), Counter(connection.monstock.http.calls))

    def since(self, before: "Calls") -> "Calls":
        """What came on top."""
        return Calls(self.xero - before.xero, self.monstock - before.monstock)


def summarise(connection: Connection, scope: Scope, tally: Tally, calls: Calls, run_id: str) -> Outcome:
    """Count a run, and list every order in its scope that is held or rejected now."""
    standing = connection.orders.counts(scope)
    rows = []
    for kind in scope.kinds:
        row: dict[str, Any] = {"kind": kind.value}
        for column in COLUMNS:
            row[column] = tally.of(column, kind.value)
        row["held"] = standing.get((kind.value, OrderState.held.value), 0)
        row["rejected"] = standing.get((kind.value, OrderState.rejected.value), 0)
        row["waiting"] = standing.get((kind.value, OrderState.pending.value), 0)
        row["skipped"] = standing.get((kind.value, OrderState.skipped.value), 0)
        row["before cut-over"] = standing.get((kind.value, OrderState.before_cutover.value), 0)
        rows.append(row)
    stuck = connection.orders.standing(scope, [OrderState.held, OrderState.rejected], SHOWN)
    missing = connection.orders.unknown(scope.references or ())
    return Outcome(
        rows=rows,
        problems=[*map(_missing, missing), *(line for row in stuck for line in _lines(row, row.state))],
        warnings=[
            line
            for row in connection.orders.warned(run_id, SHOWN)
            for line in _lines(row, "exported, warning" if row.state == "exported" else "cancelled, warning")
        ],
        before_cutover=[
            _line(row, "before cut-over")
            for row in connection.orders.standing(scope, [OrderState.before_cutover], SHOWN)
        ],
        new_problems=len(missing)
        + sum(
            tally.of(what) for what in ("newly held", "held", "rejected", "conflict", "removed", "several")
        ),
        contacts=tally.contacts,
        calls=calls.xero.total(),
        least_calls=least_calls(tally),
        calls_by_endpoint=dict(calls.xero),
        monstock_calls=calls.monstock.total(),
        connection=connection.name,
        trail_head=connection.trail.head(),
        left=scope.but,
    )


def _missing(reference: str) -> dict[str, str]:
    """A line for an order that was asked for by its reference and is not among those that are due."""
    return {
        "state": "not found",
        "kind": "",
        "order": reference,
        "contact": "",
        "date": "",
        "since": "",
        "cause": "not due, or unknown",
        "what": "No order of this reference was read that is confirmed or that waits.",
        "field": "",
        "advice": "Check the reference, and the order's status in Monstock.",
    }


def _lines(row: Any, state: str) -> list[dict[str, str]]:
    """A line for each thing found on an order."""
    return [
        {
            **_line(row, state),
            "cause": finding.cause.value,
            "what": finding.detail,
            "field": finding.field or "",
            "advice": finding.advice,
        }
        for finding in read_findings(row.findings)
    ]


def _line(row: Any, state: str) -> dict[str, str]:
    return {
        "state": state,
        "kind": row.kind,
        "order": row.reference,
        "contact": row.contact_name or "",
        "date": f"{row.order_date or ''}",
        "since": f"{row.since:%Y-%m-%d %H:%M}",
    }
