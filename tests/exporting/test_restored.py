"""An older ledger beside a newer Xero: runs find what it forgot, and double nothing."""

from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NeedsConsent
from tasks.exporting.deciding import send
from tasks.ledger import backups
from tasks.ledger.verifying import Verification, What
from tests.consent import BY_CONSENT, consent
from tests.exporting.after import (
    APPROVED,
    CREDITING,
    SUPPLIER,
    cancel,
    confirm,
    notes,
    quiet,
    send_out,
    writes,
)
from tests.exporting.driver import change, export, invoices, purchase_orders, standing
from tests.importing.driver import import_, link
from tests.reconciling.driver import night
from tests.support import Connect, line, order
from tests.xero.desk import another, impatient

WITH_BILLS = {f'{SUPPLIER}document = "purchase_order"': f'{SUPPLIER}document = "bill"'}
Facts = list[tuple[Any, ...]]


@pytest.fixture(params=["purchase orders", "bills"])
def shop(request: Any, sandbox: Sandbox, connect: Connect, no_waiting: None) -> Connection:
    """Approved invoices, credited where they cannot change; supplier orders as purchase orders, or as bills."""
    return impatient(connect(APPROVED | CREDITING | (WITH_BILLS if request.param == "bills" else {})))


def supply(number: int) -> dict[str, Any]:
    return order(number, kind="supplier", externalReference=f"R-{number}", dueDate="2026-11-30")


def in_xero(connection: Connection) -> Facts:
    """Everything that stands there: what was doubled would stand there twice."""
    documents = [*invoices(connection), *purchase_orders(connection), *notes(connection)]
    names = ("InvoiceNumber", "PurchaseOrderNumber", "CreditNoteNumber", "Status", "Total", "AmountCredited")
    contacts = connection.xero.page("Contacts").rows
    return [tuple(row.get(name) for name in names) for row in documents] + [(len(contacts),)]


def shown(sandbox: Sandbox, *order_ids: str) -> Facts:
    """What Monstock shows of the orders' documents."""
    links = [link(sandbox, order_id) or {} for order_id in order_ids]
    return [(one.get("documentNumber"), one.get("status"), one.get("total")) for one in links]


def life(sandbox: Sandbox, connection: Connection, copy: Path) -> None:
    """Orders are exported, the ledger is backed up, and then more becomes of them."""
    sandbox.load_orders([order(n) for n in (1, 2, 3)] + [supply(n) for n in (1, 2)])
    export(connection)
    sandbox.advance(3)
    import_(connection)
    backups.back_up(connection.database, copy)
    sandbox.advance(3600)
    sandbox.load_orders([order(n) for n in (4, 5)] + [supply(3)])
    change(sandbox, "co-1", lines=[line(quantity="5")])
    change(sandbox, "so-2", lines=[line(quantity="5")])
    cancel(sandbox, "co-2")
    cancel(sandbox, "so-1")
    send_out(sandbox, "MS-CO-2026-00003")
    change(sandbox, "co-3", lines=[line(quantity="2")])
    export(connection)
    sandbox.advance(3)
    import_(connection)
    sandbox.advance(3600)


def restored(connection: Connection, copy: Path) -> Connection:
    """As another process finds the ledger after `monstock-xero restore`."""
    replaced = backups.heads(connection.database)
    backups.restore(connection.database, copy, overwrite=True)
    backups.note_restored(connection.database, copy, replaced, "Ada")
    return another(connection)


ORDERS = [f"co-{n}" for n in range(1, 6)] + [f"so-{n}" for n in range(1, 4)]


def test_runs_on_an_older_ledger_double_nothing_and_find_everything_again(
    sandbox: Sandbox, shop: Connection, tmp_path: Path
) -> None:
    life(sandbox, shop, copy := tmp_path / "older.bak")
    before = in_xero(shop), standing(shop), shown(sandbox, *ORDERS), writes(sandbox)
    older = restored(shop, copy)
    assert len(standing(older)) == 5
    export(older)
    sandbox.advance(3)
    import_(older)
    assert (in_xero(shop), standing(older), shown(sandbox, *ORDERS), writes(sandbox)) == before
    assert set(standing(older).values()) == {"exported", "not_due"}
    assert quiet(sandbox, older)
    assert night(older).rows.empty


