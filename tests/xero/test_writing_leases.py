"""Two workers and one attempt: who lost the lease does not send, and both land on one document."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
import time_machine

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import NoAnswer
from tasks.exporting.sending import finish_open
from tasks.ledger.claims import Outcome, Settlement
from tasks.xero.endpoints import INVOICES
from tests.support import Connect
from tests.xero.desk import Desk, another, desk, outcomes

__all__ = ["desk"]

SHORT = {"request_timeout": 1.0, "lease_seconds": 1.2}


def stand_still(desk: Desk, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """Let a worker stop between storing its request and sending it, until something else has happened."""
    note_sent = desk.connection.attempts.note_sent

    def late(*args: object) -> object:
        meanwhile()
        return note_sent(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.connection.attempts, "note_sent", late)


def test_who_lost_the_lease_before_sending_sends_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    second = another(desk.connection)

    def meanwhile() -> None:
        (attempt,) = second.attempts.unfinished()
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
            taken = second.attempts.take_over(attempt)
        assert taken is not None
        assert outcomes(desk.writer(second).finish(taken)) == [Outcome.released]

    stand_still(desk, monkeypatch, meanwhile)
    assert desk.write(desk.bill()) == []
    assert desk.documents() == []
    second.close()


def test_a_takeover_while_the_request_runs_lands_on_the_same_document(
    sandbox: Sandbox, connect: Connect
) -> None:
    desk = Desk(sandbox, another(connect(), **SHORT))
    second = another(desk.connection)
    sandbox.fault("slow", seconds=0.8, method="PUT", path="/Invoices$")

    def take_over(_: object) -> list[Settlement]:
        second.xero.organisation()
        attempt = None
        while attempt is None:
            left = second.attempts.unfinished()
            if left and left[0].state == "sent":
                with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1), tick=True):
                    attempt = second.attempts.take_over(left[0])
        return desk.writer(second).finish(attempt)

    with ThreadPoolExecutor(2) as pool:
        taken = pool.submit(take_over, None)
        first = desk.write(desk.bill())
        assert (first, outcomes(taken.result())) == ([], [Outcome.written])
    assert len(desk.documents()) == 1
    assert desk.calls() == 2
    desk.connection.close()
    second.close()


def test_finishing_waits_for_another_workers_lease_and_not_a_moment_without_need(desk: Desk) -> None:
    slow = another(desk.connection, **SHORT)
    slow.xero.organisation()
    desk.sandbox.fault("offline", next=2, method="PUT")
    attempt = slow.attempts.store(
        "PUT", "Invoices", [desk.bill().claim], lambda _: b'{"Invoices":[{}]}', "run"
    )
    assert attempt is not None
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            slow.attempts.leave(attempt)

    assert outcomes(finish_open(desk.connection, "run", wait=True, sleep=sleep)) == [Outcome.released]
    assert len(slept) == 3
    slow.close()


def test_without_waiting_another_workers_attempt_is_left_alone(desk: Desk) -> None:
    second = another(desk.connection)
    second.attempts.store("PUT", "Invoices", [desk.bill().claim], lambda _: b'{"Invoices":[{}]}', "run")
    assert finish_open(desk.connection, "run", wait=False) == []
    assert len(desk.open()) == 1
    second.close()


def test_waiting_ends_with_the_attempts_that_were_open_at_its_begin(desk: Desk) -> None:
    """A worker that goes on and on does not keep another one waiting for good."""
    busy = another(desk.connection)
    stored = [
        busy.attempts.store("PUT", "Invoices", [desk.bill(0).claim], lambda _: b'{"Invoices":[{}]}', "run")
    ]

    def sleep(_: float) -> None:
        number = len(stored)
        busy.attempts.leave(stored[-1])  # type: ignore[arg-type]
        stored.append(
            busy.attempts.store(
                "PUT", "Invoices", [desk.bill(number).claim], lambda _: b'{"Invoices":[{}]}', "run"
            )
        )

    assert len(finish_open(desk.connection, "run", wait=True, sleep=sleep)) == 1
    assert len(stored) == 2
    busy.close()


def test_an_attempt_that_found_no_answer_is_open_to_the_next_at_once(desk: Desk) -> None:
    desk.sandbox.fault("lose_answer", next=2, method="PUT", path="/Invoices$")
    with pytest.raises(NoAnswer):
        desk.write(desk.bill())
    assert outcomes(finish_open(desk.connection, "run", wait=False)) == [Outcome.written]
    assert len(desk.documents()) == 1


@pytest.mark.parametrize("faults", [(), ("lose_answer",), ("slow",)])
def test_two_workers_that_write_the_same_bills_at_once_write_each_once(
    desk: Desk, faults: tuple[str, ...]
) -> None:
    for fault in faults:
        desk.sandbox.fault(fault, seconds=0.2, method="PUT", path="/Invoices$")
    workers, start = [another(desk.connection) for _ in range(2)], Barrier(2)

    def work(which: int) -> list[Settlement]:
        start.wait()
        bills = [desk.bill(n) for n in range(6)]
        return desk.writer(workers[which]).write(INVOICES, bills[:: -1 if which else 1])

    with ThreadPoolExecutor(2) as pool:
        settled = [s for part in pool.map(work, range(2)) for s in part]
    assert outcomes(settled) == [Outcome.written] * 6
    assert sorted(row["InvoiceNumber"] for row in desk.documents()) == [f"MS-{n}" for n in range(6)]
    for worker in workers:
        worker.close()
