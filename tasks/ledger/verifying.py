"""Walks the audit trail and names every row that was changed, removed, cut off or put in."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, select, true

from tasks.domain.outcomes import OrderState
from tasks.ledger.database import Database
from tasks.ledger.schema import attempts, links, orders, trail, trail_heads
from tasks.ledger.trail import GONE, Head, Trail, content_mac, inflated, read_head, row_mac

ROWS_AT_ONCE = 1000
Range = tuple[int, int]


class What(StrEnum):
    """What is wrong at one place of the chain."""

    changed = "row changed"
    content_changed = "content changed"
    content_missing = "content missing"
    missing = "row missing"
    inserted = "row inserted"
    cut = "tail cut"
    emptied = "trail emptied"
    head_rewritten = "head rewritten"
    not_as_published = "not as published"


class Break(NamedTuple):
    """One thing that is wrong: at which row, what, and a sentence that says what it means."""

    number: int
    what: What
    sentence: str


class Verification:
    """One walk over a trail as it is at one moment. `rows` and `head` are known once `breaks` is exhausted.

    `published` are heads that runs have told, each its number and its code. Needs no more memory for a longer trail.
    """

    def __init__(self, chain: Trail, published: Iterable[tuple[int, str]] = ()) -> None:
        self._chain = chain
        self._published = sorted(set(published))
        self.rows = 0
        self.head: Head | None = None

    def breaks(self) -> Iterator[Break]:
        """Everything that is wrong, as the walk comes upon it. Raises `LedgerError` where the key is gone."""
        key, connection = self._chain.key(), self._chain.connection
        wanted: dict[int, str] = {}
        absent, allowed = _Ranges(), _Ranges()
        due, before = 1, [""]
        with self._chain.database.snapshot() as tx:
            self.head = read_head(tx, connection)
            watched = {number for number, _ in self._published} | {self.head.number if self.head else 0}
            for row in _walk(tx, connection):
                self.rows += 1
                if row["number"] < due:
                    yield _inserted(row["number"])
                    continue
                if row["number"] > due:
                    yield _missing(due, row["number"] - 1, what=What.missing)
                    before = []
                computed = [row_mac(key, row, mac) for mac in before]
                if before and row["mac"] not in computed:
                    yield _changed(row["number"])
                yield from _content(key, row, absent, allowed)
                # After a row that does not fit, the next one may have been written after what stood there.
                before = [row["mac"]] if row["mac"] in computed else [row["mac"], *computed][:3]
                if row["number"] in watched:
                    wanted[row["number"]] = row["mac"]
                due = row["number"] + 1
            if not self.rows and not (self.head and self.head.number) and _has_worked(tx, connection):
                yield _emptied(connection)
        yield from absent.outside(allowed)
        yield from self._ends(due - 1, wanted)

    def _ends(self, last: int, found: Mapping[int, str]) -> Iterator[Break]:
        """What the ledger's own head and the published ones say of the chain's end."""
        head = self.head or Head(0, "")
        if head.number > last:
            yield _missing(last + 1, head.number, what=What.cut)
        elif head.number < last:
            yield _beyond_head(head.number, last)
        if found.get(head.number, head.mac) != head.mac:
            yield Break(
                head.number,
                What.head_rewritten,
                f"The head's code is not that of row {head.number}: the head was rewritten.",
            )
        for number, mac in self._published:
            if number and found.get(number) != mac:
                yield _unpublished(number, last)


class _Ranges:
    """Ranges of row numbers, both ends included."""

    def __init__(self) -> None:
        self._ranges: list[Range] = []

    def add(self, first: int, last: int) -> None:
        """Take a range in; one that goes on where the last one ended makes that one longer."""
        if self._ranges and self._ranges[-1][1] == first - 1:
            first = self._ranges.pop()[0]
        self._ranges.append((first, last))

    def outside(self, allowed: "_Ranges") -> Iterator[Break]:
        """Contents that are missing although no row says that they may be."""
        excused = sorted(allowed._ranges)
        for first, last in self._ranges:
            start = first
            for begin, end in excused:
                if begin > start and begin <= last:
                    yield _content_missing(start, begin - 1)
                if begin <= last:
                    start = max(start, end + 1)
            if start <= last:
                yield _content_missing(start, last)


def known(database: Database) -> set[str]:
    """Every connection that has a trail in this ledger, or should have one."""
    with database.engine.connect() as tx:
        return {
            name
            for table in (trail_heads, *(table for table, _ in _TRACES))
            for name in tx.execute(select(table.c.connection).distinct()).scalars()
        }


# None of these comes to be without a row of the trail, in the same transaction.
_TRACES = (
    (links, true()),
    (attempts, attempts.c.state == "closed"),
    (orders, orders.c.state.in_([OrderState.held.value, OrderState.skipped.value])),
)


def _has_worked(tx: Connection, connection: str) -> bool:
    return any(
        tx.execute(select(table.c.connection).where(table.c.connection == connection, left).limit(1)).first()
        for table, left in _TRACES
    )


def _walk(tx: Connection, connection: str) -> Iterator[Mapping[str, Any]]:
    query = select(trail).where(trail.c.connection == connection).order_by(trail.c.number)
    rows = tx.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).mappings()
    yield from cast("Iterator[Mapping[str, Any]]", rows)


def _content(key: bytes, row: Mapping[str, Any], absent: _Ranges, allowed: _Ranges) -> Iterator[Break]:
    """A content that is gone is noted; one that says that others may be gone is believed if it is genuine."""
    number, content, goes = row["number"], row["content"], row["event"] in GONE
    if content is None and not goes:
        absent.add(number, number)
    elif content is None:
        yield _content_missing(number, number)
    elif content_mac(key, row["connection"], number, content) != row["content_mac"]:
        yield Break(
            number, What.content_changed, f"The content of row {number} is not the one that was written."
        )
    elif goes:
        for first, last in inflated(content)["rows"]:
            allowed.add(first, min(last, number - 1))


def _emptied(connection: str) -> Break:
    sentence = (
        f"There is neither a row nor a head, though {connection} has written documents or held orders: "
        "the whole trail was removed."
    )
    return Break(1, What.emptied, sentence)


def _changed(number: int) -> Break:
    sentence = (
        f"Row {number} is not the one that was written here: it was changed, or another one put in its place."
    )
    return Break(number, What.changed, sentence)


def _inserted(number: int) -> Break:
    return Break(number, What.inserted, f"Row {number} was put in: the first row is number 1.")


def _missing(first: int, last: int, *, what: What) -> Break:
    rows = _rows(first, last)
    if what is What.cut:
        sentence = (
            f"Missing at the end: {rows}. The head says that the trail goes on to {last}: they were removed."
        )
    else:
        sentence = f"Missing: {rows}. Removed; of the next row only the content can be checked."
    return Break(first, what, sentence)


def _beyond_head(head: int, last: int) -> Break:
    sentence = (
        f"After the head, which says {head}: {_rows(head + 1, last)}. Put in, or the head was set back."
    )
    return Break(head + 1, What.inserted, sentence)


def _content_missing(first: int, last: int) -> Break:
    sentence = (
        f"Without content: {_rows(first, last)}. Nothing says that it was erased or had passed its term."
    )
    return Break(first, What.content_missing, sentence)


def _unpublished(number: int, last: int) -> Break:
    if number > last:
        sentence = f"Head {number} was published, and the trail ends at {last}: its tail was cut."
        return Break(last + 1, What.cut, sentence)
    sentence = f"Row {number} is another one than when it was published as the head: the trail was rewritten."
    return Break(number, What.not_as_published, sentence)


def _rows(first: int, last: int) -> str:
    return f"row {first}" if first == last else f"rows {first} to {last}"
