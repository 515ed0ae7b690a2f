"""The seeded drifts are in place, and nothing else is: these tests are about the seeding, not the reconciliation."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from deployments.sandbox.server import Sandbox, running
from tasks.connections.connection import Connection, close_all, open_connection
from tasks.domain.discrepancies import DiscrepancyKind, Mode
from tasks.domain.orders import Kind
from tasks.exporting import sending
from tasks.exporting.comparing import edits
from tasks.ledger.schema import documents, links, orders
from tasks.xero.endpoints import CREDIT_NOTES, PURCHASE_ORDERS
from tests.exporting.driver import export
from tests.importing.driver import import_, match, read, writes
from tests.reconciling.cases import At, Seeded, Stage
from tests.reconciling.drifts import DRIFTS, OLD, QUIET, nightly, seed, stage
from tests.support import dec, settings_for

N = 2
NAMES = [drift.name for drift in DRIFTS]


@pytest.fixture(scope="module")
def both() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def staged(both: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Both sides agree."""
    folder, made = tmp_path_factory.mktemp("drifts"), sending.writer

    def opened(replace: dict[str, str]) -> Connection:
        (folder / "connections.toml").write_text(settings_for(both, replace))
        return open_connection("sandbox")

    def patient(connection: Connection, run_id: str) -> Any:
        writer = made(connection, run_id)
        writer._sleep = both.advance
        return writer

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MONSTOCK_XERO_CONFIG", str(folder / "connections.toml"))
        patch.setenv("LEDGER_URL", f"sqlite:///{folder / 'ledger.db'}")
        patch.setattr(sending, "writer", patient)
        yield stage(both, nightly(opened), N)
        close_all()


@pytest.fixture(scope="module")
def agreed(staged: Stage) -> dict[str, int]:
    """What two more runs wrote before anything was seeded."""
    for on in ("xero", "monstock"):
        staged.sandbox.control("DELETE", "/calls", on=on)
    export(staged.connection)
    import_(staged.connection, open_documents=True)
    return writes(staged.sandbox)


@pytest.fixture(scope="module")
def seeded(staged: Stage, agreed: dict[str, int]) -> list[Seeded]:
    """And now they differ."""
    return seed(staged)


def order(stage: Stage, at: At) -> dict[str, Any] | None:
    """An order as Monstock has it."""
    assert at.order is not None
    kind, id_ = at.order
    headers = {"Authorization": "Bearer sandbox-key"}
    answer = httpx.get(f"{stage.sandbox.monstock_url}/{kind}-orders/{id_}", headers=headers, verify=False)
    return None if answer.status_code == 404 else dict(answer.raise_for_status().json())


def document(stage: Stage, at: At) -> dict[str, Any]:
    """A document as Xero has it."""
    assert at.document is not None
    if found := stage.connection.xero.by_values("Invoices", "IDs", [at.document], {"unitdp": "4"}):
        return found[0]
    return stage.connection.xero.one(PURCHASE_ORDERS, at.document)[0]


def numbered(stage: Stage, at: At) -> list[dict[str, Any]]:
    """Invoices that bear our number for an order."""
    found = order(stage, at)
    assert found is not None
    return stage.connection.xero.by_values("Invoices", "InvoiceNumbers", [f"MS-{found['reference']}"])


def of_contact(stage: Stage, one: dict[str, Any]) -> list[dict[str, Any]]:
    """Invoices and bills of a document's contact."""
    return stage.connection.xero.by_values("Invoices", "ContactIDs", [one["Contact"]["ContactID"]])


def known(stage: Stage, at: At) -> Any:
    """An order's row of the ledger."""
    assert at.order is not None
    this = orders.c.kind == at.order[0], orders.c.order_id == at.order[1]
    with stage.connection.database.engine.connect() as tx:
        return tx.execute(select(orders).where(*this)).one_or_none()


def mirrored(stage: Stage) -> dict[str, Any]:
    """Documents as the ledger knows them."""
    with stage.connection.database.engine.connect() as tx:
        return {row.document_id: row for row in tx.execute(select(documents))}


def written(stage: Stage, at: At) -> dict[str, Any]:
    """The order's document as our last write left it."""
    assert at.order is not None
    kind, id_ = at.order
    return dict(stage.connection.documents.links(Kind(kind), [id_])[id_].written)


def shown(stage: Stage, at: At) -> dict[str, Any]:
    """What Monstock shows of it."""
    found = order(stage, at)
    assert found is not None
    return dict(found["accounting"])


