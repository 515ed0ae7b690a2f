"""What an export will cost before it begins: its calls by kind, its minutes, its share of the day, its bytes.

The forecast does what the run will do up to its writes, and counts those: reading costs what it just cost, and the
plan says which batches there will be. What it reads stays in the ledger, so that little of it is read twice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType

from tasks.connections.connection import Connection
from tasks.domain.books import Books
from tasks.domain.budget import UNLIMITED, Limits, Stop
from tasks.domain.orders import Kind
from tasks.domain.periods import Period
from tasks.exporting.books import open_books, read_lists, refresh_contacts, sweep
from tasks.exporting.crediting import allocation_items
from tasks.exporting.intake import PageRead, read_page
from tasks.exporting.outcome import Calls
from tasks.exporting.plan import NO_CONTACT, Plan, Ready
from tasks.exporting.planning import WINDOW, Planner
from tasks.exporting.reading import Steps
from tasks.exporting.remaking import Differing
from tasks.exporting.removing import removals
from tasks.exporting.sending import Batcher, ending_batches
from tasks.exporting.updating import at_once, changes
from tasks.ledger.claims import UPDATE
from tasks.ledger.standing import Scope
from tasks.xero.client import DOCUMENTS_A_CALL, IDS_A_CALL
from tasks.xero.endpoints import CONTACTS, CREDIT_NOTES, INVOICES, PURCHASE_ORDERS, Endpoint, endpoint_for
from tasks.xero.wire import decimal

# Bytes of a contact, and of a document for each byte that was asked for, in Xero's answers; measured on the sandbox.
CONTACT_BYTES = 900
ANSWERED_FOR_ASKED = 2.4


@dataclass(frozen=True)
class Forecast:
    """What a run is expected to need. `xero` and `monstock` are calls by method and endpoint.

    `making` is what the forecast itself took of Xero's calls; `left` what is left of the day, where it is known,
    and `parked` says that this work has none left. `by_ledger`: nothing of Xero was read for it.
    """

    documents: int
    contacts: int
    xero: Counter[str]
    monstock: Counter[str]
    megabytes: float
    making: int
    limits: Limits
    monstock_minute: int
    left: int | None
    parked: Stop | None
    by_ledger: bool = False

    @property
    def calls(self) -> int:
        """Calls to Xero in all."""
        return self.xero.total()

    @property
    def minutes(self) -> int:
        """Minutes that Xero's limit makes of them."""
        return _minutes(self.calls, self.limits.minute)

    @property
    def monstock_minutes(self) -> int:
        """Minutes that Monstock's limit makes of its calls."""
        return _minutes(self.monstock.total(), self.monstock_minute)

    @property
    def share(self) -> float:
        """Of a day's calls."""
        return self.calls / self.limits.day

    @property
    def a_day(self) -> int:
        """How many calls background work may use a day."""
        return int(self.limits.day * (1 - self.limits.reserve))

    @property
    def days(self) -> int:
        """Days that it takes with the reserve kept."""
        return max(1, ceil(self.calls / self.a_day))

    @property
    def fits_today(self) -> bool:
        """Whether it can be done before the day's calls return, with the reserve kept."""
        today = self.a_day if self.left is None else self.left - (self.limits.day - self.a_day)
        return self.parked is None and self.calls <= today

    @property
    def cost(self) -> str:
        """Calls, minutes and days, in words."""
        when = "today" if self.fits_today else f"over {max(self.days, 2):,} days"
        return f"{self.calls:,} calls to Xero, {self.minutes:,} minutes, {when}"

    def rows(self) -> list[tuple[str, str]]:
        """As people read it: what, and how much."""
        known = f", {self.left:,} are left today" if self.left is not None else ""
        return [
            ("documents to write", f"{self.documents:,}"),
            ("contacts to make", f"{self.contacts:,}"),
            *((f"calls: {kind}", f"{count:,}") for kind, count in sorted(self.xero.items())),
            ("calls to Xero", f"{self.calls:,}"),
            ("minutes at Xero's limit", f"{self.minutes:,} ({_limit(self.limits.minute)} calls a minute)"),
            ("share of the day's calls", f"{self.share:.1%} of {_limit(self.limits.day)}{known}"),
            ("days with the reserve kept", f"{self.days:,} ({self.limits.reserve:.0%} kept back)"),
            ("from Xero", f"{self.megabytes:.1f} MB"),
            ("calls to Monstock", f"{self.monstock.total():,}, {self.monstock_minutes:,} minutes"),
            ("this forecast itself", f"{self.making:,} calls to Xero"),
        ]

    def sentence(self) -> str:
        """In one line."""
        reads = " What the ledger does not know yet comes on top." if self.by_ledger else ""
        monstock = f"{self.monstock.total():,} calls to Monstock"
        return (
            f"{self.documents:,} documents to write: {self.cost}, {self.megabytes:.1f} MB; {monstock}.{reads}"
        )


