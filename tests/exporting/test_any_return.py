"""Goods come back, orders are cancelled, answers are lost and processes killed: every cent is credited exactly once."""

from collections.abc import Iterator
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
from tests.exporting.after import APPROVED, CREDITING, cancel, exported, notes, pay, quiet, send_out
from tests.exporting.driver import change, export, invoices, standing
from tests.exporting.test_any_order_of_events import COMMITS, LONG_AGO, Killed
from tests.support import Connect, NewLedger, dec, line
from tests.xero.desk import another, impatient

FATES = ["well", "lose_answer", "cut", "error_before", "error_after", "throttle", "offline"]
fates = st.lists(st.sampled_from(FATES), min_size=2, max_size=5)
commits = st.sampled_from(COMMITS)
MUG = 15


class Returns(RuleBasedStateMachine):
    """Ten mugs are invoiced and sent; then fewer and fewer are kept, in the end none. Two processes do the work."""

    sandbox: Sandbox
    shop: Connection
    folder: Path
    new_ledger: NewLedger
    ledgers = 0

    @initialize(paid=st.sampled_from([0, 0, 40, 150]))
    def begin(self, paid: int) -> None:
        self.sandbox.control("POST", "/clock", {"real": True})
        self.sandbox.reset()
        Returns.ledgers += 1
        self.url = self.new_ledger(self.folder / f"ledger-{Returns.ledgers}.db")
        self.worker = another(self.shop, ledger=self.url)
        exported(self.sandbox, self.worker)
        send_out(self.sandbox)
        if paid:
            pay(self.sandbox, f"{paid}.00")
        self.paid, self.kept, self.cancelled = paid, 10, False

    @rule(fates=fates, kept=st.integers(1, 9))
    def comes_back(self, fates: list[str], kept: int) -> None:
        self.less(kept)
        self.meet(fates)
        self.run()

    @rule(
        fates=fates,
        kept=st.integers(1, 9),
        commit=commits,
        late=st.booleans(),
        at=st.integers(1, 4),
    )
    def killed(self, fates: list[str], kept: int, commit: str, late: bool, at: int) -> None:
        """At one of its commits; the lease runs out, a new process takes its place."""
        self.less(kept)
        self.meet(fates)
        with at_commit(self.worker, commit, at, late=late), suppress(Killed):
            self.run()
        self.end_leases()
        self.worker.close()
        self.worker = another(self.shop, ledger=self.url)

    @rule(fates=fates)
    def is_cancelled(self, fates: list[str]) -> None:
        cancel(self.sandbox)
        self.cancelled = True
        self.meet(fates)
        self.run()

    @rule(minutes=st.sampled_from([1, 7]))
    def time_passes(self, minutes: int) -> None:
        self.sandbox.advance(minutes * 60)

    def less(self, kept: int) -> None:
        if kept < self.kept and not self.cancelled:
            change(self.sandbox, "co-1", lines=[line(quantity=str(kept))])
            self.kept = kept

    def meet(self, fates: list[str]) -> None:
        self.sandbox.clear_faults()
        for at, kind in enumerate(fates, 1):
            if kind != "well":
                self.sandbox.fault(kind, at=[at], method="PUT", path="/CreditNotes")

    def run(self) -> None:
        with suppress(Transient, Parked):
            export(self.worker, wait=False)

    def end_leases(self) -> None:
        with self.worker.database.begin() as tx:
            tx.exec_driver_sql(f"update attempts set lease_until = '{LONG_AGO}'")

    def teardown(self) -> None:
        if not hasattr(self, "worker"):
            return
        self.sandbox.clear_faults()
        self.end_leases()
        for _ in range(2):
            export(self.worker, retry_rejected=True)
        self.check(self.worker)
        self.worker.close()

    def check(self, connection: Connection) -> None:
        assert connection.attempts.unfinished() == []
        back = 10 if self.cancelled else 10 - self.kept
        made = notes(connection)
        assert sum(dec(note["Total"]) for note in made) == MUG * back
        assert len({note["CreditNoteNumber"] for note in made}) == len(made)
        assert {note["Status"] for note in made} <= {"AUTHORISED", "PAID"}
        (invoice,) = invoices(connection)
        allocated = min(MUG * back, 150 - self.paid)
        assert dec(invoice["AmountCredited"]) == allocated
        assert sum(len(note["Allocations"]) for note in made) <= len(made)
        assert standing(connection) == {"co-1": "not_due" if self.cancelled else "exported"}
        assert invoice["Status"] == ("PAID" if allocated == 150 - self.paid else "AUTHORISED")
        assert quiet(self.sandbox, connection)


@contextmanager
def at_commit(connection: Connection, commit: str, at: int, *, late: bool) -> Iterator[None]:
    """The so-many-th commit of its kind is the process's last."""
    step, left = getattr(connection.attempts, commit), [at]

    def counted(*given: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and not late:
            raise Killed
        done = step(*given)
        if left[0] == 0:
            raise Killed
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.attempts, commit, counted)
        patch.setattr(connection.attempts, "leave", lambda _: None)
        yield


def test_whatever_happens_each_cent_is_credited_once(
    sandbox: Sandbox, connect: Connect, no_waiting: None, tmp_path: Path, new_ledger: NewLedger
) -> None:
    Returns.sandbox, Returns.folder, Returns.new_ledger = sandbox, tmp_path, staticmethod(new_ledger)
    Returns.shop = impatient(connect(APPROVED | CREDITING))
    bounded = settings(
        max_examples=15,
        stateful_step_count=8,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],  # each step is a whole run: to look for the smallest example takes minutes
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Returns, settings=bounded)