def edited(*names: str, totals: tuple[str, ...] = ()) -> Callable[[Stage, At], None]:
    """Only these fields differ from our last write, and of the totals only those."""

    def check(stage: Stage, at: At) -> None:
        before, now = written(stage, at), document(stage, at)
        assert [name for name in edits(before, now) if name != "Total"] == list(names)
        sums = ("SubTotal", "TotalTax", "Total")
        assert tuple(name for name in sums if dec(before[name]) != dec(now[name])) == totals

    return check


def stands(**fields: Any) -> Callable[[Stage, At], None]:
    """Monstock shows this, and Xero says what `fields` say under Xero's names."""

    def check(stage: Stage, at: At) -> None:
        mine, theirs = shown(stage, at), document(stage, at)
        assert {name: mine[name] for name in fields if name in mine} == {
            name: value for name, value in fields.items() if name in mine
        }
        others = {name: value for name, value in fields.items() if name not in mine}
        assert {name: str(theirs[name]) for name in others} == others

    return check


def rejected(stage: Stage, at: At) -> None:
    assert known(stage, at).state == "rejected"
    assert "matched an archived contact" in known(stage, at).findings
    assert numbered(stage, at) == []


def answer_lost(stage: Stage, at: At) -> None:
    open_ = [claim.key for attempt in stage.connection.attempts.unfinished() for claim in attempt.claims]
    assert at.order in open_
    assert [row["Status"] for row in numbered(stage, at)] == ["AUTHORISED"]
    assert (known(stage, at).state, at.document) == ("pending", None)


def not_exported(stage: Stage, at: At) -> None:
    found = order(stage, at)
    assert found is not None
    assert (found["status"], found["accounting"], known(stage, at)) == ("confirmed", None, None)


def held(stage: Stage, at: At) -> None:
    assert known(stage, at).state == "held"
    assert "tax rate not mapped" in known(stage, at).findings


def missing(stage: Stage, at: At) -> None:
    assert stage.connection.xero.by_values("Invoices", "IDs", [str(at.document)]) == []
    assert numbered(stage, at) == []
    assert shown(stage, at)["documentId"] == at.document


def removed(status: str) -> Callable[[Stage, At], None]:
    def check(stage: Stage, at: At) -> None:
        found = order(stage, at)
        assert found is not None
        assert (document(stage, at)["Status"], found["status"]) == (status, "confirmed")
        assert shown(stage, at)["status"] in {"approved", "draft"}

    return check


def changed(stage: Stage, at: At) -> None:
    found = order(stage, at)
    assert found is not None
    assert dec(found["totals"]["gross"]) != dec(document(stage, at)["Total"])
    assert edits(written(stage, at), document(stage, at)) == []


def ended(stage: Stage, at: At) -> None:
    found = order(stage, at)
    assert found is not None
    assert found["status"] == "cancelled"
    assert document(stage, at)["Status"] in {"AUTHORISED", "DRAFT"}


def not_listed(stage: Stage, at: At) -> None:
    assert order(stage, at) is None
    assert document(stage, at)["Status"] == "AUTHORISED"


def amount(stage: Stage, at: At) -> None:
    changed(stage, at)
    assert known(stage, at).state == "exported"
    assert dec(shown(stage, at)["total"]) == dec(document(stage, at)["Total"])


def not_shown(stage: Stage, at: At) -> None:
    found = order(stage, at)
    assert found is not None
    assert (found["accounting"], document(stage, at)["Status"]) == (None, "AUTHORISED")


def link(stage: Stage, at: At) -> None:
    assert shown(stage, at)["documentNumber"] == "INV-WRONG"
    assert edits(written(stage, at), document(stage, at)) == []


def several(stage: Stage, at: At) -> None:
    second, own = document(stage, at), written(stage, at)
    assert (second["Url"], second["Status"]) == (own["Url"], "AUTHORISED")
    assert second["InvoiceID"] != shown(stage, at)["documentId"]


def duplicate(stage: Stage, at: At) -> None:
    second = document(stage, at)
    facts = ("Date", "Total", "Reference", "CurrencyCode", "Status")
    same = [
        row
        for row in of_contact(stage, second)
        if row["InvoiceID"] != at.document and all(row[name] == second[name] for name in facts)
    ]
    assert len(same) == 1
    assert (bool(same[0].get("Url")), second.get("Url")) == (True, None)


def marked(stage: Stage, at: At) -> None:
    found = document(stage, at)
    mark = found.get("Url") or found["Reference"]
    assert "lost-" in mark
    assert found["Status"] not in {"VOIDED", "DELETED"}


def strange(stage: Stage, at: At) -> None:
    found = document(stage, at)
    assert found["Contact"]["Name"].startswith("Stranger")
    assert found.get("Url") is None


