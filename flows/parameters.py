"""The forms that the Prefect UI shows: what a person may set for a run, and what is checked first."""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Self

from tasks.domain.errors import MonstockXeroError
from tasks.domain.orders import Kind
from tasks.ledger.standing import Scope


class Orders(Enum):
    """Which orders a run is about."""

    both = "customer and supplier orders"
    customer = "customer orders"
    supplier = "supplier orders"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """As kinds."""
        return (Kind.customer, Kind.supplier) if self is Orders.both else (Kind(self.name),)


class BadParameters(MonstockXeroError):
    """What a person asked for makes no sense; the text says why."""


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

    def checked(self) -> Self:
        """The form itself, if a run can go by it."""
        first, last = self.order_date_from, self.order_date_to
        if first and last and last < first:
            raise BadParameters(f"The window ends ({last}) before it begins ({first}): swap the two dates.")
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