def foresee(
    connection: Connection,
    scope: Scope,
    run_id: str,
    periods: Sequence[Period] = (),
    changing: Mapping[Period, Sequence[Differing]] = MappingProxyType({}),
) -> Forecast:
    """Read and plan what an export of this scope would, and count its calls. Nothing is written to Xero.

    With periods, those of an export in so many runs that need not sweep again: no batch goes over two of them. The
    runs of `changing` look for documents that are to follow changed rules, and these were found.
    """
    before, received = Calls.so_far(connection), connection.xero.http.received
    for kind in scope.kinds:
        _read_all(connection, scope, kind, run_id)
    runs: Iterable[Iterable[Plan]] = ()
    scopes: dict[Period | None, Scope] = {
        p: replace(scope, date_from=p.first, date_to=p.last) for p in periods
    } or {None: scope}
    looks = sum(bool(connection.remaking.count(scopes[period])) for period in changing)
    scopes = {
        p: one
        for p, one in scopes.items()
        if connection.orders.unsettled(one, None, 1) or (p and changing.get(p))
    }
    if scopes or looks:
        books = open_books(connection, read_lists(connection))
        sweep(connection)
        refresh_contacts(connection)
        runs = (_plans(connection, one, books) for one in scopes.values())
    read = Calls.so_far(connection).since(before)
    writes, documents, contacts, answers = _writes(connection, runs, drafts_only=scope.drafts_only)
    for those in changing.values():
        writes += _remade(those, drafts_only=scope.drafts_only)
    again = _each(read.xero, len(scopes), looks) if periods else _again(read.xero)
    windowed = scope.date_from or scope.date_to
    return replace(
        of_calls(connection, +(again + writes)),
        documents=documents + sum(map(len, changing.values())),
        contacts=contacts,
        monstock=read.monstock if windowed else Counter(dict.fromkeys(read.monstock, 1)),
        megabytes=(connection.xero.http.received - received + answers) / 1e6,
        making=read.xero.total(),
        by_ledger=False,
    )


def of_calls(connection: Connection, xero: Counter[str], monstock: Counter[str] | None = None) -> Forecast:
    """Of work that makes these calls and writes nothing to Xero, by what the ledger knows of that.

    Where the settings keep no limit of a day, they keep no reserve of it either.
    """
    limits = connection.settings.xero.limits.given or Limits()
    today = connection.today()
    return Forecast(
        documents=0,
        contacts=0,
        xero=xero,
        monstock=monstock or Counter(),
        megabytes=0.0,
        making=0,
        by_ledger=True,
        limits=replace(
            limits,
            day=min(limits.day, today.calls or limits.day),
            reserve=limits.reserve if limits.day < UNLIMITED else 0.0,
        ),
        monstock_minute=(connection.settings.monstock.limits.given or Limits()).minute,
        left=today.left,
        parked=today.stop,
    )


def _minutes(calls: int, a_minute: int) -> int:
    return ceil(calls / a_minute) if a_minute < UNLIMITED else 0


def _limit(calls: int) -> str:
    return f"{calls:,}" if calls < UNLIMITED else "unlimited"


def _read_all(connection: Connection, scope: Scope, kind: Kind, run_id: str) -> None:
    page = PageRead(0, None, None)
    while True:
        page = read_page(connection, kind, run_id, page.cursor, page.since, scope.date_from, scope.date_to)
        if page.cursor is None:
            return


def _again(read: Counter[str]) -> Counter[str]:
    """What the run reads again: all of it, but of the directory of contacts only what changed since."""
    contacts = f"GET {CONTACTS.name}"
    return Counter({**read, contacts: min(read[contacts], 1)})


def _each(read: Counter[str], runs: int, looks: int) -> Counter[str]:
    """What runs read that are part of one work: each the organisation and new contacts, all together the lists.

    The organisation once more where one looks for what changed rules would make otherwise.
    """
    swept = {f"GET {endpoint.name}" for endpoint in (INVOICES, PURCHASE_ORDERS)}
    each = {"GET Organisation": runs + looks, f"GET {CONTACTS.name}": runs}
    return Counter({kind: count for kind, count in read.items() if kind not in swept} | each)


def _plans(connection: Connection, scope: Scope, books: Books) -> Iterator[Plan]:
    planner, after = Planner(connection, books, drafts_only=scope.drafts_only), None
    while True:
        window = connection.orders.unsettled(scope, after, WINDOW)
        yield planner.plan(window)
        if len(window) < WINDOW:
            return
        after = (window[-1].kind.value, window[-1].order_id)


def _writes(
    connection: Connection, runs: Iterable[Iterable[Plan]], *, drafts_only: bool
) -> tuple[Counter[str], int, int, float]:
    """Calls by kind, documents, contacts, and bytes of the answers, of one run after the other."""
    calls, documents, answers = Counter[str](), 0, 0.0
    made = set[str]()
    for plans in runs:
        batcher = Batcher()
        for plan in plans:
            more, size = _planned(connection, plan, batcher, made, drafts_only=drafts_only)
            calls += more
            documents += len(plan.ready) + len(plan.endings)
            answers += size
        for batch in batcher.rest():
            calls += _calls(batch, drafts_only=drafts_only)
    return calls, documents, len(made), answers + CONTACT_BYTES * len(made)