def proposed(stage: Stage, at: At) -> None:
    found = document(stage, at)
    rows = stage.connection.xero.page("PurchaseOrders").rows
    (own,) = [row for row in rows if row["Contact"]["ContactID"] == found["Contact"]["ContactID"]]
    assert dec(found["Total"]) == dec(own["Total"])
    assert own["PurchaseOrderNumber"] not in str(found)


def stuck(stage: Stage, at: At) -> None:
    found = document(stage, at)
    assert found["Status"] == "DRAFT"
    with stage.connection.database.engine.connect() as tx:
        since = tx.execute(select(links.c.updated_at).where(links.c.document_id == at.document)).scalar_one()
    assert (stage.today - since.date()).days in {OLD - 1, OLD, OLD + 1}
    assert mirrored(stage)[str(at.document)].modified[:10] == since.date().isoformat()


def locked(stage: Stage, at: At) -> None:
    found, organisation = document(stage, at), stage.connection.xero.organisation()
    assert found["Status"] == "DRAFT"
    assert int(found["Date"][6:-7]) <= int(organisation["PeriodLockDate"][6:-7])


def over_billed(stage: Stage, at: At) -> None:
    own = document(stage, at)
    bills = [row for row in of_contact(stage, own) if row["Type"] == "ACCPAY"]
    assert len(bills) == 2
    assert sum(dec(row["SubTotal"]) for row in bills) > dec(own["SubTotal"])


def credit_open(stage: Stage, at: At) -> None:
    (note,) = stage.connection.xero.one(CREDIT_NOTES, str(at.document))
    assert (note["Status"], note["Allocations"]) == ("AUTHORISED", [])
    assert dec(note["RemainingCredit"]) == dec(note["Total"]) > 0
    assert known(stage, at).state == "exported"
    assert dec(shown(stage, at)["amountCredited"]) == dec(note["Total"])


def unreadable(field: str, value: str) -> Callable[[Stage, At], None]:
    def check(stage: Stage, at: At) -> None:
        assert document(stage, at)[field] == value

    return check


CHECKS: dict[str, Callable[[Stage, At], None]] = {
    "rejected": rejected,
    "answer lost": answer_lost,
    "not exported": not_exported,
    "not exported, a supplier's": not_exported,
    "held": held,
    "document missing": missing,
    "invoice voided": removed("VOIDED"),
    "purchase order deleted": removed("DELETED"),
    "order changed": changed,
    "supplier order changed": changed,
    "order cancelled": ended,
    "supplier order deleted": ended,
    "order not listed": not_listed,
    "number": edited("InvoiceNumber"),
    "reference": edited("Reference"),
    "contact": edited("Contact"),
    "currency": edited("CurrencyCode"),
    "date": edited("Date"),
    "due date": edited("DueDate"),
    "due date without a stamp": edited("DueDate"),
    "line added": edited("LineItems", totals=("SubTotal", "TotalTax", "Total")),
    "line of text added": edited("LineItems"),
    "gross amount": edited("LineItems[0].UnitAmount", totals=("SubTotal", "TotalTax", "Total")),
    "gross amount of a purchase order": edited(
        "LineItems[0].UnitAmount", totals=("SubTotal", "TotalTax", "Total")
    ),
    "tax": edited("LineItems[0].TaxType", totals=("SubTotal", "TotalTax")),
    "account": edited("LineItems[0].AccountCode"),
    "description": edited("LineItems[0].Description"),
    "order amount": amount,
    "not shown": not_shown,
    "paid amount": stands(amountPaid="0.00", AmountPaid="5.00"),
    "payment taken back": stands(amountPaid="5.00", AmountPaid="0.00"),
    "credited amount": stands(amountCredited="0.00", AmountCredited="4.00"),
    "draft approved": stands(status="draft", Status="AUTHORISED"),
    "purchase order billed": stands(status="draft", Status="BILLED"),
    "status overwritten": stands(status="submitted", Status="AUTHORISED"),
    "amount due overwritten": stands(amountDue="0.01", Status="AUTHORISED"),
    "link overwritten": link,
    "second document of ours": several,
    "duplicate": duplicate,
    "duplicate that names its order": duplicate,
    "invoice of a lost order": marked,
    "purchase order of a lost order": marked,
    "invoice without order": strange,
    "bill without order": strange,
    "match proposed": proposed,
    "unreadable document": unreadable("Type", "ACCBARTER"),
    "unreadable document of ours": unreadable("Status", "DISPUTED"),
    "stuck in draft": stuck,
    "locked period": locked,
    "billed beyond the order": over_billed,
    "credit left open": credit_open,
}


# How matching leaves the documents that others made, and the one whose answer was lost.
STANDINGS = {
    "answer lost": "linked",
    "second document of ours": "unmatched",
    "duplicate": "unmatched",
    "duplicate that names its order": "proposed",
    "invoice of a lost order": "unmatched",
    "purchase order of a lost order": "unmatched",
    "invoice without order": "unmatched",
    "bill without order": "unmatched",
    "match proposed": "proposed",
    "unreadable document": "unreadable",
    "unreadable document of ours": "unreadable",
}


