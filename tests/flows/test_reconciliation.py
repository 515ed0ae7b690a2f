"""A whole night on Prefect: every seeded drift is found where it is, nothing else is, and repairs end what they can."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect.client.schemas.objects import State
from prefect.states import Completed

from deployments.sandbox.server import Sandbox
from flows import alerts
from flows.order_export import order_export
from flows.parameters import Repairs
from flows.reconciliation import reconciliation
from tasks.connections.connection import Connection, open_connection
from tasks.domain.discrepancies import DiscrepancyKind, Life, Mode, Repair
from tasks.reconciliations import read_window
from tasks.reconciling.night import Night
from tasks.transport.http import Patience
from tasks.xero import client
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import export, purchase_orders
from tests.importing.books import invoice
from tests.importing.driver import import_, writes
from tests.reconciling.cases import Seeded
from tests.reconciling.drifts import DRIFTS, nightly, seed, stage
from tests.support import FREE, Connect, order

__all__ = ["no_waiting"]
N = 3


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MONSTOCK_XERO_REPORTS", str(tmp_path / "reports"))
    return tmp_path / "reports"


def run(**parameters: object) -> tuple[State, Night]:
    state = reconciliation(return_state=True, **parameters)
    night = state.result(raise_on_failure=False)
    assert isinstance(night, Night), state.message
    return state, night


def standing(night: Night) -> pd.DataFrame:
    return night.standing(Life.open, Life.seen, Life.accepted)


def wrong(seeded: list[Seeded], rows: pd.DataFrame) -> list[str]:
    """In what the discrepancies are not exactly those that were seeded."""
    said, left = [], rows
    for one in seeded:
        here = pd.array([one.at.is_here(r.order_kind, r.order_id, r.document_id) for r in left.itertuples()])
        kinds = Counter(left.loc[here, "kind"])
        loud = Counter(left.loc[here & (left["state"] != Life.accepted), "kind"])
        if kinds[one.drift.kind] != 1:
            said.append(
                f"{one.drift.name}: {one.drift.kind} found {kinds[one.drift.kind]} times at {one.at.key}"
            )
        if more := set(loud) - {one.drift.kind, *one.drift.also}:
            said.append(f"{one.drift.name}: also {sorted(more)} at {one.at.key}")
        left = left[~here]
    loud = left[left["state"] != Life.accepted]
    return said + [f"false alarm: {r.kind} at {r.order or r.number}: {r.cause}" for r in loud.itertuples()]


def test_every_drift_is_found_and_nothing_else_and_repairs_leave_only_what_is_for_people(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    staged = stage(sandbox, nightly(connect), N)
    seeded = seed(staged)
    assert len({one.drift.kind for one in seeded}) >= 15
    sandbox.advance(2)
    state, night = run()
    assert wrong(seeded, standing(night)) == []
    assert Counter(one.drift.name for one in seeded) == {drift.name: N for drift in DRIFTS}
    assert (state.name, state.is_completed()) == ("Differences", True)
    named = standing(night)[["contact", "currency", "cause", "repair", "kind"]]
    readable = standing(night)["kind"] != DiscrepancyKind.unreadable
    assert not (blank := named[readable & (named == "").any(axis=1)]).size, blank.to_string()
    links = standing(night)["order_url"] + standing(night)["document_url"]
    assert links[readable].str.startswith("https://").all()
    before = writes(sandbox)
    _, planned = run(repair=Repairs.all, dry_run=True)
    assert writes(sandbox) == before
    assert set(planned.repairs["outcome"]) == {"planned"}
    assert planned.standing(Life.open).to_dict("records") == []

    _, safe = run(repair=Repairs.safe)
    ended = {one.at.key for one in seeded if one.drift.ends is Mode.safe}
    assert not [one.drift.name for one in left(seeded, safe) if one.drift.ends is Mode.safe]
    assert len(ended) >= 10 * N

    _, after = run(repair=Repairs.all)
    _, second = run()
    assert {one.drift.ends for one in left(seeded, second)} == {Mode.none}
    assert set(second.standing(Life.open, Life.seen)["repair"]) <= {Repair.person, Repair.link}
    assert set(after.repairs["outcome"]) <= {"ended"}


def left(seeded: list[Seeded], night: Night) -> list[Seeded]:
    """The drifts that still stand."""
    rows = standing(night)
    kinds = rows.assign(
        key=[(r.order_kind, r.order_id) if r.order_id else r.document_id for r in rows.itertuples()]
    )
    found = set(zip(kinds["kind"], kinds["key"], strict=True))
    return [one for one in seeded if (DiscrepancyKind(one.drift.kind).value, one.at.key) in found]


def test_repairs_that_could_not_be_read_back_leave_the_night_incomplete_and_as_it_stood_before(
    sandbox: Sandbox, connect: Connect, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(sandbox, nightly(connect))
    _, before = run()
    monkeypatch.setattr("flows.reconciliation.order_export", parked)
    monkeypatch.setattr("flows.reconciliation.invoice_import", parked)
    state, night = run(repair=Repairs.all)
    assert (state.name, state.is_failed()) == ("Incomplete", True)
    assert "as it stood before the repairs: the reading after them ended as Parked: No calls" in str(
        state.message
    )
    assert dict.fromkeys(night.repairs["order"], "not known") == outcomes(night)
    assert set(standing(night)["id"]) == set(standing(before)["id"]) >= set(night.repairs["id"])
    pd.testing.assert_frame_equal(night.totals, before.totals)


def test_repairs_of_which_the_export_was_parked_are_told_as_they_were_found_again(
    sandbox: Sandbox, connect: Connect, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(sandbox, nightly(connect))
    monkeypatch.setattr("flows.reconciliation.order_export", parked)
    state, night = run(repair=Repairs.all)
    assert state.name == "Incomplete"
    ways = dict(zip(night.repairs["repair"], night.repairs["outcome"], strict=True))
    assert ways == {"update": "still there", "void": "still there", "import": "ended"}
    assert set(night.standing(Life.repaired)["repair"]) == {Repair.import_}


def parked(*_: object, **__: object) -> State:
    return Completed(name="Parked", message="No calls are left today.")


def changed(sandbox: Sandbox, shop: Connection) -> None:
    """An order that changed, one that was cancelled, and one whose document Monstock shows otherwise."""
    chosen = [drift for drift in DRIFTS if drift.name in {"order changed", "order cancelled", "not shown"}]
    seed(stage(sandbox, shop, 1, chosen, []), chosen)
    sandbox.advance(2)


def outcomes(night: Night) -> dict[str, str]:
    return dict(zip(night.repairs["order"], night.repairs["outcome"], strict=True))


def test_a_night_over_another_organisation_ends_by_that_name(sandbox: Sandbox, connect: Connect) -> None:
    nightly(connect).admitted()
    sandbox.edit("organisation", fields={"Name": "Renamed Ltd"})
    state = reconciliation(return_state=True)
    assert (state.name, state.is_failed()) == ("WrongOrganisation", True)
    assert "Renamed Ltd" in str(state.message)


def test_safe_repairs_change_no_document_that_was_approved_since_the_reading(
    sandbox: Sandbox, connect: Connect, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [drift for drift in DRIFTS if drift.name == "supplier order changed"]
    staged = stage(sandbox, nightly(connect), 2, chosen, [])
    first, second = seed(staged, chosen)
    sandbox.advance(2)

    def approved_meanwhile(*given: Any, **more: Any) -> State:
        sandbox.edit("edit", kind="purchase_order", id=first.at.document, fields={"Status": "AUTHORISED"})
        return order_export(*given, **more)

    monkeypatch.setattr("flows.reconciliation.order_export", approved_meanwhile)
    _, safe = run(repair=Repairs.safe)
    assert sorted(outcomes(safe).values()) == ["ended", "still there"]
    assert [one.at.key for one in left([first, second], safe)] == [first.at.key]


def test_safe_repairs_delete_no_draft_whose_order_was_cancelled_since_the_reading(
    sandbox: Sandbox, connect: Connect, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [drift for drift in DRIFTS if drift.name == "supplier order changed"]
    staged = stage(sandbox, nightly(connect), 1, chosen, [])
    (one,) = seed(staged, chosen)
    sandbox.advance(2)

    def cancelled_meanwhile(*given: Any, **more: Any) -> State:
        sandbox.edit("cancel", on="monstock", id=one.at.key[1])
        return order_export(*given, **more)

    monkeypatch.setattr("flows.reconciliation.order_export", cancelled_meanwhile)
    _, safe = run(repair=Repairs.safe)
    assert standing(safe)[["kind", "repair"]].values.tolist() == [[DiscrepancyKind.not_ended, Repair.void]]
    assert [row["Status"] for row in purchase_orders(open_connection("sandbox"))] == ["DRAFT"]


LIMITED = {f"{FREE}\napi_url": f"{FREE.replace('day = 0', 'day = 5000')}\napi_url"}
DAY_IS_UP = {"kind": "throttle", "path": "/Invoices$", "problem": "day", "retry_after": 7200}
AWAY = {"kind": "offline", "on": "monstock", "path": "-orders$", "every": 1}
REPORT = {f"{name}.{kind}" for name in ("discrepancies", "control-totals") for kind in ("csv", "parquet")}


@pytest.mark.parametrize(
    ("side", "fault"),
    [
        # What changed and the first page of open invoices come; the second page does not.
        pytest.param("Xero", {**DAY_IS_UP, "at": [3]}, id="Xero's day is used up in the middle of a listing"),
        pytest.param("Monstock", AWAY, id="Monstock is away"),
    ],
)
def test_what_was_not_read_whole_is_incomplete_and_ends_and_repairs_nothing(
    sandbox: Sandbox,
    connect: Connect,
    no_waiting: None,
    reports: Path,
    monkeypatch: pytest.MonkeyPatch,
    side: str,
    fault: dict[str, Any],
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(alerts, "emit_event", lambda **given: sent.append(given))
    monkeypatch.setattr(client, "PAGE_SIZE", 50)
    monkeypatch.setattr("flows.reconciliation.read_window", read_window.with_options(retries=0))
    connection = connect(LIMITED)
    connection.monstock.http.patience = Patience(attempts=1)
    sandbox.load_orders([order(n) for n in range(1, 61)])
    export(connection)
    sandbox.advance(2)
    import_(connection)
    made = invoice(sandbox, "HAND")
    sandbox.load_orders([order(61)])
    sandbox.advance(2)
    known = {DiscrepancyKind.unmatched.value, DiscrepancyKind.not_exported.value}
    _, night = run()
    assert set(night.discrepancies["kind"]) == known
    assert [one["event"] for one in sent] == [alerts.DIFFERENCES, alerts.NEWS]
    sent.clear()

    sandbox.edit("void", id=made["InvoiceID"])
    sandbox.advance(2)
    sandbox.fault(**fault, method="GET")
    before = writes(sandbox)
    state, night = run(repair=Repairs.all)
    assert (state.name, state.is_failed(), night.complete) == ("Incomplete", True, False)
    assert str(state.message).startswith(f"Incomplete: {side} could not be read whole: ")
    assert len(night.gaps) == 1
    assert "agree" not in str(state.message)
    assert not set(night.discrepancies["state"]) & {Life.gone, Life.repaired}
    left = connection.discrepancies.listed(Life)
    assert {row.kind for row in left if not Life(row.state).ended} == known
    assert writes(sandbox) == before
    assert set(night.repairs["repair"]) == {Repair.export}
    assert not set(night.repairs["outcome"]) & {"ended"}

    (told,) = sent
    assert told["event"] == alerts.INCOMPLETE
    assert str(state.message).startswith(told["payload"]["sentence"])
    page = Path(told["payload"]["report"])
    assert page.is_relative_to(reports)
    assert {path.name for path in page.parent.iterdir()} == {page.name, *REPORT}
    assert "Incomplete: " in page.read_text("utf-8")
