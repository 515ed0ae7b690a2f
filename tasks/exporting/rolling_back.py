"""Takes back what a run made, a batch at a time: each document read just before, and ended by the write protocol."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tasks.connections.connection import Connection
from tasks.domain.documents import DocumentType
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.intake import take_in
from tasks.exporting.reading import read
from tasks.exporting.sending import TRIES, finish_open, writer
from tasks.exporting.taking_back import STATUSES, STAYS, Line, of_document, of_the_rest
from tasks.ledger.claims import ROLLBACK, Claim, Outcome, Settlement
from tasks.ledger.runs import Made
from tasks.ledger.settlement import findings_json
from tasks.xero.client import IDS_A_CALL
from tasks.xero.endpoints import Endpoint, endpoint_for
from tasks.xero.wire import read_books
from tasks.xero.writing import Item

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
    """The documents that runs made, by where they stand, as many together as one call reads."""
    by_endpoint: dict[Endpoint, list[Made]] = {}
    for one in made:
        if one.is_document and one.document_id:
            by_endpoint.setdefault(endpoint_for(DocumentType(one.document_type)), []).append(one)
    for those in by_endpoint.values():
        for start in range(0, len(those), IDS_A_CALL):
            yield those[start : start + IDS_A_CALL]


def rest(made: Iterable[Made]) -> list[Line]:
    """Whatever else the runs did: it stays, and is told. What they made themselves is not told twice."""
    made = list(made)
    documents = {one.key for one in made if one.is_document}
    return [of_the_rest(one) for one in made if one.key not in documents]


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
