"""Whatever happens, in whatever sequence: in the end every confirmed order has one document, the right one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import Parked, Transient
from tests.exporting.driver import alive, export, found, invoices, standing
from tests.support import dec, line, order
from tests.xero.desk import another

FAULTS = ["lose_answer", "error_before", "error_after", "throttle", "offline", "cut"]
LONG_AGO = "2020-01-01 00:00:00.000000"


class Killed(BaseException):
    """The process ends here, without another word to anybody."""


class Events(RuleBasedStateMachine):
    """Two workers, a person in Monstock, and a Xero that fails. Supplier orders are bills: Xero guards nothing."""

    sandbox: Sandbox
    shop: Connection
    folder: Path
    ledgers = 0

    @initialize()
    def begin(self) -> None:
        self.sandbox.control("POST", "/clock", {"real": True})
        self.sandbox.reset()
        Events.ledgers += 1
        self.url = f"sqlite:///{self.folder / f'ledger-{Events.ledgers}.db'}"
        self.workers = [another(self.shop, ledger=self.url) for _ in range(2)]
        self.quantities: dict[str, int] = {}

    @rule(kind=st.sampled_from(["customer", "supplier"]), count=st.integers(1, 3), quantity=st.integers(1, 9))
    def confirm(self, kind: str, count: int, quantity: int) -> None:
        for _ in range(count):
            made = order(len(self.quantities), kind=kind, lines=[line(quantity=str(quantity))])
            self.sandbox.load_orders([{**made, "externalReference": made["reference"]}])
            self.quantities[made["id"]] = quantity

    @rule(data=st.data(), quantity=st.integers(1, 9))
    def edit(self, data: st.DataObject, quantity: int) -> None:
        if self.quantities:
            order_id = data.draw(st.sampled_from(sorted(self.quantities)))
            self.sandbox.advance(1)
            fields = {"lines": [line(quantity=str(quantity))]}
            self.sandbox.edit("edit", on="monstock", id=order_id, fields=fields)
            self.quantities[order_id] = quantity

    @rule(kind=st.sampled_from(FAULTS), at=st.lists(st.integers(1, 4), min_size=1, max_size=3))
    def break_writes(self, kind: str, at: list[int]) -> None:
        self.sandbox.fault(kind, at=at, method="PUT|POST", path="/(Invoices|Contacts)$")

    @rule(worker=st.integers(0, 1))
    def run(self, worker: int) -> None:
        with suppress(Transient, Parked):
            export(self.workers[worker], wait=False)

    @rule()
    def run_both_at_once(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.run, range(2)))

    @rule(
        worker=st.integers(0, 1), commit=st.sampled_from(["store", "note_sent", "settle"]), late=st.booleans()
    )
    def kill(self, worker: int, commit: str, late: bool) -> None:
        """Right before or right after a commit; the lease runs out, a new process takes its place."""
        with killed_at(self.workers[worker], commit, late=late), suppress(Killed, Transient, Parked):
            export(self.workers[worker], wait=False)
        self.end_leases()
        self.restart(worker)

    @rule(worker=st.integers(0, 1))
    def restart(self, worker: int) -> None:
        self.workers[worker].close()
        self.workers[worker] = another(self.shop, ledger=self.url)

    @rule(minutes=st.sampled_from([1, 4, 7]))
    def time_passes(self, minutes: int) -> None:
        self.sandbox.advance(minutes * 60)

    def end_leases(self) -> None:
        with self.workers[0].database.begin() as tx:
            tx.exec_driver_sql(f"update attempts set lease_until = '{LONG_AGO}'")

    def teardown(self) -> None:
        if not hasattr(self, "workers"):
            return
        self.sandbox.clear_faults()
        self.end_leases()
        for worker in self.workers:
            export(worker)
        self.check(self.workers[0])
        for worker in self.workers:
            worker.close()

    def check(self, connection: Connection) -> None:
        assert connection.attempts.unfinished() == []
        for order_id, state in standing(connection).items():
            assert state == "exported", found(connection, order_id)
        documents = alive(invoices(connection))
        totals = {row["Url"].rpartition("/")[2]: dec(row["Total"]) for row in documents}
        assert len(documents) == len(totals)
        assert totals == {order_id: 15 * quantity for order_id, quantity in self.quantities.items()}


@contextmanager
def killed_at(connection: Connection, commit: str, *, late: bool) -> Iterator[None]:
    """A commit that is the process's last."""
    step = getattr(connection.attempts, commit)

    def last(*given: Any) -> Any:
        if late:
            step(*given)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.attempts, commit, last)
        patch.setattr(connection.attempts, "leave", lambda _: None)
        yield


def test_every_order_has_exactly_one_document_and_the_right_one(
    sandbox: Sandbox, with_bills: Connection, tmp_path: Path
) -> None:
    Events.sandbox, Events.shop, Events.folder = sandbox, with_bills, tmp_path
    bounded = settings(
        max_examples=15,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Events, settings=bounded)
