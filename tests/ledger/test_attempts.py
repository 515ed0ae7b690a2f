"""The three commits, and what each of them leaves for whoever comes next."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger.attempts import LeaseLost
from tasks.ledger.claims import UPDATE, Outcome
from tasks.ledger.database import Database
from tests.ledger.given import attempts, body, claim, settled, store, take_in, waiting

AT = datetime(2026, 10, 1, 12, tzinfo=UTC)
OVER = timedelta(seconds=-1)


def test_a_claimed_order_is_left_out_of_the_next_request(database: Database) -> None:
    worker = attempts(database)
    store(worker, claim("1"), claim("2"))
    second = store(worker, claim("2"), claim("3"), claim("1"))
    assert second is not None
    assert (second.body, [c.subject_id for c in second.claims]) == (body([1]), ["3"])


def test_a_request_of_claimed_orders_alone_is_not_stored(database: Database) -> None:
    store(attempts(database), claim())
    assert store(attempts(database), claim()) is None
    assert len(attempts(database).unfinished()) == 1


def test_a_released_claim_can_be_claimed_again(database: Database) -> None:
    worker = attempts(database)
    first = store(worker, claim())
    assert first is not None
    worker.settle(first, [settled(claim(), Outcome.released)], "never sent", "run")
    assert store(worker, claim()) is not None


@pytest.mark.parametrize(
    "outcome",
    [Outcome.written, Outcome.adopted, Outcome.removed, Outcome.conflict, Outcome.several],
)
def test_a_claim_that_left_a_document_is_never_claimed_again(database: Database, outcome: Outcome) -> None:
    worker = attempts(database)
    first = store(worker, claim())
    assert first is not None
    worker.settle(first, [settled(claim(), outcome)], "answered", "run")
    assert store(worker, claim()) is None
    assert store(worker, claim(generation=2)) is not None


def test_an_update_can_follow_an_update_but_not_repeat_it(database: Database) -> None:
    worker, second, third = attempts(database), *(claim(operation=UPDATE, revision=r) for r in ("r2", "r3"))
    first = store(worker, second)
    assert first is not None
    assert store(worker, third) is None
    worker.settle(first, [settled(second)], "answered", "run")
    assert store(worker, second) is None
    assert store(worker, third) is not None


def test_an_update_that_met_a_conflict_can_be_tried_again(database: Database) -> None:
    worker, change = attempts(database), claim(operation=UPDATE, revision="r2")
    worker.adopt([settled(change, Outcome.conflict)], "run")
    assert store(worker, change) is not None


def test_an_order_that_has_moved_on_is_not_claimed_in_its_old_revision(database: Database) -> None:
    take_in(database, "1", revision="r2")
    assert store(attempts(database), claim(revision="r1")) is None
    assert store(attempts(database), claim(revision="r2")) is not None


def test_after_the_first_commit_the_next_run_finds_the_bytes_and_that_they_never_left(
    database: Database,
) -> None:
    first = store(attempts(database), claim("1"), claim("2"))
    (left,) = attempts(database).unfinished()
    assert left == first
    assert (left.state, left.body, left.sends, left.first_sent_at) == ("stored", body([0, 1]), 0, None)


def test_after_the_second_commit_the_next_run_finds_when_the_request_was_first_sent(
    database: Database,
) -> None:
    worker = attempts(database)
    first = store(worker, claim())
    assert first is not None
    worker.note_sent(worker.note_sent(first, AT), AT + timedelta(seconds=30))
    (left,) = attempts(database).unfinished()
    assert (left.state, left.key, left.sends) == ("sent", first.key, 2)
    assert (left.first_sent_at, left.last_sent_at) == (AT, AT + timedelta(seconds=30))


def test_after_the_third_commit_nothing_is_left(database: Database) -> None:
    take_in(database, "1")
    worker = attempts(database)
    first = store(worker, claim())
    assert first is not None
    worker.settle(worker.note_sent(first, AT), [settled(claim())], "answered", "run")
    assert worker.unfinished() == []
    assert waiting(database) == []


def test_if_the_third_commit_fails_nothing_of_it_stands(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(database, "1")
    worker = attempts(database)
    first = store(worker, claim())
    assert first is not None
    monkeypatch.setattr("tasks.ledger.attempts.record", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        worker.settle(first, [settled(claim())], "answered", "run")
    (left,) = worker.unfinished()
    assert left.claims == (claim(),)


def test_a_key_names_tenant_attempt_and_body(database: Database) -> None:
    worker = attempts(database)
    keys = {store(worker, claim(n)).key for n in "12"}  # type: ignore[union-attr]
    assert len(keys) == 2
    assert all(len(key) == 64 for key in keys)


def test_no_lease_can_be_taken_over_before_it_ends(database: Database) -> None:
    first = store(attempts(database), claim())
    assert first is not None
    assert attempts(database).take_over(first) is None


def test_who_took_over_an_attempt_alone_may_send_or_settle_it(database: Database) -> None:
    slow, quick = attempts(database, OVER), attempts(database)
    first = store(slow, claim())
    assert first is not None
    taken = quick.take_over(first)
    assert taken is not None
    for step in (
        lambda: slow.note_sent(first, AT),
        lambda: slow.note_fault(first),
        lambda: slow.settle(first, [settled(claim())], "answered", "run"),
    ):
        with pytest.raises(LeaseLost):
            step()
    quick.settle(quick.note_sent(taken, AT), [settled(claim())], "answered", "run")


def test_only_one_of_two_takes_an_attempt_over(database: Database) -> None:
    first = store(attempts(database, OVER), claim())
    assert first is not None
    takers = [attempts(database, OVER).take_over(first) for _ in range(2)]
    assert [taker is not None for taker in takers] == [True, False]


def test_a_fault_that_comes_late_does_not_open_a_settled_attempt_again(database: Database) -> None:
    worker = attempts(database)
    first = store(worker, claim())
    assert first is not None
    worker.settle(first, [settled(claim())], "answered", "run")
    with pytest.raises(LeaseLost):
        worker.note_fault(first)
    assert worker.unfinished() == []


def test_a_lease_that_ran_out_unnoticed_is_still_its_owners(database: Database) -> None:
    worker = attempts(database, OVER)
    first = store(worker, claim())
    assert first is not None
    assert worker.note_sent(first, AT).state == "sent"


def test_an_attempt_that_is_left_can_be_taken_over_at_once(database: Database) -> None:
    first = store(attempts(database), claim())
    assert first is not None
    attempts(database).leave(first)
    assert attempts(database).take_over(first) is not None


def test_adopting_leaves_what_another_worker_has_claimed(database: Database) -> None:
    take_in(database, "1", "2")
    store(attempts(database), claim("1"))
    seen = [settled(claim("1"), Outcome.adopted), settled(claim("2"), Outcome.adopted)]
    assert attempts(database).adopt(seen, "run") == seen[1:]
    assert [order.order_id for order in waiting(database)] == ["1"]


def test_a_refused_contact_keeps_the_reason_until_it_is_claimed_again(database: Database) -> None:
    worker, contact = attempts(database), claim("7", subject="contact", role="contact")
    first = store(worker, contact)
    assert first is not None
    reason = (Finding(Cause.rejected, "The e-mail address is none."),)
    worker.settle(first, [settled(contact, Outcome.rejected, findings=reason)], "answered", "run")
    assert "The e-mail address is none." in worker.refusals("contact", ["7", "8"])["7"]
    worker.store("PUT", "Contacts", [contact], body, "run")
    assert worker.refusals("contact", ["7"]) == {}


def test_an_order_that_changed_while_it_was_written_waits_for_its_next_turn(database: Database) -> None:
    take_in(database, "1")
    worker = attempts(database)
    first = store(worker, claim())
    assert first is not None
    take_in(database, "1", revision="r2")
    worker.settle(first, [settled(claim())], "answered", "run")
    (order,) = waiting(database)
    assert (order.revision, order.state) == ("r2", OrderState.pending)


def test_one_that_waits_in_line_keeps_its_lease(database: Database) -> None:
    short = attempts(database, timedelta(seconds=0.4))
    waiting = store(short, claim())
    assert waiting is not None
    assert short.keep(waiting) is waiting
    for _ in range(6):
        time.sleep(0.1)
        waiting = short.keep(waiting)
        assert attempts(database).take_over(waiting) is None
    time.sleep(0.5)
    assert attempts(database).take_over(waiting) is not None
    with pytest.raises(LeaseLost):
        short.keep(waiting)
