"""The inbox: what is in it, what a person takes out, and what comes back."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger.claims import UPDATE, Outcome
from tasks.ledger.database import Database, upsert
from tasks.ledger.forgetting import erase
from tasks.ledger.inbox import AT_ONCE, Inbox
from tasks.ledger.items import Item, Subject, Wanted
from tasks.ledger.lookup import Named, NotFoundByName, the_one
from tasks.ledger.orders import Orders
from tasks.ledger.ownership import UNLINKED
from tasks.ledger.retrying import Retried, retry
from tasks.ledger.schema import accounting, decisions, documents, matches, orders, unread
from tasks.ledger.settlement import findings_json
from tasks.ledger.skipping import CannotSkip, skip
from tasks.ledger.standing import Seen, Standing
from tasks.ledger.story import story
from tasks.ledger.trail import Trail, inflated
from tasks.ledger.verifying import Verification
from tests.ledger.given import attempts, claim, mirrored, settled, store, take_in, waiting

LOCKED = Finding(Cause.locked, "The period is locked.", "date")
UNMAPPED = Finding(Cause.tax_unmapped, 'No rule for "17.50 %".', "lines[0].taxRate")
OVER = Finding(Cause.over_billed, "600 of 500.")
REMOVED = Finding(Cause.removed, "The document is VOIDED in Xero.")
BEGUN = datetime(2026, 10, 1, tzinfo=UTC)


def hold(database: Database, *ids: str, found: Sequence[Finding] = (LOCKED,), shop: str = "shop") -> None:
    """Orders that were read and are held."""
    page = [
        Standing(Kind.customer, i, f"CO-{i}", "r1", OrderState.pending, "2026-10-01T12", payload="{}")
        for i in ids
    ]
    ours = Orders(database, shop)
    ours.take_in(page, "run", None, None)
    ours.hold([(Seen(Kind.customer, i, "r1"), tuple(found)) for i in ids], "run")


def see(database: Database, document_id: str, standing: str | None, **facts: Any) -> None:
    """A document that was read and looked at."""
    row = {
        "type": "ACCPAY",
        "number": f"B-{document_id}",
        "contact_id": "7",
        "contact_name": "Kiln & Co",
        "total": "120.00",
        "date": date(2026, 10, 1),
        "status": "AUTHORISED",
        "standing": standing,
        "since": BEGUN,
    }
    mirrored(database, document_id, **row | facts)


def propose(database: Database, document_id: str, order_id: str, state: str = "proposed") -> None:
    row = {"connection": "shop", "document_id": document_id, "kind": "customer", "order_id": order_id}
    with database.begin() as tx:
        upsert(tx, matches, [{**row, "state": state, "reason": "same total", "since": BEGUN}])


def fail(database: Database, order_id: str, **facts: Any) -> None:
    """An order's link that Monstock did not take."""
    row = {"connection": "shop", "kind": "customer", "order_id": order_id, "due": 0, "tries": 3}
    with database.begin() as tx:
        upsert(tx, accounting, [{**row, "failed": "Monstock answered 422.", "since": BEGUN, **facts}])


def items(database: Database, *connections: str, limit: int | None = None, **wanted: Any) -> list[Item]:
    return list(Inbox(database, connections or ("shop",)).items(Wanted(**wanted), limit))


def ids(database: Database, **wanted: Any) -> list[str]:
    return [item.id for item in items(database, **wanted)]


def named(database: Database, name: str, **wanted: Any) -> Named:
    return the_one(database, ["shop"], name, Wanted(**wanted))


def skip_it(database: Database, name: str, reason: str = "double", **wanted: Any) -> list[str]:
    one = named(database, name, **wanted)
    done = skip(database, "rules", one, reason, "Ada", Wanted(**wanted).subjects)
    return list(done["subjects"])


def export_it(database: Database, order_id: str) -> None:
    take_in(database, order_id)
    attempts(database).adopt([settled(claim(order_id))], "run")


def retry_it(database: Database, name: str) -> list[Retried]:
    one = named(database, name)
    return list(retry(database, "shop", "rules", [(one.subject, one.kind, one.id)], "Ada"))