# How each order stands in the ledger, and what Monstock shows of it (status, paid, credited); None for nothing.
PEACE: dict[str, tuple[str | None, str | None]] = {
    "plain": ("exported", "approved 0.00 0.00"),
    "plain, a supplier's": ("exported", "draft 0.00 0.00"),
    "draft": ("exported", "draft 0.00 0.00"),
    "everything on it": ("exported", "approved 0.00 0.00"),
    "euro": ("exported", "approved 0.00 0.00"),
    "cent": ("exported", "approved 0.00 0.00"),
    "paid in part": ("exported", "partially_paid 5.00 0.00"),
    "paid": ("exported", "paid {total} 0.00"),
    "credited by hand": ("exported", "partially_paid 0.00 4.00"),
    "prepaid": ("exported", "credited 0.00 {total}"),
    "returned": ("exported", "partially_paid 0.00 {third}"),
    "changed and followed": ("exported", "approved 0.00 0.00"),
    "cancelled": ("not_due", "voided 0.00 0.00"),
    "cancelled, a supplier's": ("not_due", "deleted 0.00 0.00"),
    "never due": (None, None),
    "not confirmed": (None, None),
    "before the cut-over": ("before_cutover", None),
    "approved by hand": ("exported", "approved 0.00 0.00"),
    "billed": ("exported", "draft 0.00 0.00"),
    "made by hand": ("exported", "approved 0.00 0.00"),
    "let stand": ("exported", "approved 0.00 0.00"),
    "old invoice by hand": (None, None),
}


@pytest.mark.parametrize("name", [quiet.name for quiet in QUIET])
def test_what_is_quiet_is_what_it_says(staged: Stage, agreed: dict[str, int], name: str) -> None:
    for one in staged.orders[name]:
        at = staged.at(one)
        standing = getattr(known(staged, at), "state", None)
        found = (order(staged, at) or {}).get("accounting")
        state, said = PEACE[name]
        if found is None:
            assert (standing, None) == (state, said)
            continue
        total = dec(found["total"])
        wanted = str(said).format(total=total, third=(total / 3).quantize(dec("0.01")))
        told = " ".join(found[field] for field in ("status", "amountPaid", "amountCredited"))
        assert (standing, told) == (state, wanted)


def test_every_kind_is_seeded_but_a_net_that_differs_alone() -> None:
    assert {drift.kind for drift in DRIFTS} == set(DiscrepancyKind) - {DiscrepancyKind.net}
    assert set(CHECKS) == set(NAMES)
    assert len(NAMES) == len(set(NAMES))


def test_before_anything_is_seeded_both_sides_agree(agreed: dict[str, int]) -> None:
    assert agreed == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_drift_is_in_place(staged: Stage, seeded: list[Seeded], name: str) -> None:
    places = [one.at for one in seeded if one.drift.name == name]
    assert len({at.key for at in places}) == N
    for at in places:
        CHECKS[name](staged, at)


@pytest.fixture(scope="module")
def matched(staged: Stage, seeded: list[Seeded]) -> dict[str, Any]:
    """Documents by id, as the night reads them and finds their owners, before it shows or repairs anything."""
    match(staged.connection, read(staged.connection, open_documents=True))
    return mirrored(staged)


def test_no_drift_is_taken_for_another(staged: Stage, seeded: list[Seeded], matched: dict[str, Any]) -> None:
    expected = {str(one.at.document): STANDINGS.get(one.drift.name, "linked") for one in seeded}
    odd = {id_: row for id_, row in matched.items() if row.standing not in {"linked", "aside"}}
    wanted = {id_: standing for id_, standing in expected.items() if standing != "linked"}
    assert {id_: row.standing for id_, row in odd.items()} == wanted


@pytest.mark.usefixtures("matched")
def test_what_a_repair_ends_is_ended_by_the_next_runs(staged: Stage, seeded: list[Seeded]) -> None:
    for _ in range(2):
        staged.sandbox.advance(2)
        export(staged.connection)
        staged.sandbox.advance(2)
        import_(staged.connection, open_documents=True)
    for drift, at in seeded:
        if drift.ends is not Mode.none:
            with pytest.raises(AssertionError):
                CHECKS[drift.name](staged, at)
    staged.sandbox.control("DELETE", "/calls")
    staged.sandbox.control("DELETE", "/calls", on="monstock")
    export(staged.connection)
    import_(staged.connection, open_documents=True)
    assert writes(staged.sandbox) == {}
