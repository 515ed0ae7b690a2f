"""What runs made, as the ledger knows it; and orders whose documents are taken back."""

from dataclasses import replace

from sqlalchemy import select

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.attempts import Attempts
from tasks.ledger.claims import ROLLBACK, UPDATE, Claim, Outcome, Settlement
from tasks.ledger.database import Database
from tasks.ledger.recalling import Recalling
from tasks.ledger.runs import Made, Runs
from tasks.ledger.schema import decisions, orders
from tasks.ledger.settlement import findings_json
from tests.ledger.given import attempts, body, claim, settled, take_in

WHY = "MS-1 of run a was deleted, as Ada asked."


def write(worker: Attempts, run_id: str, *claims: Claim, outcome: Outcome = Outcome.written) -> None:
    attempt = worker.store("PUT", "Invoices", claims, body, run_id)
    assert attempt is not None
    worker.settle(attempt, [settled(one, outcome) for one in claims], "answered", run_id)


def facts(made: list[Made]) -> list[tuple[str, str, str, int, int]]:
    return [(one.subject, one.subject_id, one.operation, one.generation, one.present) for one in made]


def taken_back(order_id: str, generation: int = 1) -> Claim:
    found = findings_json([Finding(Cause.rolled_back, WHY)])
    return replace(claim(order_id), operation=ROLLBACK, generation=generation, warnings=found)


def state(database: Database, order_id: str) -> tuple[str, int, str | None]:
    with database.engine.connect() as tx:
        row = tx.execute(select(orders).where(orders.c.order_id == order_id)).one()
    return row.state, row.generation, row.payload


def test_a_run_made_what_its_requests_claimed_and_got(database: Database) -> None:
    take_in(database, "1", "2", "3")
    worker, runs = attempts(database), Runs(database, "shop")
    write(worker, "run-a", claim("1"), claim("2"))
    write(worker, "run-a", claim("3"), outcome=Outcome.rejected)
    take_in(database, "1", revision="r2")
    write(worker, "run-b", replace(claim("1", revision="r2"), operation=UPDATE))
    write(worker, "run-b", Claim("contact", "7", "contact", "K-7", "", "rules"), outcome=Outcome.rejected)
    assert facts(runs.did(["run-a"])) == [
        ("customer", "1", "create", 1, 1),
        ("customer", "2", "create", 1, 1),
    ]
    assert facts(runs.did(["run-b"])) == [("customer", "1", "update", 1, 1)]
    assert facts(runs.did(["run-a", "run-b", "nobody"])) == [
        ("customer", "1", "create", 1, 1),
        ("customer", "1", "update", 1, 1),
        ("customer", "2", "create", 1, 1),
    ]
    [first, second] = runs.did(["run-a"])
    assert (first.revision, first.document_id, first.is_document, dict(first.written)) == (
        "r2",
        "id-1",
        True,
        {},
    )
    assert [one.written["InvoiceID"] for one in runs.standing([first, second])] == ["id-1", "id-2"]
    assert (runs.named("run-"), runs.named("run-b"), runs.named("%")) == (["run-a", "run-b"], ["run-b"], [])
    assert Runs(database, "other").did(["run-a"]) == []


def test_what_a_run_left_under_way_is_counted_until_it_is_settled(database: Database) -> None:
    take_in(database, "1", "2", "3")
    worker, runs = attempts(database), Runs(database, "shop")
    contact = Claim("contact", "7", "contact", "K-7", "", "rules")
    left = worker.store("PUT", "Invoices", [claim("1"), claim("2")], body, "run-a")
    assert left is not None
    worker.store("PUT", "Contacts", [contact], body, "run-a")
    worker.store("PUT", "Invoices", [claim("3")], body, "run-b")
    assert (runs.under_way(["run-a"]), runs.under_way(["run-a", "run-b"])) == (2, 3)
    assert Runs(database, "other").under_way(["run-a"]) == 0
    worker.settle(left, [settled(claim(n), Outcome.written) for n in ("1", "2")], "answered", "later")
    assert (runs.under_way(["run-a"]), len(runs.did(["run-a"]))) == (0, 2)


def test_a_document_that_is_taken_back_skips_its_order_for_the_next_generation(database: Database) -> None:
    take_in(database, "1")
    worker = attempts(database)
    write(worker, "run-a", claim("1"))
    assert state(database, "1") == ("exported", 1, None)
    back = taken_back("1")
    attempt = worker.store("POST", "Invoices", [back], body, "rollback")
    assert attempt is not None
    gone = {"InvoiceID": "id-1", "Type": "ACCREC", "Status": "DELETED"}
    worker.settle(attempt, [Settlement(back, Outcome.written, gone)], "answered", "rollback")
    assert state(database, "1") == ("skipped", 2, None)
    with database.engine.connect() as tx:
        decided = tx.execute(select(decisions)).one()
    assert (decided.decision, decided.reason, decided.decided_by) == ("skip", WHY, "rollback")
    assert facts(Runs(database, "shop").did(["run-a"])) == [("customer", "1", "create", 1, 2)]

    recalling = Recalling(database, "shop")
    with database.begin() as tx:
        tx.execute(orders.update().values(order_date=decided.decided_at.date()))
    day = decided.decided_at.date()
    assert recalling.spans() == {Kind.customer: (day, day)}
    assert recalling.keep(Kind.customer, [("1", "another", "{}"), ("2", "r1", "{}")]) == 0
    assert recalling.keep(Kind.customer, [("1", "r1", '{"id":"1"}')]) == 1
    assert (state(database, "1"), recalling.spans()) == (("skipped", 2, '{"id":"1"}'), {})


def test_one_that_does_not_go_leaves_its_order_as_it_is(database: Database) -> None:
    take_in(database, "1")
    worker = attempts(database)
    write(worker, "run-a", claim("1"))
    for outcome in (Outcome.rejected, Outcome.released):
        attempt = worker.store("POST", "Invoices", [taken_back("1")], body, "rollback")
        assert attempt is not None
        worker.settle(attempt, [Settlement(taken_back("1"), outcome)], "answered", "rollback")
        assert state(database, "1") == ("exported", 1, None)