def row(database: Database, table: Any, **key: str) -> Any:
    with database.engine.connect() as tx:
        return tx.execute(select(table).where(*(table.c[k] == v for k, v in key.items()))).one_or_none()


def events(database: Database, subject: str, subject_id: str) -> list[str]:
    chain = Trail(database, "shop")
    assert list(Verification(chain).breaks()) == []
    return [r["event"] for r in chain.of([(subject, subject_id)])]


def test_it_lists_what_is_in_trouble_the_oldest_first(database: Database) -> None:
    take_in(database, "waits")
    hold(database, "1", found=[LOCKED, UNMAPPED])
    see(database, "d1", "unmatched", since=BEGUN + timedelta(days=1))
    see(database, "d2", "linked")
    see(database, "d3", None)
    see(database, "d4", "linked", findings=findings_json([Finding(Cause.over_billed, "600 of 500.")]))
    see(database, "d5", "unreadable", since=BEGUN + timedelta(days=2))
    fail(database, "1", since=BEGUN - timedelta(days=1))
    found = items(database)
    assert [(item.subject.value, item.id) for item in found] == [
        ("link", "1"),
        ("document", "d4"),
        ("document", "d1"),
        ("document", "d5"),
        ("order", "1"),
    ]
    link, over, unmatched, unreadable, order = found
    assert (link.name, link.tries, link.findings[0].cause) == ("CO-1", 3, Cause.not_shown)
    assert over.findings == (Finding(Cause.over_billed, "600 of 500."),)
    assert (unmatched.name, unmatched.kind, unmatched.findings[0].cause) == ("B-d1", "bill", Cause.unmatched)
    assert "in Xero" in unreadable.facts()["findings"][0]["advice"]
    assert (order.name, order.findings, order.tries) == ("CO-1", (LOCKED, UNMAPPED), 1)


def test_a_proposal_names_its_orders_and_what_speaks_for_them(database: Database) -> None:
    hold(database, "1")
    see(database, "d1", "proposed")
    propose(database, "d1", "1")
    propose(database, "d1", "2", state="refused")
    (item,) = items(database, cause=Cause.proposed)
    assert [(one.reference, one.reason) for one in item.proposals] == [("CO-1", "same total")]


def test_it_is_filtered_by_cause_kind_and_the_day_on_which_the_trouble_began(database: Database) -> None:
    hold(database, "1", found=[UNMAPPED, LOCKED])
    hold(database, "2", found=[Finding(Cause.rejected, 'It says "cause":"period locked".')])
    see(database, "d1", "unmatched")
    see(database, "d2", "unmatched", type="ACCREC", since=BEGUN + timedelta(days=1, hours=23))
    fail(database, "3")
    assert ids(database, cause=Cause.locked) == ["1"]
    assert ids(database, cause=Cause.unmatched) == ["d1", "d2"]
    assert ids(database, cause=Cause.not_shown) == ["3"]
    assert ids(database, kinds=(Kind.supplier,)) == ["d1"]
    assert ids(database, kinds=(Kind.customer,)) == ["3", "d2", "1", "2"]
    assert ids(database, subjects=(Subject.document,)) == ["d1", "d2"]
    assert ids(database, last=date(2026, 10, 1)) == ["d1", "3"]
    assert ids(database, first=date(2026, 10, 2), last=date(2026, 10, 2)) == ["d2"]


def test_the_counts_are_of_all_though_few_are_asked_for(database: Database) -> None:
    many = [f"{n:04}" for n in range(AT_ONCE + 20)]
    hold(database, *many, found=[LOCKED, LOCKED, UNMAPPED])
    see(database, "d1", "unmatched")
    assert len(items(database, limit=7)) == 7
    assert len(items(database)) == len(many) + 1
    total, causes = Inbox(database, ["shop"]).counts(Wanted())
    assert total == len(many) + 1
    assert causes == {"period locked": len(many), "tax rate not mapped": len(many), "no order for it": 1}