def _planned(
    connection: Connection, plan: Plan, batcher: Batcher, made: set[str], *, drafts_only: bool
) -> tuple[Counter[str], float]:
    """Calls of a plan but for what waits in the batcher, and bytes of its answers."""
    fresh = [contact for contact in plan.new_contacts if contact not in made]
    made.update(fresh)
    calls = Counter({f"PUT {CONTACTS.name}": ceil(len(fresh) / DOCUMENTS_A_CALL)})
    calls[f"GET {INVOICES.name}"] += ceil(len(plan.found) / IDS_A_CALL)
    calls[f"GET {INVOICES.name}"] += ceil(len(plan.joined) / IDS_A_CALL)
    calls += _following(connection, plan, drafts_only=drafts_only)
    for batch in batcher.add(ready for ready in plan.ready if not _may_credit(ready)):
        calls += _calls(batch, drafts_only=drafts_only)
    return calls, ANSWERED_FOR_ASKED * sum(ready.size for ready in plan.ready)


def _following(connection: Connection, plan: Plan, *, drafts_only: bool) -> Counter[str]:
    """Calls for cancelled orders and for goods that came back: their documents are read, as the run will, to know."""
    known = connection.contacts.ids(sorted({ready.draft.contact.id for ready in plan.ready}))
    contacts = {ready.draft.contact.id: NO_CONTACT for ready in plan.ready} | known | plan.matches
    calls = Counter[str]()
    for ended in ending_batches(plan.endings):
        calls += _steps(connection, ended[0].endpoint, removals(connection, ended), len(ended))
    for batch in _together(ready for ready in plan.ready if _may_credit(ready)):
        steps = changes(connection, batch, contacts, drafts_only=drafts_only)
        calls += _steps(connection, batch[0].endpoint, steps, len(batch))
    return calls


def _may_credit(ready: Ready) -> bool:
    return bool(ready.back or ready.noted)


def _together(ready: Iterable[Ready]) -> Iterator[Sequence[Ready]]:
    batcher = Batcher()
    yield from batcher.add(ready)
    yield from batcher.rest()


def _steps(connection: Connection, endpoint: Endpoint, steps: Steps, documents: int) -> Counter[str]:
    """One write for what is edited, voided or deleted, one for the new credit notes, and one for each allocation."""
    reads = documents if endpoint is PURCHASE_ORDERS else ceil(documents / IDS_A_CALL)
    calls = Counter(
        {f"GET {endpoint.name}": reads, f"POST {endpoint.name}": ceil(len(steps.items) / DOCUMENTS_A_CALL)}
    )
    fresh = [one for one in steps.credits if one.credit]
    calls[f"PUT {CREDIT_NOTES.name}"] = ceil(len(fresh) / DOCUMENTS_A_CALL)
    for one in steps.credits:
        waiting = sum(not note.allocated for note in one.noted)
        calls[f"GET {INVOICES.name}"] += 1
        calls[f"GET {CREDIT_NOTES.name}"] += 2 * len(one.noted) + waiting + (3 if one.credit else 0)
        allocations = sum(1 for _ in allocation_items(connection, one, one.noted))
        due = one.credit is not None and decimal(one.row.get("AmountDue")) > 0
        calls[f"PUT {CREDIT_NOTES.name}"] += allocations + due
    return calls


def _calls(batch: Sequence[Ready], *, drafts_only: bool) -> Counter[str]:
    """A batch's write; a document that follows its order is read before, purchase orders one by one."""
    endpoint = batch[0].endpoint
    if batch[0].claim.operation != UPDATE:
        return Counter({f"PUT {endpoint.name}": 1})
    return _followed(endpoint, len(batch), drafts_only=drafts_only)


def _followed(endpoint: Endpoint, documents: int, *, drafts_only: bool) -> Counter[str]:
    """A batch's reading and its write."""
    reads = documents if endpoint is PURCHASE_ORDERS else ceil(documents / IDS_A_CALL)
    writes = ceil(documents / at_once(endpoint, drafts_only=drafts_only))
    return Counter({f"POST {endpoint.name}": writes, f"GET {endpoint.name}": reads})


def _remade(found: Sequence[Differing], *, drafts_only: bool) -> Counter[str]:
    """Documents of one run that are to follow changed rules, in batches of their own."""
    calls = Counter[str]()
    for endpoint, documents in Counter(endpoint_for(one.type) for one in found).items():
        for start in range(0, documents, DOCUMENTS_A_CALL):
            together = min(documents - start, DOCUMENTS_A_CALL)
            calls += _followed(endpoint, together, drafts_only=drafts_only)
    return calls
