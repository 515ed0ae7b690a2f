"""A rollback that the day's end cuts tells what went, and ends by its own name the next day."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prefect import tags

from deployments.sandbox.server import Sandbox
from flows import rollback as module
from flows.fanout import GOES_ON
from flows.order_export import order_export
from flows.rollback import rollback
from tasks.connections.connection import Connection
from tasks.domain.errors import Parked, Refused
from tests.flows.test_rollback import run, run_id, shop, statuses
from tests.support import order

__all__ = ["shop"]


def test_of_a_batch_that_is_cut_by_the_days_end_what_went_is_told(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Xero refuses it whole, takes the first half of it, and then no more."""
    sandbox.load_orders([order(1), order(2), order(3)])
    exported = run_id(run(order_export))
    send, sent = shop.xero.send, []

    def cut(*given: Any, **more: Any) -> Any:
        sent.append(1)
        if len(sent) == 1:
            given[4]()
            raise Refused("POST Invoices answered 400", status=400)
        if len(sent) == 3:
            raise Parked("The day's calls were used up.", datetime.now(UTC))
        return send(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(shop.xero, "send", cut)
        first = run(rollback, run=exported, dry_run=False, asked_by="Ada")
    assert first.name == "Parked"
    assert "Documents: 0 deleted, 1 voided, 0 stay, 0 were gone before, 3 contacts" in str(first.message)
    assert "2 wait for the next day's calls" in str(first.message)
    assert sorted(statuses(shop).values()) == ["AUTHORISED", "AUTHORISED", "VOIDED"]
    with tags(GOES_ON + run_id(first)):
        assert run(rollback, run=exported, dry_run=False, asked_by="Ada").name == "RolledBack"


def test_one_that_was_parked_at_its_end_is_rolled_back_the_next_day(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1)])
    exported = run_id(run(order_export))

    def parked(*_: Any) -> None:
        raise Parked("The day's calls were used up.", datetime.now(UTC))

    with monkeypatch.context() as patch:
        patch.setattr(module, "_recall", parked)
        first = run(rollback, run=exported, dry_run=False, asked_by="Ada")
    assert (first.name, statuses(shop)) == ("Parked", {"1": "VOIDED"})
    with tags(GOES_ON + run_id(first)):
        assert run(rollback, run=exported, dry_run=False, asked_by="Ada").name == "RolledBack"
