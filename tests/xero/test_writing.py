"""What is made, is made once: answers that come, answers that do not, and requests that are refused."""

import pytest

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import NoAnswer, Offline, Parked, Throttled
from tasks.ledger.claims import Outcome
from tasks.xero.endpoints import INVOICES
from tests.support import Connect
from tests.xero.desk import NOBODY, Desk, another, answered, desk, outcomes, texts

__all__ = ["desk"]

WRITES = {"method": "PUT", "path": "/Invoices$"}
ALIVE, DEAD = 4 * 60, 7 * 60


def test_a_lost_answer_is_fetched_with_the_same_bytes_under_the_same_key(desk: Desk) -> None:
    desk.sandbox.fault("lose_answer", **WRITES)
    assert outcomes(desk.write(desk.bill(1), desk.bill(2))) == [Outcome.written] * 2
    assert len(desk.documents()) == 2
    assert desk.calls() == 2


@pytest.mark.parametrize("broken", [False, True])
def test_an_answer_that_is_cut_is_asked_for_again(desk: Desk, broken: bool) -> None:
    desk.sandbox.fault("cut", broken=broken, **WRITES)
    assert outcomes(desk.write(desk.bill())) == [Outcome.written]
    assert len(desk.documents()) == 1


@pytest.mark.parametrize("kind", ["throttle", "offline"])
def test_what_xero_did_not_let_in_goes_again(desk: Desk, kind: str) -> None:
    desk.sandbox.fault(kind, **WRITES)
    assert outcomes(desk.write(desk.bill())) == [Outcome.written]
    assert len(desk.documents()) == 1


def test_with_every_answer_lost_the_attempt_stays_open_and_the_next_run_sends_it_again(desk: Desk) -> None:
    desk.sandbox.fault("lose_answer", next=2, **WRITES)
    with pytest.raises(NoAnswer):
        desk.write(desk.bill())
    assert desk.write(desk.bill()) == []
    desk.sandbox.advance(ALIVE)
    assert outcomes(desk.finish()) == [Outcome.written]
    assert desk.calls() == 3
    assert len(desk.documents()) == 1
    assert desk.open() == []


def test_when_the_key_is_too_old_the_document_is_found_by_its_mark(desk: Desk) -> None:
    desk.sandbox.fault("lose_answer", next=2, **WRITES)
    with pytest.raises(NoAnswer):
        desk.write(desk.bill(1), desk.bill(2))
    desk.sandbox.advance(DEAD)
    desk.client.organisation()
    assert outcomes(desk.finish()) == [Outcome.adopted] * 2
    assert desk.calls() == 2
    assert len(desk.documents()) == 2


def test_when_the_key_is_too_old_what_never_arrived_is_free_again(desk: Desk) -> None:
    desk.sandbox.fault("offline", next=2, **WRITES)
    with pytest.raises(Offline):
        desk.write(desk.bill())
    desk.sandbox.advance(DEAD)
    desk.client.organisation()
    assert outcomes(desk.finish()) == [Outcome.released]
    assert outcomes(desk.write(desk.bill())) == [Outcome.written]


def test_a_500_after_the_work_is_read_back(desk: Desk) -> None:
    desk.sandbox.fault("error_after", **WRITES)
    slept: list[float] = []
    settled = desk.writer(sleep=slept.append).write(INVOICES, [desk.bill(1), desk.bill(2)])
    assert outcomes(settled) == [Outcome.adopted] * 2
    assert (desk.calls(), slept) == (1, [])


def test_a_500_before_the_work_frees_the_orders_for_a_new_key(desk: Desk) -> None:
    desk.sandbox.fault("error_before", **WRITES)
    assert outcomes(desk.write(desk.bill())) == [Outcome.released]
    assert outcomes(desk.write(desk.bill())) == [Outcome.written]
    assert len(desk.documents()) == 1


def test_a_500_after_a_lost_answer_is_read_back_from_the_first_sending_on(desk: Desk) -> None:
    """The lost one made the documents; what was sent minutes later failed."""
    desk.sandbox.fault("lose_answer", next=2, **WRITES)
    with pytest.raises(NoAnswer):
        desk.write(desk.bill())
    desk.sandbox.advance(365)  # to Xero the key is forgotten; to a clock that is 70 seconds late it is not
    desk.client.http.clock.offset = 365 - 70
    desk.sandbox.fault("error_before", **WRITES)
    slept: list[float] = []
    (attempt,) = filter(None, map(desk.connection.attempts.take_over, desk.open()))
    assert outcomes(desk.writer(sleep=slept.append).finish(attempt)) == [Outcome.adopted]
    assert len(slept) == 1
    assert len(desk.documents()) == 1