def test_connections_are_not_mixed(database: Database) -> None:
    hold(database, "1")
    hold(database, "1", shop="other")
    see(database, "1", "unmatched", connection="other", number="CO-1")
    assert [item.connection for item in items(database, "shop")] == ["shop"]
    assert len(items(database, "shop", "other")) == 3
    skip_it(database, "CO-1")
    assert items(database, "shop") == []
    assert len(items(database, "other")) == 2
    with pytest.raises(NotFoundByName, match=r"CO-1 \(id 1, connection other\); customer order CO-1"):
        the_one(database, ["other", "shop"], "CO-1", Wanted(subjects=(Subject.order,)))


def test_of_several_with_one_name_the_one_in_trouble_is_meant(database: Database) -> None:
    hold(database, "1")
    see(database, "d1", "linked", number="CO-1")
    assert named(database, "CO-1").subject is Subject.order
    see(database, "d2", "unmatched", number="CO-1")
    with pytest.raises(NotFoundByName, match=r"names 2 of them: .* CO-1 \(id 1.*; bill CO-1 \(id d2"):
        named(database, "CO-1")
    assert named(database, "CO-1", subjects=(Subject.document,)).id == "d2"
    with pytest.raises(NotFoundByName, match='No order or document "CO-9"'):
        named(database, "CO-9")


def test_a_skipped_order_keeps_its_json_and_leaves_reason_and_person(database: Database) -> None:
    hold(database, "1")
    skip_it(database, "CO-1", "entered twice")
    assert items(database) == []
    (item,) = items(database, skipped=True)
    assert (item.state, item.skipped, item.findings) == ("skipped", "entered twice", (LOCKED,))
    assert row(database, orders, order_id="1").payload == "{}"
    decided = row(database, decisions, order_id="1")
    assert (decided.decision, decided.reason, decided.decided_by) == ("skip", "entered twice", "Ada")
    assert events(database, "customer", "1") == ["held", "skip"]
    told = Trail(database, "shop").of([("customer", "1")])[-1]
    assert (told["run_id"], told["rules"]) == ("person: Ada", "rules")
    assert inflated(told["content"]) == {"reason": "entered twice"}


def test_a_skip_outlasts_new_revisions_holds_and_answers(database: Database) -> None:
    hold(database, "1")
    ours = Orders(database, "shop")
    change = store(attempts(database), claim("1", operation=UPDATE))
    assert change is not None
    with pytest.raises(CannotSkip, match="being exported at this moment"):
        skip_it(database, "CO-1")
    attempts(database).settle(
        change, [settled(claim("1", operation=UPDATE), Outcome.held)], "answered", "run"
    )
    hold(database, "1")
    skip_it(database, "CO-1")
    since = row(database, orders, order_id="1").since

    ours.hold([(Seen(Kind.customer, "1", "r1"), (UNMAPPED,))], "run")
    ours.move([Seen(Kind.customer, "1", "r1")], OrderState.not_due, "run")
    attempts(database).adopt([settled(claim("1"), Outcome.rejected, document=None)], "run")
    take_in(database, "1", revision="r2")
    kept = row(database, orders, order_id="1")
    assert (kept.state, kept.revision, kept.since) == ("skipped", "r2", since)
    assert kept.payload == '{"revision":"r2"}'
    assert waiting(database, rules="others", retry_rejected=True) == []
    assert store(attempts(database), claim("1", revision="r2")) is None
    assert events(database, "customer", "1")[-2:] == ["skip", "rejected"]


def test_what_is_not_in_the_inbox_is_not_skipped(database: Database) -> None:
    take_in(database, "1")
    attempts(database).adopt([settled(claim("1"))], "run")
    see(database, "d1", "linked")
    for name, says in (("CO-1", "Order CO-1 is exported"), ("B-d1", "Bill B-d1 is linked")):
        with pytest.raises(CannotSkip, match=f"{says}: it is not in the inbox"):
            skip_it(database, name)
    take_in(database, "1", revision="r2")
    with pytest.raises(CannotSkip, match="CO-1 is pending"):
        skip_it(database, "CO-1")
    Orders(database, "shop").hold([(Seen(Kind.customer, "1", "r2"), (LOCKED,))], "run")
    skip_it(database, "CO-1")
    with pytest.raises(CannotSkip, match="Say why"):
        skip_it(database, "CO-1", " ")


