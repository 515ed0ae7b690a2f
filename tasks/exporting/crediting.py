"""Credit notes for what came back, set against their invoices: each step once, each an attempt of its own."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tasks.connections.connection import Connection
from tasks.domain.money import plain
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.reading import Crediting, is_gone, read
from tasks.ledger.claims import ALLOCATE, CREATE, Claim, Outcome, Settlement
from tasks.ledger.credit_notes import Noted
from tasks.ledger.settlement import findings_json
from tasks.xero.allocating import allocation_element, allocations, read_note
from tasks.xero.endpoints import ALLOCATIONS, CREDIT_NOTES, INVOICES, Endpoint
from tasks.xero.recognition import bears, recognised
from tasks.xero.wire import credit_element, decimal
from tasks.xero.writing import Item

Write = Callable[[Endpoint, Sequence[Item]], list[Settlement]]
_STANDS = {Outcome.written, Outcome.adopted}


def credit_all(
    connection: Connection, asked: Sequence[Crediting], write: Write, run_id: str
) -> list[Settlement]:
    """Make the credit notes that are missing, set all of them against their invoices, and settle the orders.

    Killed at any place, the next run finds in the ledger what was made, and goes on from there.
    """
    if not asked:
        return []
    settled = _stopped(connection, asked, run_id)
    going = _but(asked, settled)
    settled += _make(connection, [one for one in going if one.credit], write, run_id)
    stopped = [s for s in settled if s.outcome not in _STANDS]
    made = _noted(connection, asked)
    for one in _but(going, stopped):
        notes = made.get(one.claim.key, [])
        if one.credit is None or any(_is(note, one) for note in notes):
            settled += _finish(connection, one, notes, write, run_id)
    return settled


def credit_item(one: Crediting) -> Item:
    """The credit note of an order, with its claim."""
    credit, claim = one.credit, one.claim
    assert credit is not None  # noqa: S101 - for the type checker
    wanted = replace(
        claim,
        role=credit.role,
        mark=credit.mark,
        operation=CREATE,
        number=credit.number,
        total=plain(credit.total.gross),
        warnings=findings_json(credit.warnings),
    )
    return Item(wanted, credit_element(credit, one.row["Contact"]["ContactID"]))


def _is(note: Noted, one: Crediting) -> bool:
    """Whether that note is the one wanted. One made for another revision is left to the next plan, which counts it."""
    credit = one.credit
    return credit is not None and (note.role, note.revision, note.total) == (
        credit.role,
        one.claim.revision,
        credit.total.gross,
    )


def _noted(connection: Connection, asked: Sequence[Crediting]) -> dict[tuple[str, str], list[Noted]]:
    """The credit notes of these orders as the ledger has them now: another worker may have made some."""
    ids = [one.claim.subject_id for one in asked]
    return {
        (kind.value, order_id): notes
        for kind in Kind
        for order_id, notes in connection.credit_notes.of(kind, ids).items()
    }


def _has(made: Mapping[tuple[str, str], Sequence[Noted]], one: Crediting, role: str) -> bool:
    return any(note.role == role for note in made.get(one.claim.key, []))


def _but(asked: Iterable[Crediting], settled: Iterable[Settlement]) -> list[Crediting]:
    ended = {settlement.claim.key for settlement in settled}
    return [one for one in asked if one.claim.key not in ended]


def _stopped(connection: Connection, asked: Iterable[Crediting], run_id: str) -> list[Settlement]:
    """Orders of whose credit notes somebody voided one: what was credited is then a person's matter."""
    found = []
    for one in asked:
        for note in one.noted:
            row = next(iter(read_note(connection.xero, note.document_id)), None)
            if is_gone(row):
                status = row["Status"] if row else "gone"
                finding = Finding(Cause.removed, f"The credit note {note.number} is {status} in Xero.")
                found.append(Settlement(one.claim, Outcome.held, None, (finding,)))
                break
    return connection.attempts.adopt(found, run_id) if found else []


def _make(connection: Connection, asked: Sequence[Crediting], write: Write, run_id: str) -> list[Settlement]:
    """Those that stand in Xero under our mark, as after the loss of a ledger, are adopted with what they credit."""
    made = _noted(connection, asked)
    items = [credit_item(one) for one in asked if one.credit and not _has(made, one, one.credit.role)]
    found = [settlement for item in items if (settlement := _found(connection, item))]
    settled = connection.attempts.adopt(found, run_id) if found else []
    known = {settlement.claim.key for settlement in found}
    missing = [item for item in items if item.claim.key not in known]
    return settled + (write(CREDIT_NOTES, missing) if missing else [])


def _found(connection: Connection, item: Item) -> Settlement | None:
    rows = read_note(connection.xero, item.claim.number or "")
    ours = [row for row in rows if bears(row, item.claim, CREDIT_NOTES)]
    return recognised(replace(item.claim, total=None), ours, item.element) if ours else None


def _finish(
    connection: Connection, one: Crediting, notes: Sequence[Noted], write: Write, run_id: str
) -> list[Settlement]:
    """Allocate, and settle the order with its document as it stands then."""
    settled: list[Settlement] = []
    for item in allocation_items(connection, one, notes):
        answers = write(ALLOCATIONS, [item])
        settled += answers
        if not any(answer.outcome in _STANDS for answer in answers):
            return settled
    document_id = one.row[INVOICES.id]
    row = read(connection, INVOICES, [document_id]).get(document_id, dict(one.row))
    warnings = tuple(one.credit.warnings) if one.credit else ()
    warnings += tuple(_open(connection, notes))
    done = connection.attempts.adopt([Settlement(one.claim, Outcome.adopted, row, warnings)], run_id)
    return settled if settled or one.credit else done


def allocation_items(connection: Connection, one: Crediting, notes: Sequence[Noted]) -> Iterator[Item]:
    """What is to be set against the invoice: of each credit note what is left of it, while anything is due.

    Each note is read just before: an allocation has no name of its own by which it would be known again.
    """
    invoice_id, due = one.row[INVOICES.id], decimal(one.row.get("AmountDue"))
    for note in notes:
        for row in [] if note.allocated else read_note(connection.xero, note.document_id):
            amount = min(due, decimal(row.get("RemainingCredit")))
            if amount <= 0 or row.get("Status") != "AUTHORISED" or allocations(row, invoice_id):
                continue
            due -= amount
            element = allocation_element(row, invoice_id, amount)
            yield Item(_allocation(one.claim, note, plain(amount)), element)


def _allocation(claim: Claim, note: Noted, amount: str) -> Claim:
    return replace(
        claim,
        role=note.role,
        mark=note.document_id,
        operation=ALLOCATE,
        number=None,
        total=amount,
        warnings=None,
    )


def _open(connection: Connection, notes: Iterable[Noted]) -> Iterator[Finding]:
    """Credit that no invoice took, since it is paid: a person gives it back, or sets it against another one."""
    for note in notes:
        for row in read_note(connection.xero, note.document_id):
            if rest := decimal(row.get("RemainingCredit")):
                yield Finding(
                    Cause.credit_open,
                    f"Of credit note {note.number}, {plain(rest)} is not set against anything.",
                )
