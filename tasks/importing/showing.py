"""Writes back to Monstock: each order's accounting link, where it differs from what stands there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tasks.connections.connection import Connection
from tasks.domain.accounting import DOCUMENT_TYPES, ONE, AccountingLink, describe
from tasks.domain.errors import CallError, NotFound, Parked, Transient
from tasks.domain.money import rounded
from tasks.domain.orders import Kind
from tasks.importing.owning import tolerance
from tasks.ledger.shown import Due, Key, Settled
from tasks.matching.three_way import ThreeWay, over_billed, three_way
from tasks.monstock.wire import link_body, shown, sortable

CHUNK = 250
# So many are noted together: Monstock tells of each as soon as it is written.
AT_ONCE = 25
# So many orders in a row that Monstock does not answer: it is away, and the rest waits.
GIVE_UP_AFTER = 3


@dataclass(frozen=True)
class Written:
    """What became of a chunk: links written, orders that showed the right thing already, failures; where it ended.

    `last` is the key after which the next chunk begins, None after the last one. `errors` tell of each failure that the
    next run tries again.
    """

    written: int = 0
    same: int = 0
    failed: int = 0
    last: Key | None = None
    errors: Mapping[Key, CallError] = field(default_factory=dict)


def show(
    connection: Connection,
    after: Key | None,
    run_id: str,
    only: Sequence[Key] | None = None,
) -> Written:
    """Show the next orders that are due. One that cannot be written is kept for the next run, the others go on.

    With `only`, none but these. After so many in a row that Monstock does not answer, it is away.

    Raises `Parked`, or the last `Transient` where Monstock is away; what was written by then is noted.
    """
    chunk = connection.shown.due(after, CHUNK, only)
    links = {due.key: link for due in chunk if (link := link_of(connection, due))}
    all_settled: list[Settled] = []
    errors: dict[Key, CallError] = {}
    silent = 0
    for start in range(0, len(chunk), AT_ONCE):
        settled: list[Settled] = []
        away: Exception | None = None
        try:
            for due in chunk[start : start + AT_ONCE]:
                one, error = _show(connection, due, links.get(due.key))
                errors |= {due.key: error} if error else {}
                match = _three_way(due)
                found = over_billed(match, tolerance(connection)) if match else None
                settled.append(replace(one, finding=found, billed=match.billed if match else None))
                silent = silent + 1 if isinstance(error, Transient) else 0
                if silent >= GIVE_UP_AFTER:
                    away = error
                    break
        except Parked as parked:
            away = parked
        connection.shown.settle(settled, run_id)
        if away:
            raise away
        all_settled += settled
    failed = sum(one.failed is not None for one in all_settled)
    written = sum(one.request is not None for one in all_settled) - failed
    last = chunk[-1].key if len(chunk) == CHUNK else None
    return Written(written, len(all_settled) - written - failed, failed, last, errors)


def link_of(connection: Connection, due: Due) -> AccountingLink | None:
    """The link that an order is to show; None where it has no document that can be shown.

    It describes our own document, or where that is dead or was never made, the first living one that people made.
    """
    fitting = [document for document in due.documents if document.type in DOCUMENT_TYPES]
    if not fitting:
        return None
    primary = next((document for document in fitting if document.alive), fitting[0])
    others = [document for document in due.documents if document is not primary]
    return describe(primary, others, connection.short_code, due.shares)


def _show(connection: Connection, due: Due, link: AccountingLink | None) -> tuple[Settled, CallError | None]:
    """Write a link where it differs; also what came instead of an answer, if that is tried again."""
    body = link_body(link, datetime.now(UTC)) if link else None
    if link is None or shown(body) == due.shown:
        return Settled(due, due.shown), None
    try:
        now = connection.monstock.show(due.kind, due.order_id, link)
        left = (now.revision, sortable(now.updated_at)) if now.updated_at else None
        return Settled(due, now.accounting, request=body, left=left), None
    except CallError as error:
        again = not isinstance(error, NotFound)
        return Settled(due, due.shown, str(error), again=again, request=body), error if again else None


def _three_way(due: Due) -> ThreeWay | None:
    """What was ordered, received and billed; a bill that we made bills what was ordered, whenever the goods come."""
    bills = [document for document in due.documents if document.type == "ACCPAY" and document.alive]
    if due.kind is not Kind.supplier or due.net is None or not bills:
        return None
    received = None if any(bill.id in due.own for bill in bills) else due.received
    credits = [document for document in due.documents if document.type == "ACCPAYCREDIT" and document.alive]
    nets, back = (
        [rounded(document.net * due.shares.get(document.id, ONE)) for document in these]
        for these in (bills, credits)
    )
    return three_way(due.net, received, nets, back, currency=bills[0].currency)