def test_a_retried_order_waits_again_and_keeps_its_tries_and_a_decision_to_send(database: Database) -> None:
    hold(database, "1")
    attempts(database).adopt([settled(claim("1"), Outcome.rejected, findings=(UNMAPPED,))], "run")
    assert waiting(database, rules="rules") == []
    sent = {"connection": "shop", "kind": "customer", "order_id": "1", "decision": "send"}
    with database.begin() as tx:
        upsert(tx, decisions, [{**sent, "decided_at": BEGUN, "decided_by": "Ada"}])
    (done,) = retry_it(database, "CO-1")
    assert str(done) == "Order CO-1 goes with the next export."
    (again,) = waiting(database, rules="rules")
    assert (again.state, again.decision) == (OrderState.pending, "send")
    assert row(database, orders, order_id="1").tries == 2
    assert items(database) == []
    assert events(database, "customer", "1")[-1] == "retry"
    assert retry_it(database, "CO-1") == []


def test_an_order_that_is_held_for_the_same_after_a_retry_keeps_since_when(database: Database) -> None:
    hold(database, "1")
    with database.begin() as tx:
        tx.execute(update(orders).values(since=BEGUN))
    ours, seen = Orders(database, "shop"), Seen(Kind.customer, "1", "r1")
    retry_it(database, "CO-1")
    ours.hold([(seen, (LOCKED,))], "run")
    assert [(item.since, item.tries) for item in items(database)] == [(BEGUN, 2)]
    change = claim("1", operation=UPDATE)
    attempts(database).adopt([settled(change, Outcome.conflict, findings=(LOCKED,))], "run")
    assert items(database)[0].since == BEGUN
    retry_it(database, "CO-1")
    ours.hold([(seen, (UNMAPPED,))], "run")
    assert items(database)[0].since != BEGUN


def test_a_retry_ends_a_skip(database: Database) -> None:
    hold(database, "1")
    skip_it(database, "CO-1")
    take_in(database, "1", revision="r2")
    retry_it(database, "CO-1")
    assert [order.revision for order in waiting(database)] == ["r2"]
    assert row(database, decisions, order_id="1") is None
    take_in(database, "1", revision="r3")
    assert row(database, orders, order_id="1").state == "pending"


def test_an_order_whose_document_was_removed_stays_held(database: Database) -> None:
    hold(database, "1", found=[REMOVED])
    (done,) = retry_it(database, "CO-1")
    assert "monstock-xero send" in str(done)
    skip_it(database, "CO-1")
    retry_it(database, "CO-1")
    assert row(database, orders, order_id="1").state == "held"


def test_one_that_has_nothing_to_be_sent_does_not_wait_for_ever(database: Database) -> None:
    hold(database, "1")
    with database.begin() as tx:
        tx.execute(update(orders).values(payload=None))
    retry_it(database, "CO-1")
    assert ids(database) == ["1"]


def test_a_skipped_proposal_is_refused_until_a_retry(database: Database) -> None:
    hold(database, "1")
    see(database, "d1", "proposed")
    propose(database, "d1", "1")
    skip_it(database, "B-d1", "another firm's")
    assert ids(database, subjects=(Subject.document,)) == []
    assert [item.skipped for item in items(database, skipped=True)] == ["another firm's"]
    refused = row(database, matches, document_id="d1")
    assert (refused.state, refused.decided_by) == ("refused", "Ada")
    assert events(database, "document", "d1") == ["skip"]

    (done,) = retry_it(database, "d1")
    assert str(done) == "Document B-d1 is looked at anew with the next run."
    anew = row(database, documents, document_id="d1")
    assert (anew.standing, anew.skipped) == (None, None)
    assert row(database, matches, document_id="d1") is None
    assert events(database, "document", "d1") == ["skip", "retry"]


def test_a_skipped_document_that_only_carries_findings_comes_back_with_them(database: Database) -> None:
    see(database, "d1", "linked", findings=findings_json([Finding(Cause.over_billed, "600 of 500.")]))
    skip_it(database, "d1")
    assert items(database) == []
    retry_it(database, "d1")
    assert [item.state for item in items(database)] == ["linked"]


