"""Which documents people seem to have made, asked of both databases."""

from typing import Any

from tasks.domain.orders import Kind
from tasks.ledger.database import Database
from tasks.ledger.documents import Documents
from tasks.ledger.schema import documents
from tests.ledger.given import attempts, claim


def stand(database: Database, document_id: str, **facts: Any) -> None:
    """A document in the mirror."""
    row = {"connection": "shop", "document_id": document_id, "type": "ACCREC", "contact_id": "c"}
    row |= {"contact_name": "C", "currency": "GBP", "total": "1.00", "status": "DRAFT", "before_us": False}
    with database.begin() as tx:
        tx.execute(documents.insert(), row | facts)


def test_only_what_lives_and_belongs_to_nobody_counts(database: Database) -> None:
    attempts(database).store("PUT", "Invoices", [claim("9")], lambda _: b"{}", "run")
    stand(database, "old", before_us=True, standing="aside")
    for standing in (None, "proposed", "unmatched", "linked", "aside"):
        stand(database, f"new {standing}", standing=standing)
    stand(database, "void", status="VOIDED")
    stand(database, "credit", type="ACCRECCREDIT")
    stand(database, "under way", mark="https://shop/9")
    found = Documents(database, "shop").by_hand()
    assert [one.id for one in found.first] == ["old"]
    assert sorted(one.id for one in found.later) == ["new None", "new proposed", "new unmatched"]
    assert Documents(database, "shop").said(Kind.customer, ["1"]) == {}
