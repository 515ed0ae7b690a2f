"""Orders that Monstock told of: read there, exported, and shown with their documents."""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tasks.connections.connection import Connection
from tasks.domain.books import Books
from tasks.domain.errors import NotFound
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.exporting.books import open_books, read_lists, refresh_contacts, sweep
from tasks.exporting.intake import in_hand, read_page, stream_of, take_in
from tasks.exporting.plan import Plan
from tasks.exporting.planning import Planner
from tasks.exporting.recording import record
from tasks.exporting.run import Tally
from tasks.exporting.sending import (
    Batcher,
    chunks,
    create_contacts,
    end_documents,
    ending_batches,
    finish_open,
    send_documents,
)
from tasks.importing.steps import read_at
from tasks.ledger.claims import CREATE, WITH_DOCUMENT, Settlement
from tasks.ledger.standing import Scope, Unsettled
from tasks.ledger.told import Told
from tasks.listening.echoes import hear_answers
from tasks.listening.showing import shown_at_once
from tasks.monstock.client import OrderPage
from tasks.xero.client import DOCUMENTS_A_CALL
from tasks.xero.reading import read_written

# More orders than this are read by the listing of what changed: a page of 250 costs one call.
SINGLY = 5
# A listing from longer ago may be longer than what was told of.
LATELY = timedelta(hours=1)
# So long what was read of Xero counts as known, in seconds: its settings, and what people make by hand.
BOOKS_LAST, SWEEP_LASTS = 900.0, 10.0
# So often an order is looked at that another run has in hand; after that it is the next poll's.
ROUNDS = 3
# More orders than this are shown with their documents by the next import, which lists those fifty a call or more.
SHOWN_AT_ONCE = 10


class ToldOrders:
    """The orders of one connection; `most` orders at once fill one write."""

    most = DOCUMENTS_A_CALL

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._books: Books | None = None
        self._read = self._swept = float("-inf")

    def ready(self) -> None:
        """An order is no echo of anything that is under way."""

    def carry(self, told: Sequence[Told], run_id: str) -> Counter[str]:
        """Read these orders, and export those that are due."""
        connection, keys = self._connection, [(one.subject, one.subject_id) for one in told]
        for kind in Kind:
            self._read_orders(kind, [id_ for subject, id_ in keys if subject == kind.value], run_id)
        scope = Scope(those=tuple(keys), rules=connection.settings.digest, but=in_hand(connection))
        tally, begun = Tally(), time.monotonic()
        settled = finish_open(connection, run_id, wait=False)
        window = connection.orders.unsettled(scope, None, len(keys))
        needless = len(keys) - len(window)
        for again in range(ROUNDS):
            if again:  # somebody else is at them, and by now they have changed
                hear_answers(connection)
                window = [
                    order
                    for order in connection.orders.unsettled(scope, None, len(keys))
                    if order.state is OrderState.pending
                ]
            if not window:
                break
            settled += self._export(window, run_id, tally)
        tally.settle(settled)
        self._note(settled, begun)
        shown = shown_at_once(connection, keys, run_id) if len(keys) <= SHOWN_AT_ONCE else Counter()
        counted = Counter({what: number for (_, what), number in tally.counts.items() if number})
        return counted + shown + Counter({"orders without need": needless})

    def _read_orders(self, kind: Kind, ids: Sequence[str], run_id: str) -> None:
        """Read them one by one, or where that is more calls, all that changed."""
        stream = stream_of(kind, self._connection.settings)
        position = self._connection.orders.cursor(stream)
        lately = position and datetime.now(UTC) - datetime.fromisoformat(position) < LATELY
        if len(ids) > SINGLY and lately:
            cursor, since = None, None
            while True:
                page = read_page(self._connection, kind, run_id, cursor, since, None, None)
                cursor, since = page.cursor, page.since
                if cursor is None:
                    return
        found = []
        for id_ in ids:
            try:
                found.append(self._connection.monstock.order(kind, id_))
            except NotFound:
                continue
        take_in(self._connection, kind, OrderPage(tuple(found), None), run_id, None)

    def _export(self, window: Sequence[Unsettled], run_id: str, tally: Tally) -> list[Settlement]:
        """The steps of an export, for so few orders that they need no windows. Returns what became of documents."""
        connection = self._connection
        plan = self._plan(window)
        tally.merge(record(connection, plan, run_id))
        for contacts in chunks(list(plan.new_contacts.values()), DOCUMENTS_A_CALL):
            tally.settle(create_contacts(connection, contacts, run_id))
        batcher = Batcher()
        settled: list[Settlement] = []
        for batch in [*batcher.add(plan.ready), *batcher.rest()]:
            settled += send_documents(connection, batch, run_id)
        for ended in ending_batches(plan.endings):
            settled += end_documents(connection, ended, run_id)
        return settled

    def _plan(self, window: Sequence[Unsettled]) -> Plan:
        """With what Xero has by now: a contact is only made where there is none."""
        books = self._known()
        plan = Planner(self._connection, books).plan(window)
        news = 0
        if any(ready.claim.operation == CREATE for ready in plan.ready):
            news += self._sweep()
        if plan.new_contacts:
            news += refresh_contacts(self._connection)
        return Planner(self._connection, books).plan(window) if news else plan

    def _known(self) -> Books:
        now = time.monotonic()
        if self._books is None or now - self._read > BOOKS_LAST:
            self._books, self._read = open_books(self._connection, read_lists(self._connection)), now
        return self._books

    def _sweep(self) -> int:
        """Before anything is made: see what people made by hand meanwhile, unless that was done just now."""
        now = time.monotonic()
        if now - self._swept <= SWEEP_LASTS:
            return 0
        found = sweep(self._connection)
        self._swept = now
        return found

    def _note(self, settled: Sequence[Settlement], begun: float) -> None:
        """Xero's answers are readings of the documents: with them, the orders can show what became of them."""
        connection = self._connection
        written = [one for one in settled if one.outcome in WITH_DOCUMENT and one.document]
        if not written or len(written) > SHOWN_AT_ONCE:
            return
        seen = [document for one in written if (document := read_written(one.document or {}))]
        connection.mirror.take_in(seen, read_at(connection, begun), by=connection.there_by_now)
        connection.ownership.know_ours([document.id for document in seen])