def test_a_retried_link_is_due_and_says_why_until_it_is_written(database: Database) -> None:
    hold(database, "1")
    fail(database, "1")
    (done,) = retry(database, "shop", None, [(Subject.link, "customer", "1")], "Ada")
    assert str(done) == "The link of order CO-1 is written to Monstock with the next run."
    assert row(database, accounting, order_id="1").due
    assert [item.subject for item in items(database, cause=Cause.not_shown)] == [Subject.link]


def test_what_is_wrong_between_an_order_and_its_documents_is_listed_with_what_was_not_shown(
    database: Database,
) -> None:
    export_it(database, "1")
    fail(database, "1", failed=None, findings=findings_json([OVER]))
    fail(database, "2", findings=findings_json([OVER]), since=BEGUN + timedelta(days=1))
    fail(database, "3", since=BEGUN + timedelta(days=2))
    fail(database, "4", failed=None)
    not_shown = Finding(Cause.not_shown, "Monstock answered 422.")
    found = [(item.id, item.state, item.findings) for item in items(database)]
    assert found == [
        ("1", "shown", (OVER,)),
        ("2", "not shown", (not_shown, OVER)),
        ("3", "not shown", (not_shown,)),
    ]
    assert ids(database, cause=Cause.over_billed) == ["1", "2"]
    assert ids(database, cause=Cause.not_shown) == ["2", "3"]
    assert ids(database, cause=Cause.locked) == []
    told = story(database, named(database, "CO-1"))
    assert [one["cause"] for one in told["accounting"]["findings"]] == ["billed beyond the order"]


def test_a_link_is_skipped_without_its_order_and_a_retry_brings_it_back(database: Database) -> None:
    export_it(database, "1")
    fail(database, "1", failed=None, findings=findings_json([OVER]))
    with pytest.raises(CannotSkip, match="skip, but how it shows in Monstock is: --kind link"):
        skip_it(database, "CO-1", subjects=(Subject.order,))
    assert skip_it(database, "CO-1", "agreed with the supplier") == ["link"]
    assert items(database) == []
    assert row(database, orders, order_id="1").state == "exported"
    (item,) = items(database, skipped=True)
    assert (item.subject, item.skipped) == (Subject.link, "agreed with the supplier")
    assert ids(database, skipped=True, cause=Cause.not_shown) == []
    last = Trail(database, "shop").of([("customer", "1")])[-1]
    assert inflated(last["content"]) == {"what": "link", "reason": "agreed with the supplier"}

    (done,) = retry(database, "shop", None, [(Subject.link, "customer", "1")], "Ada")
    assert str(done) == "The link of order CO-1 is compared with its documents again with the next import."
    again = row(database, accounting, order_id="1")
    assert (again.skipped, again.due) == (None, 1)
    assert ids(database) == ["1"]
    assert events(database, "customer", "1") == ["written", "skip", "retry"]


def test_an_order_that_waits_is_not_skipped_with_its_link(database: Database) -> None:
    take_in(database, "1")
    fail(database, "1")
    assert skip_it(database, "CO-1") == ["link"]
    assert row(database, orders, order_id="1").state == "pending"
    hold(database, "2")
    with pytest.raises(CannotSkip, match="Nothing is wrong between order CO-2"):
        skip_it(database, "CO-2", subjects=(Subject.link,))


def test_an_order_and_its_link_are_skipped_together(database: Database) -> None:
    hold(database, "1")
    fail(database, "1")
    assert skip_it(database, "CO-1") == ["order", "link"]
    assert items(database) == []
    assert events(database, "customer", "1") == ["held", "skip", "skip"]


