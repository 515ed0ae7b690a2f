"""The forms that the Prefect UI shows: what a person may set for a run, and what is checked first."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Self

from tasks.domain.discrepancies import Mode
from tasks.domain.errors import MonstockXeroError
from tasks.domain.orders import Kind
from tasks.domain.periods import Chunk, Period, cut
from tasks.ledger.standing import Scope
from tasks.reconciling.window import Window

# So much of a run's id is worth looking for.
SHORTEST = 4


class Orders(Enum):
    """Which orders a run is about."""

    both = "customer and supplier orders"
    customer = "customer orders"
    supplier = "supplier orders"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """As kinds."""
        return (Kind.customer, Kind.supplier) if self is Orders.both else (Kind(self.name),)


class Repairs(Enum):
    """What a reconciliation may repair by itself."""

    none = "nothing: report only"
    safe = "what loses nothing and changes no approved amount"
    all = "everything that needs no person"


class Subject(Enum):
    """What a backfill does."""

    orders = "orders to Xero"
    invoices = "invoices to Monstock"
    reconciliation = "reconciliation"


class ChangedRules(Enum):
    """What becomes of documents that the present rules would make otherwise than those they were made by."""

    leave = "leave the documents as they are"
    drafts = "update drafts"
    all = "update drafts and approved documents"


class BadParameters(MonstockXeroError):
    """What a person asked for makes no sense; the text says why."""


# Nobody keeps older orders; a date beyond next year, as one before this, is a slip of the keyboard.
OLDEST = 2000


def _meant(what: str, first: date | None, last: date | None) -> None:
    """Raises `BadParameters` for dates that nobody can mean."""
    newest = datetime.now(UTC).year + 1
    for day in filter(None, (first, last)):
        if not OLDEST <= day.year <= newest:
            raise BadParameters(
                f"The date {day} is hardly meant: give one of the years {OLDEST} to {newest}, as in {newest - 1}-01-31."
            )
    if first and last and last < first:
        raise BadParameters(f"The {what} ends ({last}) before it begins ({first}): swap the two dates.")


@dataclass(frozen=True)
class ExportForm:
    """The parameters of order-export, checked together. Raises `BadParameters`."""

    connection: str
    orders: Orders
    order_date_from: date | None
    order_date_to: date | None
    references: list[str] | None
    dry_run: bool
    retry_rejected: bool
    drafts_only: bool
    remaking: bool = False

    def checked(self) -> Self:
        """The form itself, if a run can go by it."""
        _meant("window", self.order_date_from, self.order_date_to)
        return self

    @property
    def narrowed(self) -> bool:
        """Whether a person asked for certain dates or orders."""
        return bool(self.order_date_from or self.order_date_to or self.references)

    def scope(self, rules: str) -> Scope:
        """What the ledger is asked for."""
        return Scope(
            kinds=self.orders.kinds,
            references=tuple(self.references) if self.references else None,
            date_from=self.order_date_from,
            date_to=self.order_date_to,
            retry_rejected=self.retry_rejected,
            rules=rules,
            drafts_only=self.drafts_only,
            remaking=self.remaking,
        )

    def run_name(self, work: str = "export") -> str:
        """The run in a line: connection, scope, mode."""
        window = f"{self.order_date_from or '…'} to {self.order_date_to or '…'}"
        dated = self.order_date_from or self.order_date_to
        scope = window if dated else "what changed"
        if self.references:
            scope = ", ".join(self.references[:3]) + ("…" if len(self.references) > 3 else "")
        mode = (
            f"{work}, dry run" if self.dry_run and work != "export" else "dry run" if self.dry_run else work
        )
        return f"{self.connection} · {Orders(self.orders).value} · {scope} · {mode}"


@dataclass(frozen=True)
class ReconciliationForm:
    """The parameters of reconciliation, checked together. Raises `BadParameters`."""

    connection: str
    date_from: date | None
    date_to: date | None
    repair: Repairs
    dry_run: bool

    def checked(self) -> Self:
        """The form itself, if a run can go by it."""
        if (self.date_from is None) != (self.date_to is None):
            raise BadParameters("A period has a first and a last date: give both, or none.")
        _meant("period", self.date_from, self.date_to)
        return self

    def window(self, now: datetime) -> Window:
        """What is looked at by a night that begins now."""
        return Window(now, (self.date_from, self.date_to) if self.date_from and self.date_to else None)

    @property
    def mode(self) -> Mode:
        """What may be repaired."""
        return Mode[self.repair.name]

    def run_name(self) -> str:
        """The run in a line: connection, window, mode."""
        window = f"{self.date_from} to {self.date_to}" if self.date_from else "open and recent"
        mode = "report" if self.repair is Repairs.none else f"repair {self.repair.name}"
        return f"{self.connection} · {window} · {mode}{', dry run' if self.dry_run else ''}"


@dataclass(frozen=True)
class RollbackForm:
    """The parameters of rollback, checked together. Raises `BadParameters`."""

    run: str
    connection: str
    dry_run: bool
    asked_by: str

    def checked(self) -> Self:
        """The form itself, if a run can go by it."""
        if len(self.run.strip()) < SHORTEST:
            raise BadParameters(
                f"Name the run to roll back by its id, {SHORTEST} characters of it or more, or its name."
            )
        if not self.dry_run and not self.asked_by.strip():
            raise BadParameters('Say in "Asked by" who asks: it stays with every order that is rolled back.')
        return self

    def run_name(self) -> str:
        """The run in a line: connection, run, mode."""
        return f"{self.connection} · rollback of {self.run} · {'dry run' if self.dry_run else 'go'}"


@dataclass(frozen=True)
class BackfillForm:
    """The parameters of backfill, checked together. Raises `BadParameters`."""

    connection: str
    date_from: date
    date_to: date
    what: Subject
    chunk: Chunk
    orders: Orders
    dry_run: bool
    spread_over_days: bool
    changed_rules: ChangedRules

    def checked(self) -> Self:
        """The form itself, if a run can go by it."""
        _meant("range", self.date_from, self.date_to)
        if self.changed_rules is not ChangedRules.leave and self.what is not Subject.orders:
            raise BadParameters("Changed rules can be applied by a backfill of orders only.")
        if self.orders is not Orders.both and self.what is not Subject.orders:
            raise BadParameters(
                f'"{self.what.value}" has no choice of orders: leave it at "{Orders.both.value}".'
            )
        return self

    @property
    def periods(self) -> list[Period]:
        """Its chunks."""
        return list(cut(Period(self.date_from, self.date_to), self.chunk))

    def scope(self, rules: str) -> Scope:
        """What the ledger is asked for, of all chunks."""
        return Scope(
            kinds=self.orders.kinds,
            date_from=self.date_from,
            date_to=self.date_to,
            rules=rules,
            drafts_only=self.changed_rules is ChangedRules.drafts,
        )

    def of(self, period: Period, backfill_id: str) -> dict[str, Any]:
        """The parameters of a chunk's run."""
        return {
            "backfill_id": backfill_id,
            "date_from": period.first,
            "date_to": period.last,
            "connection": self.connection,
            "what": self.what,
            "orders": self.orders,
            "changed_rules": self.changed_rules,
        }

    def run_name(self) -> str:
        """The run in a line: connection, what, range, mode."""
        mode = "forecast only" if self.dry_run else f"{self.chunk.value} a run"
        return f"{self.connection} · {self.what.value} · {self.date_from} to {self.date_to} · {mode}"
