"""Reconciliation: both systems side by side, to the cent; what differs is explained, and repaired where that is wished.

Reads the window from both sides whole, compares it month by month, and writes a report: a page, CSV and Parquet beside
it, artifacts in the Prefect UI, an event. After repairs it reads what changed and compares again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.alerts import announce
from flows.endings import with_named_endings
from flows.forms import with_form
from flows.invoice_import import invoice_import, match, read_xero
from flows.order_export import order_export
from flows.parameters import Orders, ReconciliationForm, Repairs
from tasks.connections.connection import Connection, open_connection
from tasks.connections.settings import reports_folder
from tasks.documents import refresh_contacts
from tasks.domain.books import Books
from tasks.domain.budget import Work
from tasks.domain.discrepancies import Mode
from tasks.domain.errors import CallError, Parked
from tasks.domain.orders import Kind
from tasks.exporting.outcome import Calls
from tasks.importing.outcome import Read
from tasks.importing.owning import Owning
from tasks.ledger.governor import at_work
from tasks.policies import whole
from tasks.reconciliations import (
    compare_part,
    find_unlisted,
    note_discrepancies,
    publish_night,
    read_organisation,
    read_window,
)
from tasks.reconciling.comparing import terms_of
from tasks.reconciling.night import COLUMNS, Night
from tasks.reconciling.reading import foresee, spans
from tasks.reconciling.repairing import Plan, only_planned, outcome, plan
from tasks.reconciling.report import folder_of
from tasks.reconciling.settling import Settled, together
from tasks.reconciling.summing import agrees, quarrel
from tasks.reconciling.words import sentence


def _form(parameters: dict[str, Any]) -> ReconciliationForm:
    names = ("connection", "date_from", "date_to", "repair", "dry_run")
    return ReconciliationForm(**{name: parameters[name] for name in names})


def _run_name() -> str:
    asked = runtime.flow_run.parameters
    return _form({**asked, "repair": Repairs(asked["repair"])}).run_name()


@with_form
@flow(name="reconciliation", flow_run_name=_run_name, persist_result=False, validate_parameters=True)
@with_named_endings
def reconciliation(
    connection: str = "sandbox",
    date_from: date | None = None,
    date_to: date | None = None,
    repair: Repairs = Repairs.none,
    dry_run: bool = False,
) -> State[Any]:
    """Compare Monstock and Xero to the cent, explain what differs, and repair it where that is wished.

    Without dates, looks at everything that is open and at what changed in the last 35 days; with dates, at every order
    and document of the period.

    Args:
        connection: Name of the connection in connections.toml.
        date_from: First date of a period of orders and documents, included. Leave both dates empty for each night.
        date_to: Last date of the period, included.
        repair: What may be repaired at once. "safe" exports what is missing, updates drafts and writes to Monstock.
        dry_run: Only show what would be repaired.
    """
    form = ReconciliationForm(connection, date_from, date_to, repair, dry_run)
    return reconcile(form, str(runtime.flow_run.id or "local"))


def reconcile(form: ReconciliationForm, run_id: str, listed: datetime | None = None) -> State[Any]:
    """The reconciliation itself. `listed` is when Monstock's orders were listed for it, as part of more."""
    night = _Run(open_connection(form.checked().connection), form, run_id, listed)
    night.read()
    first = night.compare()
    planned = plan(first.rows, form.mode)
    if not planned or form.dry_run or not night.is_whole:
        return night.publish(first, only_planned(planned))
    second = night.repair(planned)
    return night.publish(together(first, second), outcome(planned, second))