@pytest.mark.parametrize(
    ("type_", "endpoint"),
    [
        ("ACCREC", "Invoices"),
        ("ACCPAY", "Invoices"),
        ("PURCHASEORDERS", "PurchaseOrders"),
        ("ACCPAYCREDIT", "CreditNotes"),
        ("RECEIVE-OVERPAYMENT", "Overpayments"),
        ("APPREPAYMENT", "Prepayments"),
        ("NOVELTY", "Invoices"),
    ],
)
def test_what_could_not_be_read_is_read_again(database: Database, type_: str, endpoint: str) -> None:
    id_ = "0a1b2c3d-0000-4000-8000-00000000000f"
    broken = Finding(Cause.unreadable, "Its date is no date.")
    facts = {"type": type_, "raw": b"{}", "findings": findings_json([broken]), "skipped": "later"}
    see(database, id_, "unreadable", **facts)
    (done,) = retry_it(database, id_)
    assert str(done) == f"Document B-{id_} is read again with the next import."
    (item,) = items(database)
    assert (item.state, item.findings) == ("unreadable", (broken,))
    assert row(database, unread, document_id=id_).endpoint == endpoint
    assert events(database, "document", id_) == ["retry"]
    retry_it(database, id_)


def test_of_a_payment_there_is_nothing_to_read_again_nor_of_what_has_no_id(database: Database) -> None:
    see(database, "p1", "unreadable", type="PAYMENTS", raw=b"{}")
    see(database, "d1", "unreadable", raw=b"{}")
    assert "leaves the inbox" in str(retry_it(database, "p1")[0])
    assert "has no id to be read by" in str(retry_it(database, "d1")[0])
    assert ids(database) == ["d1"]
    assert row(database, unread, connection="shop") is None


def test_what_a_person_unlinked_stays_so_over_a_retry(database: Database) -> None:
    hold(database, "1")
    see(database, "d1", "unmatched")
    propose(database, "d1", "1", state="refused")
    with database.begin() as tx:
        tx.execute(update(matches).values(reason=UNLINKED))
    retry_it(database, "d1")
    assert row(database, matches, document_id="d1").state == "refused"


def test_many_are_retried_at_once_and_the_trail_tells_of_each(database: Database) -> None:
    many = [f"{n:04}" for n in range(AT_ONCE + 20)]
    hold(database, *many)
    hold(database, "0001", shop="other")
    keys = [(item.subject, item.kind, item.id) for item in items(database)]
    assert len(list(retry(database, "shop", None, keys, "Ada"))) == len(many)
    assert items(database) == []
    assert len(items(database, "other")) == 1
    assert events(database, "customer", many[-1]) == ["held", "retry"]


def test_the_story_of_an_order_has_all_that_belongs_to_it(database: Database) -> None:
    take_in(database, "1")
    attempts(database).adopt([settled(claim("1"))], "run")
    see(database, "id-1", "linked", type="ACCREC", paid="45.00")
    propose(database, "d2", "1", state="refused")
    fail(database, "1", shown='{"status":"DRAFT"}')
    told = story(database, named(database, "CO-1"))
    assert (told["state"], told["tries"], told["findings"]) == ("exported", 1, [])
    (document,) = told["documents"]
    assert (document["document_id"], document["seen"]["paid"]) == ("id-1", "45.00")
    assert [match["state"] for match in told["matches"]] == ["refused"]
    assert told["accounting"]["shown"] == {"status": "DRAFT"}
    assert [r["event"] for r in told["trail"]] == ["written"]

    told = story(database, named(database, "id-1"))
    assert [link["order"] for link in told["links"]] == ["CO-1"]
    assert [r["event"] for r in told["trail"]] == ["written"]


def test_an_erasure_clears_the_reasons_and_leaves_what_is_skipped_skipped(database: Database) -> None:
    page = [Standing(Kind.customer, "1", "CO-1", "r1", OrderState.held, contact_id="7", payload="{}")]
    Orders(database, "shop").take_in(page, "run", None, None)
    fail(database, "1")
    skip_it(database, "CO-1", "Ada Lovelace died")
    erase(Trail(database, "shop"), "7", "request 12", "Ben")
    link, order = items(database, skipped=True)
    assert (link.skipped, order.skipped) == ("(erased)", None)
    assert events(database, "customer", "1") == ["held", "skip", "skip"]
    assert all(r["content"] is None for r in Trail(database, "shop").of([("customer", "1")]))
