"""What a link keeps of a document: as our last write left it, whatever others do to it. On both databases."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from tasks.ledger.claims import REMOVE, UPDATE, Claim, Outcome
from tasks.ledger.database import Database
from tasks.ledger.schema import links
from tasks.xero.lines import digest
from tests.ledger.given import attempts, claim, settled

LINES = [{"Description": "Mug", "Quantity": 3, "UnitAmount": "12.50", "TaxType": "OUTPUT2"}]
DOCUMENT = {
    "InvoiceID": "d1",
    "Type": "ACCREC",
    "Status": "DRAFT",
    "Reference": "PO 7",
    "Contact": {"ContactID": "c1", "Name": "Ada"},
    "CurrencyCode": "GBP",
    "DateString": "2026-10-01T00:00:00",
    "DueDateString": "2026-10-31T00:00:00",
    "SubTotal": "37.5",
    "TotalTax": "7.5",
    "Total": 45,
    "LineItems": LINES,
}
LEFT = {
    "reference": "PO 7",
    "contact_id": "c1",
    "currency": "GBP",
    "net": "37.50",
    "tax": "7.50",
    "date": date(2026, 10, 1),
    "due_date": date(2026, 10, 31),
    "line_count": 1,
    "lines": digest(LINES),
}
OTHER = DOCUMENT | {"Reference": "PO 8", "SubTotal": "1", "DueDateString": None, "LineItems": LINES * 2}


def settle(database: Database, this: Claim, outcome: Outcome, document: Any = DOCUMENT) -> None:
    attempts(database).adopt([settled(this, outcome, document=document)], "run")


def left(database: Database) -> dict[str, Any]:
    with database.engine.connect() as tx:
        row = tx.execute(select(links)).one()._mapping
    return {name: row[name] for name in LEFT}


@pytest.mark.parametrize("outcome", [Outcome.written, Outcome.adopted, Outcome.linked, Outcome.found])
def test_a_document_of_ours_is_kept_as_it_was_left(database: Database, outcome: Outcome) -> None:
    settle(database, claim(), outcome)
    assert left(database) == LEFT
    with database.engine.connect() as tx:
        assert tx.execute(select(links.c.total)).scalar() == "45.00"


@pytest.mark.parametrize("outcome", [Outcome.removed, Outcome.conflict, Outcome.several])
def test_of_a_document_that_is_no_write_of_ours_nothing_is_kept(database: Database, outcome: Outcome) -> None:
    settle(database, claim(), outcome)
    assert left(database) == dict.fromkeys(LEFT)


@pytest.mark.parametrize("outcome", [Outcome.removed, Outcome.conflict, Outcome.several])
def test_what_others_did_changes_nothing_of_it(database: Database, outcome: Outcome) -> None:
    settle(database, claim(), Outcome.written)
    settle(database, claim(operation=UPDATE, revision="r2"), outcome, OTHER)
    assert left(database) == LEFT


@pytest.mark.parametrize("outcome", [Outcome.written, Outcome.adopted, Outcome.accepted])
def test_a_later_write_and_a_persons_word_replace_it(database: Database, outcome: Outcome) -> None:
    settle(database, claim(), Outcome.written)
    settle(database, claim(operation=UPDATE, revision="r2"), outcome, OTHER)
    changed = {"reference": "PO 8", "net": "1.00", "due_date": None, "line_count": 2}
    assert left(database) == LEFT | changed | {"lines": digest(LINES * 2)}


def test_the_end_of_a_document_leaves_its_lines_where_it_shows_none(database: Database) -> None:
    settle(database, claim(), Outcome.written)
    ended = DOCUMENT | {"Status": "VOIDED", "LineItems": []}
    settle(database, claim(operation=REMOVE, revision="r2"), Outcome.written, ended)
    assert left(database) == LEFT


def test_an_answer_to_an_update_that_shows_no_lines_leaves_none_known(database: Database) -> None:
    settle(database, claim(), Outcome.written)
    settle(database, claim(operation=UPDATE, revision="r2"), Outcome.written, DOCUMENT | {"LineItems": []})
    assert left(database) == LEFT | {"line_count": 0, "lines": ""}


def test_an_answer_that_cannot_be_read_is_linked_all_the_same(database: Database) -> None:
    settle(database, claim(), Outcome.written, DOCUMENT | {"Status": "SOMETHINGNEW"})
    assert left(database) == dict.fromkeys(LEFT)