class _Run:
    """One night's way through its steps."""

    def __init__(
        self, opened: Connection, form: ReconciliationForm, run_id: str, listed: datetime | None
    ) -> None:
        self._opened, self._form, self._run_id = opened, form, run_id
        self._organisation = opened.admitted()
        self._window = replace(form.window(datetime.now(UTC)), listed=listed)
        self._before, self._forecast = Calls.so_far(opened), foresee(opened, self._window)
        self._books: Books | None = None
        self._unlisted: list[tuple[str, str]] = []
        self._read_at, self._xero_is_known, self.is_whole = self._window.now, False, False
        self._gaps: list[str] = []

    def read(self) -> None:
        """Both sides, each whole as far as it can be had; what cannot is a gap."""
        name = self._opened.name
        with self._gap("Xero"):
            self._books = read_organisation(name)
            refresh_contacts(name)
            read_xero(self._opened, Read(), spans(self._window))
            self._xero_is_known = True
        with self._gap("Monstock"):
            for kind in Kind if self._window.listed is None else ():
                self._read_orders(kind)
            self._unlisted = find_unlisted(name, self._window, self._run_id)
        match(Read(), Owning(self._opened), self._run_id)
        self.is_whole = not self._gaps

    def compare(self, repaired: Sequence[str] = ()) -> Settled:
        """Part by part; what is found is noted. What is written while it is compared is left to the next night."""
        name, columns = self._opened.name, self._opened.columns
        terms = terms_of(self._opened, self._books, self._read_at, xero_is_known=self._xero_is_known)
        parts = [
            compare_part(name, part, whole(terms), self._unlisted, number)
            for number, part in enumerate(self._window.parts(columns.span(), columns.size()), 1)
        ]
        code = self._books.short_code if self._books else None
        return note_discrepancies(
            name, whole(parts), whole(self._window), self._run_id, repaired, code, complete=self.is_whole
        )

    def repair(self, planned: Plan) -> Settled | None:
        """Export and import what the plan names, read what that changed, and compare again, if it could be read."""
        for kind, references in planned.exports:
            state = order_export(
                self._opened.name,
                Orders[kind],
                references=references,
                drafts_only=self._form.mode is Mode.safe,
                return_state=True,
            )
            self._ended_well("The export of repairs", state)
        self._read_at = datetime.now(UTC)
        self._opened.shown.doubt(planned.shows)
        state = invoice_import(self._opened.name, return_state=True)
        if not self._ended_well("All is told as it stood before the repairs: the reading after them", state):
            return None
        return self.compare(repaired=list(planned.rows["id"]))

    def publish(self, settled: Settled, repairs: pd.DataFrame) -> State[Any]:
        """The report, the artifacts and the event; the state says what the first line says."""
        night = Night(
            connection=self._opened.name,
            organisation=self._organisation.tenant_name,
            window=self._window.sentence(),
            mode=self._form.mode,
            dry_run=self._form.dry_run,
            run_id=self._run_id,
            began=self._window.now,
            ended=datetime.now(UTC),
            orders=settled.orders,
            documents=settled.documents,
            compared=settled.pairs,
            matched=settled.matched,
            discrepancies=settled.rows[list(COLUMNS)],
            totals=settled.totals,
            days=settled.days,
            repairs=repairs,
            calls=Calls.so_far(self._opened).since(self._before).xero.total(),
            forecast=self._forecast,
            gaps=tuple(self._gaps),
        )
        report = publish_night(whole(night), reports_folder() / folder_of(night, self._window.period))
        if at_work() is not Work.backfill:  # a range of the past is told as a whole
            self._tell(night, str(report.page))
        return _final_state(night, report.page)

    def _tell(self, night: Night, page: str) -> None:
        """The event. What a night told that was read whole is no news any more."""
        told, period = self._opened.discrepancies, " ".join(map(str, self._window.period or ()))
        announce(night, page, told.sums_told(period))
        if night.complete:
            told.tell(night.run_id, quarrel(night), period)

    def _ended_well(self, what: str, state: State[Any]) -> bool:
        """A run within this one that failed or was parked leaves a gap."""
        well = state.is_completed() and state.name != "Parked"
        if not well:
            self._gaps.append(f"{what} ended as {state.name}: {state.message}")
        return well

    def _read_orders(self, kind: Kind) -> None:
        cursor = None
        for page in count(1):
            found = read_window(self._opened.name, kind, whole(self._window), self._run_id, page, cursor)
            if (cursor := found.cursor) is None:
                return

    @contextmanager
    def _gap(self, side: str) -> Iterator[None]:
        """What keeps a side from being read whole ends only that side's reading."""
        try:
            yield
        except (Parked, CallError) as error:
            self._gaps.append(f"{side} could not be read whole: {error}")


def _final_state(night: Night, page: Path) -> State[Any]:
    message = f"{sentence(night)} Report: {page}"
    if not night.complete:
        return Failed(name="Incomplete", message=message, data=night)
    return Completed(name="Matched" if agrees(night) else "Differences", message=message, data=night)
