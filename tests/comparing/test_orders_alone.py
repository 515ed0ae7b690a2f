"""Orders beside the mere existence of their documents: each kind and its border."""

import datetime as dt
from typing import Any

import pytest

from tasks.comparing.orders_alone import orders_alone
from tasks.domain.books import MISSING
from tasks.domain.discrepancies import DiscrepancyKind as K
from tasks.domain.periods import Period
from tests.comparing import given
from tests.comparing.given import Part, document, note, order, pair, sides, terms

HELD = given.findings("tax rate not mapped")
SKIPPED = {"state": "skipped", "reason": "a gift", "findings": HELD}


def found(*parts: Part, names: tuple[str, ...] = (), **by: Any) -> list[tuple[Any, ...]]:
    return given.told(orders_alone(sides(*parts), terms(**by)), *names)


@pytest.mark.parametrize(
    ("part", "kinds"),
    [
        pytest.param(order(state="pending"), [K.not_exported], id="waits"),
        pytest.param(order(state="exported"), [K.not_exported], id="exported, and nothing is known of it"),
        pytest.param(order(state="pending", sent_in="run"), [K.answer_lost], id="sent"),
        pytest.param(order(state="pending", fresh=True), [], id="under way"),
        pytest.param(order(state="held", sent_in="run", findings=HELD), [K.held], id="sent once, held since"),
        pytest.param(order(state="held", findings=HELD), [K.held], id="held"),
        pytest.param(order(**SKIPPED), [K.held], id="skipped"),
        pytest.param(order(state="rejected", findings=HELD), [K.rejected], id="rejected"),
        pytest.param(order(state="not_due"), [], id="not due"),
        pytest.param(order(state="before_cutover"), [], id="before the cut-over"),
        pytest.param(order(state="elsewhere"), [], id="elsewhere"),
        pytest.param(order(state="pending", status="cancelled"), [], id="cancelled before it was sent"),
        pytest.param(pair(), [], id="in agreement"),
        pytest.param(
            pair(ours={"state": "held", "findings": HELD}), [K.held], id="held though it is followed"
        ),
        pytest.param(
            pair(ours={"state": "held", "revision": "r2", "findings": HELD}),
            [K.not_followed],
            id="held for its change",
        ),
        pytest.param(Part(orders=pair().orders), [K.missing], id="its document was never seen"),
        pytest.param(pair(theirs={"status": MISSING}), [K.missing], id="Xero does not know it"),
        pytest.param(pair(theirs={"status": "VOIDED"}), [K.removed], id="voided"),
        pytest.param(pair(theirs={"status": "DELETED"}), [K.removed], id="deleted"),
        pytest.param(
            pair(ours={"written_status": "VOIDED"}), [K.removed], id="ended by ourselves, and stands"
        ),
        pytest.param(pair(theirs={"unreadable": True}), [], id="unreadable is another's matter"),
        pytest.param(pair(ours={"state": "pending", "revision": "r2"}), [K.not_followed], id="changed"),
        pytest.param(
            pair(ours={"state": "exported", "revision": "r2"}), [], id="changed in nothing that counts"
        ),
        pytest.param(
            pair(ours={"state": "pending", "status": "cancelled", "revision": "r2"}),
            [K.not_ended],
            id="cancelled",
        ),
        pytest.param(
            pair(ours={"state": "exported", "status": "cancelled", "revision": "r2"}),
            [],
            id="cancelled and settled",
        ),
        pytest.param(
            pair(
                ours={"state": "pending", "status": "cancelled", "revision": "r2"},
                theirs={"status": "VOIDED"},
            ),
            [],
            id="cancelled and already ended",
        ),
        pytest.param(pair(ours={"unlisted": True}), [K.not_listed], id="not listed"),
        pytest.param(
            pair(ours={"unlisted": True}, theirs={"status": "VOIDED"}), [K.removed], id="not listed, voided"
        ),
        *(
            pytest.param(
                order(unlisted=True, findings=HELD, state=state), [K.not_listed], id=f"not listed, {state}"
            )
            for state in ("pending", "held", "rejected", "skipped")
        ),
        pytest.param(
            order(unlisted=True, state="pending", sent_in="run"), [K.answer_lost], id="not listed, and sent"
        ),
        pytest.param(
            order(unlisted=True, state="held", status="cancelled"), [], id="not listed, and cancelled before"
        ),
        pytest.param(order(unlisted=True, state="not_due"), [], id="not listed, and never had one"),
    ],
)
def test_each_stands_where_it_belongs(part: Part, kinds: list[K]) -> None:
    assert found(part) == [(kind.value,) for kind in kinds]


