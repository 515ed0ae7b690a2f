"""Orders that Monstock told of: read there, exported, and shown with their documents."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from tasks.connections.connection import Connection
from tasks.domain.books import Books
from tasks.domain.errors import NotFound
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.exporting.books import open_books, read_lists, refresh_contacts, sweep
from tasks.exporting.intake import begin, in_hand, stream_of, take_in
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
from tasks.listening.apart import Apart, Carried
from tasks.listening.showing import shown_at_once
from tasks.monstock.client import OrderPage
from tasks.monstock.wire import sortable
from tasks.xero.client import DOCUMENTS_A_CALL
from tasks.xero.reading import read_written

# More orders than this are read by the listing of what changed: a page of 250 costs one call.
SINGLY = 5
# A listing from longer ago may be longer than what was told of.
LATELY = timedelta(hours=1)
# So long what was read of Xero counts as known, in seconds: its settings, and what people make by hand.
BOOKS_LAST, SWEEP_LASTS = 900.0, 10.0
# So often an order is looked at that another run has in hand; after that it is the next poll's. Seconds between looks
# for its answer, and in all.
ROUNDS, LOOK, PATIENCE = 3, 0.02, 2.0
# More orders than this are shown with their documents by the next import, which lists those fifty a call or more.
SHOWN_AT_ONCE = 10


class ToldOrders:
    """The orders of one connection; `most` orders at once fill one write."""

    most = DOCUMENTS_A_CALL

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._books: Books | None = None
        self._read = self._swept = float("-inf")
        self._listed: dict[Kind, dict[str, str]] = {}

    def carry(self, told: Sequence[Told], run_id: str) -> Carried:
        """Read these orders, and export those that are due."""
        connection, apart = self._connection, Apart()
        for kind in Kind:
            self._read_orders(kind, [one for one in told if one.subject == kind.value], run_id, apart)
        of = {(one.subject, one.subject_id): one for one in told if one not in apart.left}
        keys = list(of)
        scope = Scope(those=tuple(keys), rules=connection.settings.digest, but=in_hand(connection))
        tally, begun = Tally(), time.monotonic()
        settled = finish_open(connection, run_id, wait=False)
        window = connection.orders.unsettled(scope, None, len(keys))
        needless = len(keys) - len(window)
        for again in range(ROUNDS):
            if again:  # somebody else is at them, and by now they have changed
                self._hear_answers()
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
        shown, failed = shown_at_once(connection, keys if len(keys) <= SHOWN_AT_ONCE else (), run_id)
        counted = Counter({what: number for (_, what), number in tally.counts.items() if number})
        left = apart.left | {of[key]: error for key, error in failed.items()}
        return Carried(counted + shown + Counter({"orders without need": needless}), left)

    def _read_orders(self, kind: Kind, told: Sequence[Told], run_id: str, apart: Apart) -> None:
        """Those that are not known as they then stood: one by one, or where that is more calls, all that changed."""
        connection, unknown = self._connection, self._unknown(kind, told)
        if not unknown:
            return
        position = connection.orders.cursor(stream_of(kind, connection.settings))
        lately = position and datetime.now(UTC) - datetime.fromisoformat(position) < LATELY
        if len(unknown) > SINGLY and lately:
            self._listed[kind] = self._list(kind, begin(position), run_id)
            return
        found = []
        for one in unknown:
            with apart.each(one), suppress(NotFound):
                found.append(connection.monstock.order(kind, one.subject_id))
        take_in(connection, kind, OrderPage(tuple(found), None), run_id, None)

    def _unknown(self, kind: Kind, told: Sequence[Told]) -> list[Told]:
        """Neither in the ledger as they then stood, or later, nor in the last listing; the ledger keeps a part."""
        known = self._connection.orders.known(kind, [one.subject_id for one in told])
        stamps = {id_: one.updated_at for id_, one in known.items()}
        both = stamps, self._listed.get(kind, {})
        return [one for one in told if all(seen.get(one.subject_id, "") < one.changed for seen in both)]

    def _list(self, kind: Kind, since: str | None, run_id: str) -> dict[str, str]:
        """All that changed, page by page; returns Monstock's stamp of each."""
        connection, cursor, listed = self._connection, None, dict[str, str]()
        while True:
            page = connection.monstock.orders(kind, updated_since=since, cursor=cursor)
            take_in(connection, kind, page, run_id, stream_of(kind, connection.settings))
            listed |= {record.id: sortable(record.updated_at) for record in page.records}
            cursor = page.cursor
            if cursor is None:
                return listed

    def _hear_answers(self) -> None:
        """Wait for the answers to writes that are on their way now."""
        under_way = self._connection.attempts.on_their_way()
        until = time.monotonic() + PATIENCE
        while under_way and time.monotonic() < until:
            time.sleep(LOOK)
            under_way &= self._connection.attempts.on_their_way()

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
