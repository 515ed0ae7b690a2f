"""Whatever happens, in whatever sequence: in the end every confirmed order has one document, the right one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import Parked, Transient
from tests.exporting.driver import alive, export, found, invoices, standing
from tests.support import NewLedger, dec, line, order
from tests.xero.desk import another

# What becomes of one write after another, most of them unhappily.
FATES = [
    "well",
    "well",
    "lose_answer",
    "lose_answer",
    "error_before",
    "error_after",
    "throttle",
    "offline",
    "cut",
]
fates = st.lists(st.sampled_from(FATES), min_size=3, max_size=6)
kinds = st.sampled_from(["customer", "supplier", "supplier"])
quantities = st.integers(1, 9)
workers = st.integers(0, 1)
COMMITS = ["store", "note_sent", "note_fault", "settle"]
LONG_AGO = "2020-01-01 00:00:00.000000"


class Killed(BaseException):
    """The process ends here, without another word to anybody."""


class Events(RuleBasedStateMachine):
    """Two workers, a person in Monstock, and a Xero that fails. Supplier orders are bills: Xero guards nothing."""

    sandbox: Sandbox
    shop: Connection
    folder: Path
    new_ledger: NewLedger
    ledgers = 0

    @initialize()
    def begin(self) -> None:
        self.sandbox.control("POST", "/clock", {"real": True})
        self.sandbox.reset()
        Events.ledgers += 1
        self.url = self.new_ledger(self.folder / f"ledger-{Events.ledgers}.db")
        self.workers = [another(self.shop, ledger=self.url) for _ in range(2)]
        self.quantities: dict[str, int] = {}

    def confirm(self, kind: str, quantity: int) -> None:
        made = order(len(self.quantities), kind=kind, lines=[line(quantity=str(quantity))])
        self.sandbox.load_orders([{**made, "externalReference": made["reference"]}])
        self.quantities[made["id"]] = quantity

    def meet(self, fates: list[str]) -> None:
        """What becomes of the next writes."""
        self.sandbox.clear_faults()
        for at, kind in enumerate(fates, 1):
            if kind != "well":
                self.sandbox.fault(kind, at=[at], method="PUT|POST", path="/(Invoices|Contacts)$")

    def export(self, worker: int) -> None:
        with suppress(Transient, Parked):
            export(self.workers[worker], wait=False)

    @rule(data=st.data(), quantity=quantities)
    def edit(self, data: st.DataObject, quantity: int) -> None:
        if self.quantities:
            order_id = data.draw(st.sampled_from(sorted(self.quantities)))
            self.sandbox.advance(1)
            fields = {"lines": [line(quantity=str(quantity))]}
            self.sandbox.edit("edit", on="monstock", id=order_id, fields=fields)
            self.quantities[order_id] = quantity

    @rule(worker=workers, fates=fates, kind=kinds, quantity=quantities)
    def run(self, worker: int, fates: list[str], kind: str, quantity: int) -> None:
        self.confirm(kind, quantity)
        self.meet(fates)
        self.export(worker)

    @rule(fates=fates, kind=kinds, quantity=quantities)
    def run_both_at_once(self, fates: list[str], kind: str, quantity: int) -> None:
        self.confirm(kind, quantity)
        self.meet(fates)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.export, range(2)))

    @rule(worker=workers, fates=fates, kind=kinds, commit=st.sampled_from(COMMITS), late=st.booleans())
    def kill(self, worker: int, fates: list[str], kind: str, commit: str, late: bool) -> None:
        """Right before or right after a commit; the lease runs out, a new process takes its place."""
        self.confirm(kind, 1)
        self.meet(fates)
        with killed_at(self.workers[worker], commit, late=late), suppress(Killed):
            self.export(worker)
        self.end_leases()
        self.restart(worker)

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
    sandbox: Sandbox, with_bills: Connection, tmp_path: Path, new_ledger: NewLedger
) -> None:
    Events.sandbox, Events.shop, Events.folder = sandbox, with_bills, tmp_path
    Events.new_ledger = staticmethod(new_ledger)
    bounded = settings(
        max_examples=15,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],  # each step is a whole run: to look for the smallest example takes minutes
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Events, settings=bounded)