CHANGED = {"state": "pending", "revision": "r2"}
CANCELLED = {**CHANGED, "status": "cancelled"}


def test_amounts_in_two_currencies_are_named_and_not_subtracted() -> None:
    changed = pair(ours={**CHANGED, "currency": "EUR", "gross": 50_000})
    assert found(changed, names=("ours", "theirs", "difference")) == [
        (K.not_followed, "confirmed, gross EUR 500.00", "AUTHORISED, gross GBP 120.00", None)
    ]
    assert found(pair(ours={**CHANGED, "gross": 50_000}), names=("ours", "theirs", "difference")) == [
        (K.not_followed, "confirmed, gross 500.00", "AUTHORISED, gross 120.00", 38_000)
    ]


def test_what_it_is_worth() -> None:
    two = note("1", "n1", gross=3_000), note("1", "n2", gross=1_000)
    theirs = {"gross": 13_000}
    assert found(pair(ours=CHANGED, theirs=theirs), *two, names=("difference",)) == [(K.not_followed, 3_000)]
    assert found(pair(ours=CANCELLED, theirs=theirs), *two, names=("difference",)) == [(K.not_ended, -9_000)]
    assert found(pair(ours={"unlisted": True}), *two, names=("difference",)) == [(K.not_listed, -8_000)]
    assert found(order(unlisted=True, state="held"), names=("difference", "theirs")) == [
        (K.not_listed, 12_000, "no document")
    ]
    assert found(order(state="pending"), names=("difference", "ours")) == [
        (K.not_exported, 12_000, "gross 120.00")
    ]
    assert found(order(state="held", findings=HELD, gross=None), names=("difference", "ours")) == [
        (K.held, None, "gross , tax rate not mapped: so it is")
    ]
    assert found(pair(ours={"state": "held", "findings": HELD}), names=("difference",)) == [(K.held, None)]


@pytest.mark.parametrize(
    "part",
    [
        order(**SKIPPED),
        order(**SKIPPED, unlisted=True),
        pair(ours=SKIPPED),
        pair(ours=SKIPPED, theirs={"status": "VOIDED"}),
    ],
)
def test_what_a_person_skipped_is_accepted_for_the_persons_reason(part: Part) -> None:
    assert {row[1] for row in found(part, names=("reason",))} == {"a gift"}


def test_a_reason_for_something_else_accepts_nothing() -> None:
    for part in (
        order(state="held", reason="send it", findings=HELD),
        pair(ours={**CHANGED, "reason": "ours"}),
    ):
        assert found(part, names=("reason",))[0][1] == ""


def test_an_order_that_waits_is_left_to_the_backfill_that_has_its_date_in_hand() -> None:
    months = [Period(dt.date(2026, month, 1), dt.date(2026, month, 28)) for month in (8, 10)]
    days = {"1": dt.date(2026, 8, 28), "2": dt.date(2026, 9, 15), "3": dt.date(2026, 10, 1)}
    waiting = [order(id_, state="pending", date=day) for id_, day in days.items()]
    done = order("4", state="exported", date=days["3"])
    assert found(*waiting, done, names=("order_id", "reason"), in_hand=tuple(months)) == [
        (K.not_exported, "1", "left to the backfill of 2026-08-01 to 2026-08-28"),
        (K.not_exported, "2", ""),
        (K.not_exported, "3", "left to the backfill of 2026-10-01 to 2026-10-28"),
        (K.not_exported, "4", ""),
    ]
    assert {row[1] for row in found(*waiting, names=("reason",))} == {""}


def test_orders_keep_apart() -> None:
    parts = (
        pair("1", ours=CHANGED),
        pair("2"),
        pair("3", ours=CANCELLED),
        order("4", state="pending"),
        document(),
    )
    assert found(*parts, names=("order_id", "document_id")) == [
        (K.not_exported, "4", ""),
        (K.not_ended, "3", "d3"),
        (K.not_followed, "1", "d1"),
    ]
