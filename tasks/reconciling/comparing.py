"""Lays a part of both sides beside each other, and brings the parts of a night together."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pandas as pd

from tasks.comparing.edited import edited
from tasks.comparing.orders_alone import orders_alone
from tasks.comparing.resting import resting
from tasks.comparing.showing import showing
from tasks.comparing.sides import FOUND, Sides, among
from tasks.comparing.strangers import strangers
from tasks.comparing.sums import days, totals
from tasks.comparing.terms import Terms
from tasks.connections.connection import Connection
from tasks.domain.accounting import page_of
from tasks.domain.books import Books
from tasks.domain.documents import DocumentType
from tasks.domain.orders import Kind
from tasks.exporting.foretelling import Key, Stands
from tasks.exporting.intake import in_hand
from tasks.ledger.columns import Part
from tasks.matching.amounts import Tolerance
from tasks.reconciling.expected import behind
from tasks.xero.wire import read_books

ID_LENGTH = 16
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
# What a discrepancy is known by.
SUBJECT = ["kind", "order_kind", "order_id", "document_id"]


@dataclass(frozen=True)
class Compared:
    """What a part came to: how many orders and documents, pairs of them and those that agree, and what was found.

    `looked_at` are the ids of discrepancies known before whose order or document was among them, and could be compared;
    `behind` are the documents that do not follow their orders, by kind and id of these. There are no sums (None) of a
    part of which not everything was looked at, or read.
    """

    orders: int
    documents: int
    pairs: int
    matched: int
    discrepancies: pd.DataFrame
    totals: pd.DataFrame | None
    days: pd.DataFrame | None
    looked_at: frozenset[str] = field(default=frozenset())
    behind: dict[Key, Stands] = field(default_factory=dict)


def live_books(connection: Connection) -> Books:
    """The organisation with its lock dates, read anew. Raises `WrongOrganisation` if it is not the pinned one."""
    organisation = connection.xero.organisation()
    connection.check_organisation(organisation["Name"])
    return read_books(organisation, [], [], [], [], [])


def terms_of(
    connection: Connection, books: Books | None, now: datetime, *, xero_is_known: bool = True
) -> Terms:
    """What the connection's rules and the organisation's lock dates say, where those could be read.

    `xero_is_known` says that Xero was read whole from `now` on: else no document of ours can be compared.
    """
    rules = connection.settings
    return Terms(
        now=now,
        known_until=now if xero_is_known else None,
        in_hand=in_hand(connection),
        locked_until=books.locked_until if books else None,
        draft_for=timedelta(days=rules.stuck_after_days),
        tolerance=Tolerance(rules.bills.tolerance, rules.bills.tolerance_percent),
        mark=_mark(rules.order_url, rules.prefix),
        bills=rules.of(Kind.supplier).document is DocumentType.bill,
    )


def compare(
    connection: Connection, part: Part, terms: Terms, unlisted: Iterable[tuple[str, str]]
) -> Compared:
    """Everything in which the two sides differ in this part. `unlisted` are orders that Monstock has no more."""
    sides = _sides(connection, part, terms, set(unlisted))
    if sides.empty:
        return Compared(0, 0, 0, 0, pd.DataFrame(columns=["id", *FOUND]), totals=None, days=None)
    by_edit, changed = edited(sides)
    found = [
        *orders_alone(sides, terms),
        *by_edit,
        *showing(sides),
        *strangers(sides, terms),
        *resting(sides, terms, changed),
    ]
    rows = pd.concat(
        [one for one in found if len(one)] or [pd.DataFrame(columns=list(FOUND))], ignore_index=True
    )
    rows = rows.drop_duplicates(SUBJECT, ignore_index=True)
    rows.insert(0, "id", _ids(connection.name, rows))
    pairs = sides.orders.loc[sides.standing, ["kind", "order_id"]]
    summed = part.whole and terms.known_until is not None
    return Compared(
        orders=len(sides.orders),
        documents=int(sides.documents["within"].sum()),
        pairs=len(pairs),
        matched=len(pairs) - int(among(pairs, rows).sum()),
        discrepancies=rows,
        totals=totals(sides, terms, rows) if summed else None,
        days=days(sides, rows) if summed else None,
        looked_at=_looked_at(connection, sides),
        behind=behind(connection, sides, changed),
    )


def with_links(connection: Connection, rows: pd.DataFrame, short_code: str | None) -> pd.DataFrame:
    """With the addresses at which people open order and document."""
    address, at_order = connection.settings.order_url, rows["order_id"] != ""
    kinds = rows["order_kind"].where(at_order, rows["about_kind"].fillna(""))
    ids = rows["order_id"].where(at_order, rows["about_id"].fillna(""))
    orders = [
        address.format(kind=f"{kind}-orders", id=quote(id_, safe=""), reference=quote(name, safe=""))
        if id_
        else ""
        for kind, id_, name in zip(kinds, ids, rows["order"], strict=True)
    ]
    documents = [
        page_of(type_, id_, short_code) if id_ else ""
        for type_, id_ in zip(rows["document_type"], rows["document_id"], strict=True)
    ]
    return rows.assign(order_url=orders, document_url=documents)


def _sides(connection: Connection, part: Part, terms: Terms, unlisted: set[tuple[str, str]]) -> Sides:
    orders, documents, belongs = connection.columns.read(part)
    keys = zip(orders["kind"], orders["order_id"], strict=True)
    fresh = orders["written_at"].ge(pd.Timestamp(terms.known_until or _NEVER)).fillna(False).astype(bool)
    fresh |= orders["in_flight"]
    orders = orders.assign(unlisted=[key in unlisted for key in keys] if unlisted else False, fresh=fresh)
    first, end = pd.Timestamp(part.first or "1900-01-01"), pd.Timestamp(part.end or "2200-01-01")
    within = (
        documents["date"].ge(first) & documents["date"].lt(end) if part.dated else documents["date"].isna()
    )
    within &= not part.elsewhere  # they count where all of their dates do
    return Sides(orders, documents.assign(within=within), belongs)


def _looked_at(connection: Connection, sides: Sides) -> frozenset[str]:
    """What was known before and was compared now: by its order, or of a document without one by that."""
    known = connection.discrepancies.standing()
    wanted = {row.order_id for row in known if row.order_id}
    compared = sides.orders["order_id"].isin(list(wanted)) & ~sides.orders["fresh"]
    here = sides.orders.loc[compared, ["kind", "order_id"]]
    orders = set(zip(here["kind"], here["order_id"], strict=True))
    documents = set(sides.documents["document_id"]) & {row.document_id for row in known if not row.order_id}
    return frozenset(
        row.id
        for row in known
        if ((row.order_kind, row.order_id) in orders if row.order_id else row.document_id in documents)
    )


def _ids(connection: str, rows: pd.DataFrame) -> list[str]:
    """Short names by which a discrepancy is known again: its kind, order and document."""
    subjects: Sequence[tuple[str, ...]] = list(rows[SUBJECT].itertuples(index=False, name=None))
    return [
        hashlib.sha256("\n".join([connection, *subject]).encode()).hexdigest()[:ID_LENGTH]
        for subject in subjects
    ]


def _mark(order_url: str, prefix: str) -> re.Pattern[str]:
    """What the marks of our documents match: the address of an order, or its bracketed id with the prefix."""
    blank = re.escape(order_url.format(kind="\0", id="\1", reference="\1"))
    kinds = "|".join(f"{kind}-orders" for kind in Kind)
    address = (
        blank.replace(re.escape("\0"), f"(?:{kinds})").replace(re.escape("\1"), "[^/?#]+") + r"(?:#\d+)?"
    )
    bracket = rf"|.* \[{re.escape(prefix)}.+\]" if prefix else ""
    return re.compile(f"(?:{address}){bracket}")
