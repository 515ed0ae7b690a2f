"""Which documents people seem to have made, asked of both databases."""

from tasks.domain.orders import Kind
from tasks.ledger.database import Database
from tasks.ledger.documents import Documents
from tests.ledger.given import attempts, claim, mirrored


def test_only_what_lives_and_belongs_to_nobody_counts(database: Database) -> None:
    attempts(database).store("PUT", "Invoices", [claim("9")], lambda _: b"{}", "run")
    mirrored(database, "old", before_us=True, standing="aside")
    for standing in (None, "proposed", "unmatched", "linked", "aside"):
        mirrored(database, f"new {standing}", standing=standing)
    mirrored(database, "void", status="VOIDED")
    mirrored(database, "credit", type="ACCRECCREDIT")
    mirrored(database, "under way", mark="https://shop/9")
    found = Documents(database, "shop").by_hand()
    assert [one.id for one in found.first] == ["old"]
    assert sorted(one.id for one in found.later) == ["new None", "new proposed", "new unmatched"]
    assert Documents(database, "shop").said(Kind.customer, ["1"]) == {}