def test_what_may_still_run_is_waited_out_before_it_is_read_back(desk: Desk) -> None:
    """First sent over five minutes ago, and once more 40 seconds ago: that one may yet make the bill."""
    desk.sandbox.fault("lose_answer", next=4, **WRITES)
    for pause in (4.5 * 60, 40):
        with pytest.raises(NoAnswer):
            desk.finish() if desk.open() else desk.write(desk.bill())
        desk.sandbox.advance(pause)
        desk.client.organisation()
    slept: list[float] = []
    (attempt,) = filter(None, map(desk.connection.attempts.take_over, desk.open()))
    assert outcomes(desk.writer(sleep=slept.append).finish(attempt)) == [Outcome.adopted]
    assert slept == [pytest.approx(80, abs=3)]


def test_a_500_that_could_not_be_read_back_is_read_back_by_the_next_run_and_not_sent_again(
    desk: Desk,
) -> None:
    desk.sandbox.fault("error_after", **WRITES)
    desk.sandbox.fault("offline", next=2, method="GET", path="/Invoices$")
    with pytest.raises(Offline):
        desk.write(desk.bill())
    assert outcomes(desk.finish()) == [Outcome.adopted]
    assert desk.calls() == 1


def test_a_request_that_still_runs_is_waited_for_under_its_key(sandbox: Sandbox, connect: Connect) -> None:
    desk = Desk(sandbox, another(connect(), request_timeout=0.6, lease_seconds=5))
    sandbox.fault("slow", seconds=0.9, **WRITES)
    assert outcomes(desk.write(desk.bill())) == [Outcome.written]
    assert len(desk.documents()) == 1
    assert desk.calls() == 2
    desk.connection.close()


def test_a_day_that_is_used_up_parks_the_write_and_leaves_it_to_the_next_run(desk: Desk) -> None:
    desk.sandbox.fault("throttle", problem="day", retry_after=3600, **WRITES)
    with pytest.raises(Parked):
        desk.write(desk.bill())
    desk.sandbox.advance(3600)
    desk.client.organisation()
    assert outcomes(desk.finish()) == [Outcome.released]
    assert outcomes(desk.write(desk.bill())) == [Outcome.written]


def test_throttled_for_good_the_attempt_is_left_to_whoever_comes_next(desk: Desk) -> None:
    desk.sandbox.fault("throttle", next=2, **WRITES)
    with pytest.raises(Throttled):
        desk.write(desk.bill())
    assert outcomes(desk.finish()) == [Outcome.written]


def test_one_bad_element_among_fifty_stops_no_other(desk: Desk) -> None:
    items = [desk.invoice(n) for n in range(50)]
    items[7] = desk.invoice(
        7, LineItems=[{"Description": "?", "Quantity": 1, "UnitAmount": 1, "TaxType": "OUTPUT9"}]
    )
    settled = desk.write(*items)
    assert outcomes(settled) == [Outcome.rejected if n == 7 else Outcome.written for n in range(50)]
    assert settled[7].document is None
    assert len(desk.documents()) == 49


def test_a_request_that_is_refused_whole_is_halved_until_the_culprit_stands_alone(desk: Desk) -> None:
    items = [desk.invoice(n) for n in range(8)]
    items[5] = desk.invoice(5, Contact={"ContactID": NOBODY})
    settled = {s.claim.subject_id: s for s in desk.write(*items)}
    assert [settled[str(n)].outcome for n in range(8) if n != 5] == [Outcome.written] * 7
    assert settled["5"].outcome is Outcome.rejected
    assert "404" in texts([settled["5"]])
    assert desk.open() == []


def test_a_refusal_of_a_second_sending_says_nothing_of_the_first(desk: Desk) -> None:
    """Sent and made, its answer lost; then Xero's gateway refuses to look at it."""
    desk.sandbox.fault("lose_answer", next=2, **WRITES)
    with pytest.raises(NoAnswer):
        desk.write(desk.bill())
    with desk.connection.database.begin() as tx:
        tx.exec_driver_sql("update attempts set endpoint = 'Invoices', method = 'PATCH'")
    assert outcomes(desk.finish()) == [Outcome.adopted]


def test_a_warning_is_saved_with_its_text(desk: Desk) -> None:
    settled = desk.write(desk.invoice(SentToContact=True))
    assert outcomes(settled) == [Outcome.written]
    assert "Only AUTHORISED and PAID" in texts(settled)


def test_a_total_that_was_not_predicted_is_told(desk: Desk) -> None:
    item = desk.invoice(LineAmountTypes="NoTax")
    settled = desk.write(item)
    assert outcomes(settled) == [Outcome.written]
    assert "Xero's total is 37.50, 45 was predicted" in texts(settled)


@pytest.mark.parametrize("answer", [b"null", b'"fine"', b"[]", b'{"Invoices":[]}'])
def test_an_answer_that_answers_nothing_is_read_back(desk: Desk, answer: bytes) -> None:
    with answered(desk, answer):
        assert outcomes(desk.write(desk.bill())) == [Outcome.adopted]