def test_what_was_under_way_when_the_backup_was_made_is_seen_through_once(
    sandbox: Sandbox, shop: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1), supply(1)])
    copies: list[Path] = []
    stored = shop.attempts.store

    def store(*given: Any) -> Any:
        attempt = stored(*given)
        copies.append(tmp_path / f"{len(copies)}.bak")
        backups.back_up(shop.database, copies[-1])
        return attempt

    monkeypatch.setattr(shop.attempts, "store", store)
    export(shop)
    before = in_xero(shop), writes(sandbox)
    sandbox.advance(3600)
    assert len(copies) >= 2
    for copy in copies:
        older = restored(shop, copy)
        with older.database.begin() as tx:  # so that nobody waits for the lease of a process that is gone
            tx.exec_driver_sql("update attempts set lease_until = '2026-01-01 00:00:00'")
        export(older)
        assert (in_xero(shop), writes(sandbox)) == before
        assert set(standing(older).values()) == {"exported"}


def test_an_order_sent_anew_since_the_backup_is_told_and_not_made_a_third_time(
    sandbox: Sandbox, shop: Connection, tmp_path: Path
) -> None:
    sandbox.load_orders([order(1)])
    export(shop)
    cancel(sandbox, "co-1")
    backups.back_up(shop.database, copy := tmp_path / "older.bak")
    export(shop)
    confirm(sandbox, "co-1")
    export(shop)
    send(shop, "CO-2026-00001", "Ada")
    export(shop)
    before = in_xero(shop), writes(sandbox)
    sandbox.advance(3600)
    older = restored(shop, copy)
    export(older)
    sandbox.advance(3)
    import_(older)
    assert list(night(older).rows["kind"]) == ["document removed"]
    assert (in_xero(shop), writes(sandbox)) == before
    cancel(sandbox, "co-1")
    confirm(sandbox, "co-1")
    change(sandbox, "co-1", notes="Confirmed after all")
    export(older)
    assert standing(older) == {"co-1": "held"}
    send(older, "CO-2026-00001", "Ada")
    export(older)
    assert (len(in_xero(shop)), standing(older)) == (len(before[0]), {"co-1": "exported"})


def test_what_a_person_edited_since_the_backup_is_listed_and_not_overwritten(
    sandbox: Sandbox, shop: Connection, tmp_path: Path
) -> None:
    sandbox.load_orders([order(1), order(2)])
    export(shop)
    backups.back_up(shop.database, copy := tmp_path / "older.bak")
    sandbox.advance(3600)
    fields = {"DueDate": "2027-01-01"}
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields=fields)
    older = restored(shop, copy)
    before = in_xero(shop), writes(sandbox)
    export(older)
    sandbox.advance(3)
    import_(older)
    assert [(row.kind, row.number) for row in night(older).rows.itertuples()] == [
        ("due date", "MS-CO-2026-00001")
    ]
    assert (in_xero(shop), writes(sandbox)) == before


def test_tokens_that_were_renewed_since_the_backup_need_a_new_consent(
    sandbox: Sandbox, connect: Connect, no_waiting: None, tmp_path: Path
) -> None:
    connection = connect(BY_CONSENT)
    consent(connection)
    sandbox.load_orders([order(1)])
    export(connection)
    backups.back_up(connection.database, copy := tmp_path / "older.bak")
    for number in (2, 3):  # Xero takes a refresh token for 30 minutes after it gave another one
        sandbox.advance(3600)
        sandbox.load_orders([order(number)])
        export(connection)
    sandbox.advance(3600)
    older = restored(connection, copy)
    with pytest.raises(NeedsConsent):
        export(older)
    consent(older)
    export(older)
    assert len(invoices(older)) == 3


def test_the_trail_is_whole_says_that_it_was_restored_and_does_not_know_later_heads(
    sandbox: Sandbox, shop: Connection, tmp_path: Path
) -> None:
    sandbox.load_orders([order(1)])
    export(shop)
    backups.back_up(shop.database, copy := tmp_path / "older.bak")
    earlier = shop.trail.head()
    sandbox.advance(3600)
    sandbox.load_orders([order(2), order(3)])
    export(shop)
    later = shop.trail.head()
    older = restored(shop, copy)
    assert list(Verification(older.trail, [earlier]).breaks()) == []
    [row] = older.trail.of([("connection", "sandbox")])
    assert (row.number, row.event, row.run_id) == (earlier.number + 1, "restored", "person: Ada")
    [broken] = Verification(older.trail, [later]).breaks()
    assert broken.what is What.cut
