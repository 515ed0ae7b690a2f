"""Writes back to Monstock: each order's accounting link, where it differs from what stands there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from tasks.connections.connection import Connection
from tasks.domain.accounting import DOCUMENT_TYPES, ONE, AccountingLink, describe
from tasks.domain.books import SeenDocument
from tasks.domain.errors import CallError, Transient
from tasks.domain.money import rounded
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Finding
from tasks.importing.owning import tolerance
from tasks.ledger.shown import Due, Key
from tasks.matching.three_way import ThreeWay, over_billed, three_way
from tasks.monstock.wire import link_body, shown

CHUNK = 250
# So many orders in a row that Monstock does not answer: it is away, and the rest waits.
GIVE_UP_AFTER = 3


@dataclass(frozen=True)
class Written:
    """What became of a chunk: links written, orders that showed the right thing already, failures; where it ended.

    `last` is the key after which the next chunk begins, None after the last one.
    """

    written: int = 0
    same: int = 0
    failed: int = 0
    last: Key | None = None


def show(connection: Connection, after: Key | None) -> Written:
    """Show the next orders that are due. One that cannot be written is kept for the next run, the others go on.

    Raises the last `Transient` where Monstock is away.
    """
    chunk = connection.shown.due(after, CHUNK)
    _match_three_ways(connection, chunk)
    links = {due.key: link for due in chunk if (link := link_of(connection, due))}
    wanted = {due.key: due for due in chunk if due.key in links and _text(links[due.key]) != due.shown}
    settled = {due.key: due.shown for due in chunk if due.key not in wanted}
    written, failed, away = _write(connection, list(wanted.values()), links)
    connection.shown.settle(settled | written, failed)
    if away:
        raise away
    return Written(len(written), len(settled), len(failed), chunk[-1].key if len(chunk) == CHUNK else None)


def link_of(connection: Connection, due: Due) -> AccountingLink | None:
    """The link that an order is to show: of our own document, else of the first that people made; None without one."""
    fitting = [document for document in due.documents if document.type in DOCUMENT_TYPES]
    if not fitting:
        return None
    primary = fitting[0]
    others = [document for document in due.documents if document is not primary]
    return describe(primary, others, connection.short_code, due.shares)


def _match_three_ways(connection: Connection, chunk: Sequence[Due]) -> None:
    """What is billed beyond what was ordered and received is told on the newest bill of its order."""
    found: dict[str, Finding | None] = {}
    for due in chunk:
        bills = [document for document in due.documents if document.type == "ACCPAY" and document.alive]
        if due.kind is Kind.supplier and due.net is not None and bills:
            newest = max(bills, key=lambda bill: (bill.date or date.min, bill.id))
            told = over_billed(_three_way(due, due.net, bills), tolerance(connection))
            for bill in bills:
                found[bill.id] = (told if bill is newest else None) or found.get(bill.id)
    connection.ownership.find(list(found), found)


def _three_way(due: Due, ordered: Decimal, bills: Sequence[SeenDocument]) -> ThreeWay:
    """A bill that we made bills what was ordered, whenever the goods come."""
    received = None if any(bill.id in due.own for bill in bills) else due.received
    credits = [document for document in due.documents if document.type == "ACCPAYCREDIT" and document.alive]
    nets, back = (
        [rounded(document.net * due.shares.get(document.id, ONE)) for document in these]
        for these in (bills, credits)
    )
    return three_way(ordered, received, nets, back, currency=bills[0].currency)


def _write(
    connection: Connection, wanted: Sequence[Due], links: dict[Key, AccountingLink]
) -> tuple[dict[Key, str], dict[Key, str], Transient | None]:
    written: dict[Key, str] = {}
    failed: dict[Key, str] = {}
    unanswered = 0
    for due in wanted:
        try:
            written[due.key] = connection.monstock.show(due.kind, due.order_id, links[due.key])
            unanswered = 0
        except Transient as error:
            failed[due.key] = str(error)
            unanswered += 1
            if unanswered == GIVE_UP_AFTER:
                return written, failed, error
        except CallError as error:
            failed[due.key] = str(error)
    return written, failed, None


def _text(link: AccountingLink) -> str:
    return shown(link_body(link, datetime.now(UTC)))
