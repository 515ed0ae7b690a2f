"""A ledger as it stands after a year: orders, links, documents and what Monstock shows, some of them adrift."""

import hashlib
import json
import random
from collections import Counter
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple

from tasks.domain.discrepancies import DiscrepancyKind
from tasks.ledger.database import Database
from tasks.ledger.schema import (
    accounting,
    contact_links,
    deflate,
    discrepancies,
    documents,
    links,
    matches,
    orders,
)
from tasks.reconciling.comparing import ID_LENGTH
from tests.benchmarks.inserting import Row, insert

CONNECTION = "sandbox"
FIRST, DAYS = date(2025, 10, 1), 365
CONTACTS = 20_000
CHUNK = 20_000
# Of so many orders one is adrift in a given way; of so many documents one is a stranger.
EVERY, STRANGE = 2_000, 1_000
K = DiscrepancyKind
ADRIFT = (
    *(K.not_exported, K.held, K.rejected, K.missing, K.removed, K.not_followed, K.number, K.reference, K.contact),
    *(K.date, K.gross, K.lines, K.amount, K.not_shown, K.paid, K.status, K.link, K.stuck, K.over_billed),
)  # fmt: skip
_NEVER_MADE = {K.not_exported: "pending", K.held: "held", K.rejected: "rejected"}
_CURRENCIES = ("GBP", "GBP", "GBP", "EUR", "USD")
_TAXES = {"customer": ("OUTPUT2", "ZERORATEDOUTPUT"), "supplier": ("INPUT2", "ZERORATEDINPUT")}
_WORDS = {"DRAFT": "draft", "AUTHORISED": "approved", "BILLED": "billed", "VOIDED": "voided"}
_FINDINGS = json.dumps([{"cause": "contact_missing", "detail": "The order names no contact."}])
# What an order's document was when we wrote it: as long as real ones, and never read by a comparison.
_WRITTEN = deflate(random.Random(1).randbytes(500))


class Amounts(NamedTuple):
    """Cents, and as JSON what of them falls to each tax type."""

    net: int
    tax: int
    taxes: str

    @property
    def gross(self) -> int:
        return self.net + self.tax


def fill(database: Database, size: int) -> dict[str, int]:
    """So many orders, and a document for nearly each. Returns how many discrepancies there are of each kind."""
    year = _Year(size, postgres=database.engine.dialect.name == "postgresql")
    with database.begin() as tx:
        if not year.postgres:
            tx.exec_driver_sql("PRAGMA cache_size=-1000000")
        contacts = ((CONNECTION, f"c-{at}", _id("contact", at)) for at in range(CONTACTS))
        insert(tx, contact_links, "connection contact_id xero_id", contacts)
        for start in range(0, size, CHUNK):
            rows = year.rows(range(start, min(start + CHUNK, size)))
            for table, columns in _COLUMNS.items():
                insert(tx, table, columns, rows[table.name])
    if year.postgres:  # it does so by itself after a while
        with database.begin() as tx:
            tx.exec_driver_sql("ANALYZE")
    return {kind.value: number for kind, number in sorted(year.planted.items())}


