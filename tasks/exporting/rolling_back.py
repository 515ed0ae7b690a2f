"""Takes back what a run made, a batch at a time: each document read just before, and ended by the write protocol."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tasks.connections.connection import Connection
from tasks.domain.documents import DocumentType
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.forecast import Forecast, of_calls
from tasks.exporting.intake import take_in
from tasks.exporting.reading import read
from tasks.exporting.sending import TRIES, finish_open, writer
from tasks.exporting.taking_back import (
    MAY_GO,
    STATUSES,
    STAYS,
    Line,
    of_document,
    of_one_that_waits,
    of_one_that_went,
    of_the_rest,
)
from tasks.ledger.claims import ROLLBACK, Claim, Outcome, Settlement
from tasks.ledger.runs import Made
from tasks.ledger.settlement import findings_json
from tasks.xero.client import IDS_A_CALL
from tasks.xero.endpoints import PURCHASE_ORDERS, Endpoint, endpoint_for
from tasks.xero.wire import read_books
from tasks.xero.writing import Item

# So many purchase orders make a batch. They are read one by one: where the day ends between, few are read in vain.
ALONE = 20
_DONE = {Outcome.written, Outcome.adopted, Outcome.removed}
AT_THIS_MOMENT = "its order is being written or read anew at this moment: roll back once more"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which run is rolled back, for whom."""

    run: str
    by: str

    def finding(self, number: str, becomes: str) -> Finding:
        """What is said of an order whose document is taken back."""
        detail = f"{number} of run {self.run} was {becomes}, as {self.by} asked."
        return Finding(Cause.rolled_back, detail)


def batches(made: Iterable[Made]) -> Iterator[list[Made]]:
    """The documents that runs made and that were not taken back before, by where they stand, a call's reading together.

    Those that may go come first, so that each day of a long rollback ends some.
    """
    by_endpoint: dict[Endpoint, list[Made]] = {}
    for one in sorted(made, key=lambda one: one.status not in MAY_GO):
        if one.is_document and one.document_id and not one.is_past:
            by_endpoint.setdefault(endpoint_for(DocumentType(one.document_type)), []).append(one)
    for endpoint, those in by_endpoint.items():
        size = ALONE if endpoint is PURCHASE_ORDERS else IDS_A_CALL
        for start in range(0, len(those), size):
            yield those[start : start + size]


def rest(made: Iterable[Made]) -> list[Line]:
    """What was taken back before, and whatever else the runs did: it stays, and is told. Nothing is told twice."""
    made = list(made)
    documents = {one.key for one in made if one.is_document}
    return [
        of_the_rest(one) for one in made if (one.is_past if one.is_document else one.key not in documents)
    ]


def unreached(made: Iterable[Made], now: Iterable[Made], lines: Iterable[Line]) -> list[Line]:
    """The documents that these lines do not tell of: some of a batch that was cut are ended `now`, the others wait."""
    told, ended = {line.made.key for line in lines}, {one.key: one for one in now if one.is_past}
    left = [one for batch in batches(made) for one in batch if one.key not in told]
    return [of_one_that_went(ended[one.key]) if one.key in ended else of_one_that_waits(one) for one in left]


def forecast(connection: Connection, made: Iterable[Made]) -> Forecast:
    """What it takes to read these documents, and to end as many of them as may go."""
    calls, documents = Counter({"GET Organisation": 1}), 0
    for batch in batches(made):
        endpoint = endpoint_for(DocumentType(batch[0].document_type))
        calls[f"GET {endpoint.name}"] += len(batch) if endpoint is PURCHASE_ORDERS else 1
        calls[f"POST {endpoint.name}"] += 1
        documents += len(batch)
    return replace(of_calls(connection, calls), documents=documents)


def foresee(connection: Connection, batch: Sequence[Made], locked_until: date | None) -> list[Line]:
    """What would become of a batch of documents of one endpoint, each as it stands now. Writes nothing."""
    endpoint = endpoint_for(DocumentType(batch[0].document_type))
    rows = read(connection, endpoint, [one.document_id for one in batch])
    now = {one.key: one for one in connection.runs.standing(batch)}
    noted = {
        (kind.value, order_id): notes
        for kind in Kind
        for order_id, notes in connection.credit_notes.of(
            kind, [one.subject_id for one in batch if one.subject == kind.value]
        ).items()
    }
    return [
        of_document(
            one, rows.get(one.document_id), noted.get((one.subject, one.subject_id), []), locked_until
        )
        for one in (now.get(made.key, made) for made in batch)
    ]


def roll_back(
    connection: Connection, batch: Sequence[Made], locked_until: date | None, asked: Asked, run_id: str
) -> list[Line]:
    """Take a batch of documents of one endpoint back, as far as they may go. Done again, it finishes what is left."""
    finish_open(connection, run_id, wait=False)
    lines = foresee(connection, batch, locked_until)
    endpoint = endpoint_for(DocumentType(batch[0].document_type))
    items = [_item(connection, endpoint, line, asked) for line in lines if line.goes]
    ended = {s.claim.key: s for s in _write(connection, endpoint, items, run_id)}
    return [_told(line, ended.get(line.made.key[:2])) if line.goes else line for line in lines]


def _write(
    connection: Connection, endpoint: Endpoint, items: Sequence[Item], run_id: str
) -> Iterator[Settlement]:
    """What came free again after a failure of Xero's is tried anew; whatever does not go leaves its order as it is."""
    for left in reversed(range(TRIES)):
        if not items:
            return
        answers = writer(connection, run_id).write(endpoint, items)
        free = {s.claim.key for s in answers if s.outcome is Outcome.released and left}
        yield from (s for s in answers if s.claim.key not in free)
        items = [item for item in items if item.claim.key in free]


def _told(line: Line, settlement: Settlement | None) -> Line:
    if settlement is None:
        return replace(line, becomes=STAYS, why=AT_THIS_MOMENT)
    if settlement.outcome in _DONE:
        return line
    details = "; ".join(found.detail for found in settlement.findings)
    return replace(line, becomes=STAYS, why=details or "Xero failed each time: roll back once more")


def _item(connection: Connection, endpoint: Endpoint, line: Line, asked: Asked) -> Item:
    made = line.made
    claim = Claim(
        subject=made.subject,
        subject_id=made.subject_id,
        role=made.role,
        mark=made.mark,
        revision=made.revision,
        rules=connection.settings.digest,
        generation=made.generation,
        operation=ROLLBACK,
        warnings=findings_json([asked.finding(made.number or made.document_id, line.becomes)]),
    )
    return Item(claim, {endpoint.id: made.document_id, "Status": STATUSES[line.becomes]})


def read_locked_until(connection: Connection) -> date | None:
    """The last day that nobody may change, as it is now. Raises `WrongOrganisation`."""
    organisation = connection.xero.organisation()
    connection.check_organisation(organisation["Name"])
    return read_books(organisation, [], [], [], [], []).locked_until


def recall_page(
    connection: Connection, kind: Kind, span: tuple[date, date], cursor: str | None, run_id: str
) -> str | None:
    """Read a page of orders again, for the JSON of those that were rolled back. Returns the way to the next page."""
    page = connection.monstock.orders(kind, date_from=span[0], date_to=span[1], cursor=cursor)
    take_in(connection, kind, page, run_id, None)
    connection.recalling.keep(kind, [(one.id, one.revision, one.payload) for one in page.records])
    return page.cursor