class _Year:
    """Makes rows. Whatever is told of an order follows from its number."""

    def __init__(self, size: int, *, postgres: bool) -> None:
        self.size, self.postgres = size, postgres
        self.planted: Counter[DiscrepancyKind] = Counter()

    def rows(self, numbers: range) -> dict[str, list[Row]]:
        """The rows of these orders, by table."""
        made: dict[str, list[Row]] = {table.name: [] for table in _COLUMNS}
        for i in numbers:
            self._order(i, made)
            if i % STRANGE == 7:
                self._stranger(i, made)
        for rows in made.values():
            rows.sort(key=lambda row: row[:3])
        return made

    def _order(self, i: int, made: dict[str, list[Row]]) -> None:
        day = FIRST + timedelta(days=i * DAYS // self.size)
        adrift = _adrift(i, day)
        kind = "supplier" if (i % 7 == 3 and adrift is None) or adrift is K.over_billed else "customer"
        amounts = _amounts(kind, i % 5_003)
        if adrift:
            self.planted[adrift] += 1
        at = self._at(day)
        state = "pending" if adrift is K.not_followed else "exported"
        state = _NEVER_MADE.get(adrift, state) if adrift else state
        findings = _FINDINGS if state in {"held", "rejected"} else None
        gross = amounts.gross + (1 if adrift is K.amount else 0)
        revision, contact, currency = f"{i:064x}", i * 7919 % CONTACTS, _CURRENCIES[i % 5]
        made["orders"].append((
            CONNECTION, kind, f"o-{i}", f"SO-{i:07}", f"c-{contact}", f"Contact {contact} Ltd", day, currency,
            _text(amounts.net), _text(gross), _text(amounts.net), "confirmed", day, amounts.taxes, at, revision,
            f"{day}T08:15:00.000000+00:00", 1, state, at, findings, 0, "export 1",
        ))  # fmt: skip
        if adrift not in _NEVER_MADE:
            written = revision if adrift is not K.not_followed else "0" * 64
            self._document(i, kind, day, amounts, adrift, written, made)

    def _document(
        self,
        i: int,
        kind: str,
        day: date,
        amounts: Amounts,
        adrift: DiscrepancyKind | None,
        revision: str,
        made: dict[str, list[Row]],
    ) -> None:
        sale = kind == "customer"
        id_, contact, currency = _id("document", i), _id("contact", i * 7919 % CONTACTS), _CURRENCIES[i % 5]
        type_, number, due_on = (
            "ACCREC" if sale else "PURCHASEORDER",
            f"MS-SO-{i:07}",
            day + timedelta(days=30),
        )
        status, paid = _standing(i, sale, day, amounts.gross, adrift)
        role, written_type = ("sale", "invoice") if sale else ("purchase", "purchase_order")
        at, lines = self._at(day), f"{i:016x}"
        made["links"].append((
            CONNECTION, kind, f"o-{i}", role, 1, id_, written_type, number, "made", "AUTHORISED",
            _text(amounts.gross), f"SO-{i:07}", contact, currency, _text(amounts.net), _text(amounts.tax), day, due_on,
            1 + i % 4, lines, revision, "r1", _WRITTEN, at, "export 1",
        ))  # fmt: skip
        gross = amounts.gross + (100 if adrift is K.gross else 0)
        due = gross - paid if sale and status != "VOIDED" else 0
        facts = {
            "number": number + ("-X" if adrift is K.number else ""),
            "reference": f"SO-{i:07}" + (" urgent" if adrift is K.reference else ""),
            "contact": _id("contact", i + 1) if adrift is K.contact else contact,
            "date": day + timedelta(days=1) if adrift is K.date else day,
            "lines": "0" * 16 if adrift is K.lines else lines,
        }
        paid_on = due_on if status == "PAID" else None
        if adrift is not K.missing:
            made["documents"].append((
                CONNECTION, id_, type_, facts["number"], facts["reference"],
                f"https://monstock.example/{kind}-orders/o-{i}", facts["contact"], f"Contact {i * 7919 % CONTACTS} Ltd",
                currency, _text(amounts.net), _text(gross - amounts.net), _text(gross),
                _text(paid) if sale else None, "0.00" if sale else None, _text(due) if sale else None, facts["date"],
                due_on, paid_on, status, 0, 1 + i % 4, facts["lines"], amounts.taxes,
                f"{day}T09:00:00.000+00:00", 0, "linked", at, None, None,
            ))  # fmt: skip
        billed = self._bill(i, day, amounts, adrift, made) if not sale and (i % 3 == 0 or adrift) else 0
        shown = {
            "documentType": written_type, "documentId": id_, "documentNumber": facts["number"],
            "status": _word(status, paid), "currency": currency, "total": _text(gross),
            "amountPaid": _text(paid + billed), "amountCredited": "0.00", "amountDue": _text(due),
            "issuedOn": str(facts["date"]), "dueOn": str(due_on), "fullyPaidOn": str(paid_on) if paid_on else None,
            "url": f"https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID={id_}",
        }  # fmt: skip
        wrong = {
            K.paid: {"amountPaid": "0.01"},
            K.status: {"status": "draft"},
            K.link: {"documentNumber": "old"},
        }
        shown |= wrong.get(adrift, {}) if adrift else {}
        made["accounting"].append((
            CONNECTION, kind, f"o-{i}", None if adrift is K.not_shown else json.dumps(shown), 0, at, 0,
        ))  # fmt: skip

    def _bill(
        self, i: int, day: date, amounts: Amounts, adrift: DiscrepancyKind | None, made: dict[str, list[Row]]
    ) -> int:
        """A bill that people made for a supplier order, and paid. Returns what was paid."""
        id_ = _id("bill", i)
        net = amounts.net * (2 if adrift is K.over_billed else 1)
        gross = net + amounts.tax
        at, on = self._at(day), day + timedelta(days=2)
        made["documents"].append((
            CONNECTION, id_, "ACCPAY", f"B-{i}", f"SO-{i:07}", None, _id("contact", i * 7919 % CONTACTS),
            f"Contact {i * 7919 % CONTACTS} Ltd", _CURRENCIES[i % 5], _text(net), _text(amounts.tax), _text(gross),
            _text(gross), "0.00", "0.00", min(on, FIRST + timedelta(days=DAYS - 1)), on, on, "PAID", 0, 1, f"{i:016x}",
            amounts.taxes, f"{on}T09:00:00.000+00:00", 0, "linked", at, None, None,
        ))  # fmt: skip
        made["matches"].append((CONNECTION, id_, "supplier", f"o-{i}", "linked", "reference", at))
        return gross

    def _stranger(self, i: int, made: dict[str, list[Row]]) -> None:
        """A document that nobody knows; each fifth one was known the night before."""
        day, id_ = FIRST + timedelta(days=i * DAYS // self.size), _id("stranger", i)
        at, amounts = self._at(day), _amounts("supplier", i % 5_003)
        self.planted[K.unmatched] += 1
        made["documents"].append((
            CONNECTION, id_, "ACCPAY", f"S-{i}", f"stranger {i}", None, _id("contact", i), "Somebody", "GBP",
            _text(amounts.net), _text(amounts.tax), _text(amounts.gross), "0.00", "0.00", _text(amounts.gross), day,
            day, None, "AUTHORISED", 0, 1, f"{i:016x}", amounts.taxes, f"{day}T09:00:00.000+00:00", 0, "unmatched",
            at, None, None,
        ))  # fmt: skip
        if i // STRANGE % 5 == 0:
            key = "\n".join([CONNECTION, K.unmatched.value, "", "", id_])
            name = hashlib.sha256(key.encode()).hexdigest()[:ID_LENGTH]
            made["discrepancies"].append((
                CONNECTION, name, K.unmatched.value, None, None, id_, "", "a night before", "", "seen", at, at, at, "n",
            ))  # fmt: skip

    def _at(self, day: date) -> str:
        return f"{day} 09:00:00.000000{'+00' if self.postgres else ''}"


def now() -> datetime:
    """The night after the year's last day."""
    return datetime.fromisoformat(f"{FIRST + timedelta(days=DAYS)}T02:00:00+00:00")


def _adrift(i: int, day: date) -> DiscrepancyKind | None:
    """How an order is adrift, all over the year; but no draft is stuck that is young."""
    place, left = divmod(i % EVERY, EVERY // len(ADRIFT))
    adrift = ADRIFT[place] if left == 11 and place < len(ADRIFT) else None
    return None if adrift is K.stuck and _left(day) < 20 else adrift


def _left(day: date) -> int:
    """How many days the year still has."""
    return (FIRST + timedelta(days=DAYS) - day).days


def _standing(i: int, sale: bool, day: date, gross: int, adrift: DiscrepancyKind | None) -> tuple[str, int]:
    """A document's status, and what was paid on it: most are paid, the latest are drafts."""
    if adrift is K.removed:
        return "VOIDED", 0
    if adrift is K.stuck or (adrift is None and _left(day) < 8):
        return "DRAFT", 0
    if not sale:
        return "BILLED" if i % 2 else "AUTHORISED", 0
    match i % 10 if adrift is not K.status else 9:
        case 0:
            return "AUTHORISED", 0
        case 1:
            return "AUTHORISED", gross // 3
        case _:
            return "PAID", gross


def _word(status: str, paid: int) -> str:
    return "paid" if status == "PAID" else "partially_paid" if paid else _WORDS[status]


@cache
def _amounts(kind: str, at: int) -> Amounts:
    """Three in four have one tax type, one in four two."""
    full, free = _TAXES[kind]
    net, other = 1_000 + at * 97, at * 13
    tax = net // 5
    types = {full: [_text(net), _text(tax)]}
    if at % 4:
        return Amounts(net, tax, json.dumps(types))
    return Amounts(net + other, tax, json.dumps(types | {free: [_text(other), "0.00"]}))


def _id(what: str, at: int) -> str:
    """As random as Xero's ids are, so that no index is in the order of rows."""
    text = hashlib.md5(f"{what} {at}".encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


_COLUMNS = {
    orders: "connection kind order_id reference contact_id contact_name order_date currency net gross received status "
    "document_date taxes listed_at revision updated_at generation state since findings tries run_id",
    links: "connection kind order_id role generation document_id document_type document_number origin status total "
    "reference contact_id currency net tax date due_date line_count lines revision rules written updated_at run_id",
    documents: "connection document_id type number reference mark contact_id contact_name currency net tax total paid "
    "credited due date due_date paid_on status sent line_count lines taxes modified before_us standing since findings "
    "skipped",
    matches: "connection document_id kind order_id state reason since",
    accounting: "connection kind order_id shown due since tries",
    discrepancies: "connection id kind order_kind order_id document_id ours theirs cause state since first_seen "
    "last_seen run_id",
}
