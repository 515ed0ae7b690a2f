"""Whose a supplier's bill is: what is linked by itself, what is proposed, what is left alone."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.outcomes import Cause
from tasks.matching.amounts import Tolerance
from tasks.matching.owners import Owners
from tests.matching.claims import asked, bill, claimant, told

CERTAIN, PROPOSED, UNMATCHED = "certain CO-2026-00042", "proposed CO-2026-00042", "unmatched"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("CO-2026-00042", CERTAIN, id="as it is"),
        pytest.param("co-2026-00042", CERTAIN, id="small letters"),
        pytest.param("CO202600042", CERTAIN, id="no hyphens"),
        pytest.param("CO 2026 00042", CERTAIN, id="spaces, and nothing else"),
        pytest.param("CO/2026/00042", CERTAIN, id="strokes"),
        pytest.param("PO CO-2026-00042", CERTAIN, id="PO before it"),
        pytest.param("P.O. No.: CO-2026-00042", CERTAIN, id="P.O. No. before it"),
        pytest.param("Your order CO 2026 00042 of June", CERTAIN, id="introduced, with spaces"),
        pytest.param("PO#CO-2026-00042.", CERTAIN, id="a hash and a full stop"),
        pytest.param("2 pallets (CO-2026-00042), oak", CERTAIN, id="amid words"),
        pytest.param("MS-CO-2026-00042", CERTAIN, id="our document number"),
        pytest.param("oak CO 2026 00042 boards", PROPOSED, id="across spaces amid words"),
        pytest.param("CO-2026-00042-1", PROPOSED, id="more is glued to it"),
        pytest.param("CO-2026-00042/43", PROPOSED, id="two in one"),
        pytest.param("CO-2O26-OOO42", PROPOSED, id="O for 0"),
        pytest.param("C0-2026-00042", PROPOSED, id="0 for O"),
        pytest.param("CO-2026-00042".replace("2", "Z"), PROPOSED, id="Z for 2"),
        pytest.param("CO-2026-42", PROPOSED, id="no leading zeros"),
        pytest.param("2026-00042", PROPOSED, id="no letters"),
        pytest.param("PO-2026-00042", PROPOSED, id="other letters"),
        pytest.param("PO 42", PROPOSED, id="the bare number, introduced"),
        pytest.param("42", PROPOSED, id="the bare number, alone"),
        pytest.param("CO-2026-00043", PROPOSED, id="another digit"),
        pytest.param("CO-2026-00402", PROPOSED, id="two digits exchanged"),
        pytest.param("CO-2026-000042", PROPOSED, id="a digit too many"),
        pytest.param("CO-2026-0042", PROPOSED, id="a digit missing"),
        pytest.param("42 boards", UNMATCHED, id="a quantity"),
        pytest.param("CO-2026-00917", UNMATCHED, id="another number"),
        pytest.param("XCO-2026-00042X", UNMATCHED, id="inside a word"),
        pytest.param("", UNMATCHED, id="nothing"),
    ],
)
@pytest.mark.parametrize("field", ["number", "reference", "text"])
def test_how_a_number_is_written(field: str, text: str, expected: str) -> None:
    part_delivery = bill("400.00", **{"number": None, field: text})
    assert told(asked(part_delivery)) == expected


def test_a_short_number_is_not_found_inside_a_longer_one() -> None:
    orders = [claimant("CO-1"), claimant("CO-12", contact_id="c-2", net=Decimal(9), gross=Decimal(10))]
    assert told(asked(bill("400.00", reference="CO-1"), *orders)) == "certain CO-1"
    assert told(asked(bill("400.00", reference="CO-12"), *orders)) == "proposed CO-12"
    assert told(asked(bill("400.00", text="Meyer & Co 1 pallet"), *orders)) == "proposed CO-1"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, CERTAIN, id="all the same"),
        pytest.param({"contact_id": "c-2"}, PROPOSED, id="another contact"),
        pytest.param({"contact_id": "c-2", "contact_name": "Other"}, PROPOSED, id="another contact and name"),
        pytest.param({"contact_name": "Renamed"}, CERTAIN, id="the contact has another name now"),
        pytest.param({"currency": "EUR"}, PROPOSED, id="another currency"),
        pytest.param({"net": Decimal(1), "total": Decimal("1.20")}, CERTAIN, id="a small part"),
        pytest.param({"total": Decimal("1200.05")}, CERTAIN, id="cents more"),
        pytest.param({"net": Decimal(1200), "total": Decimal(1200)}, CERTAIN, id="tax inclusive"),
        pytest.param({"net": Decimal(0), "total": Decimal(1200)}, CERTAIN, id="net not known"),
        pytest.param({"net": Decimal(1015), "total": Decimal(1218)}, PROPOSED, id="carriage on top"),
        pytest.param({"net": Decimal(1200), "total": Decimal(1440)}, PROPOSED, id="tax on top of the gross"),
        pytest.param({"net": Decimal(0), "total": Decimal(0)}, PROPOSED, id="over nothing"),
        pytest.param({"net": Decimal(-10), "total": Decimal(-12)}, PROPOSED, id="over less than nothing"),
        pytest.param({"date": date(2026, 8, 25)}, CERTAIN, id="a week before the order"),
        pytest.param({"date": date(2026, 8, 24)}, PROPOSED, id="more than a week before"),
        pytest.param({"date": date(2027, 9, 3)}, PROPOSED, id="more than a year later"),
        pytest.param({"date": None}, CERTAIN, id="no date"),
        pytest.param({"status": "VOIDED"}, UNMATCHED, id="voided"),
        pytest.param({"type": "ACCPAYCREDIT"}, CERTAIN, id="a supplier's credit"),
        pytest.param({"type": "ACCREC"}, UNMATCHED, id="a sales invoice"),
        pytest.param({"type": "APPREPAYMENT"}, UNMATCHED, id="of a type we do not know"),
    ],
)
def test_what_must_be_right_beside_a_clear_number(changes: dict[str, Any], expected: str) -> None:
    assert told(asked(bill(**{"reference": "CO-2026-00042"} | changes))) == expected


@pytest.mark.parametrize(
    ("known", "name", "expected"),
    [
        pytest.param("c-1", "Harbour Homes Ltd", CERTAIN, id="by id"),
        pytest.param("c-9", "Harbour Homes Ltd", PROPOSED, id="same name, other id"),
        pytest.param(None, " harbour  HOMES ltd", CERTAIN, id="by name"),
        pytest.param(None, "Harbour-Homes Limited", PROPOSED, id="similar name"),
        pytest.param(None, "Harbour Boats Ltd", PROPOSED, id="other name"),
        pytest.param(None, "", PROPOSED, id="no name"),
    ],
)
def test_when_a_contact_is_the_same(known: str | None, name: str, expected: str) -> None:
    order = claimant(contact_id=known, contact_name=name)
    assert told(asked(bill(reference="CO-2026-00042"), order)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, PROPOSED, id="contact, currency, amount and date"),
        pytest.param({"net": Decimal("1000.04"), "total": Decimal("1200.05")}, PROPOSED, id="cents off"),
        pytest.param({"net": Decimal(1000), "total": Decimal(1000)}, PROPOSED, id="no tax"),
        pytest.param({"net": Decimal(1200), "total": Decimal(1440)}, PROPOSED, id="tax on top of the gross"),
        pytest.param({"net": Decimal(300), "total": Decimal(360)}, PROPOSED, id="what was received"),
        pytest.param({"net": Decimal(990), "total": Decimal(1188)}, UNMATCHED, id="another amount"),
        pytest.param({"currency": "EUR"}, UNMATCHED, id="another currency"),
        pytest.param({"contact_id": "c-2"}, UNMATCHED, id="another contact"),
        pytest.param({"date": date(2026, 8, 1)}, UNMATCHED, id="a month before the order"),
        pytest.param({"date": date(2026, 12, 31)}, UNMATCHED, id="a third of a year later"),
    ],
)
def test_without_a_number_nothing_is_certain(changes: dict[str, Any], expected: str) -> None:
    assert told(asked(bill(**changes), claimant(received=Decimal(300)))) == expected


def test_of_equal_orders_the_three_nearest_before_a_bill_are_proposed() -> None:
    orders = [claimant(f"CO-9{n}17", date=date(2026, 9, 5 * n)) for n in range(1, 6)]
    assert told(asked(bill(), *orders)) == "proposed CO-9317 CO-9217 CO-9117"


def test_several_bills_for_one_order_are_each_linked() -> None:
    owners = Owners([claimant()])
    parts = [bill(net, text="Your PO CO-2026-00042") for net in ("400.00", "350.00", "250.00")]
    assert [told(owners.verdict(part)) for part in parts] == [CERTAIN] * 3


NEIGHBOURS = {"CO-1042": "1000.00", "CO-1789": "500.00", "CO-2305": "70.00"}


@pytest.mark.parametrize(
    ("text", "net", "expected"),
    [
        pytest.param("CO-1042, CO-1789", "1500.00", "certain CO-1042 CO-1789", id="two"),
        pytest.param("CO-1042\nCO-1789\nCO-2305", "1570.00", "certain CO-1042 CO-1789 CO-2305", id="three"),
        pytest.param("CO-1042 and CO-1789", "1500.02", "certain CO-1042 CO-1789", id="and a cent or two"),
        pytest.param("CO-1042/CO-1789", "1500.00", "proposed CO-1042 CO-1789", id="glued together"),
        pytest.param("CO-1042, C0-I789", "1500.00", "proposed CO-1042 CO-1789", id="one is noisy"),
        pytest.param("CO-1042, CO-1789", "1400.00", "proposed CO-1042 CO-1789", id="less than both"),
        pytest.param(
            "CO-1789. The rest of CO-1042 follows", "500.00", "proposed CO-1789 CO-1042", id="a mere mention"
        ),
        pytest.param("", "1500.00", "proposed CO-1042 CO-1789", id="by their sum alone"),
        pytest.param("", "1499.00", "unmatched", id="no sum"),
    ],
)
def test_one_bill_for_several_orders(text: str, net: str, expected: str) -> None:
    orders = [claimant(r, net=Decimal(n), gross=Decimal(n) * 6 / 5) for r, n in NEIGHBOURS.items()]
    assert told(asked(bill(net, text=text), *orders)) == expected


@pytest.mark.parametrize(
    ("other", "net", "expected"),
    [
        pytest.param({"reference": "CO-2026-00917"}, "400.00", CERTAIN, id="a part, another order"),
        pytest.param(
            {"reference": "CO-2026-00024"}, "1000.00", "proposed both", id="number and amount are alike"
        ),
        pytest.param(
            {"reference": "CO-2026-00024"}, "400.00", "proposed both", id="a part, the number is alike"
        ),
        pytest.param(
            {"reference": "CO-2026-00024", "contact_id": "c-2"}, "400.00", CERTAIN, id="other contact's"
        ),
        pytest.param(
            {"reference": "CO-2026-00024", "currency": "EUR"}, "400.00", CERTAIN, id="other currency"
        ),
        pytest.param(
            {"reference": "CO-2026-00024", "date": date(2026, 3, 1)}, "400.00", CERTAIN, id="long ago"
        ),
        pytest.param({"reference": "CO-2026-00917"}, "1000.00", "proposed both", id="the amount is alike"),
        pytest.param({"reference": "CO-2026-00O42"}, "1000.00", "proposed both", id="alike to a scanner"),
        pytest.param({"reference": "CO-2026-00042"}, "1000.00", "proposed both", id="the same number"),
        pytest.param(
            {"reference": "CO-202600-042"}, "1000.00", "proposed both", id="the same without hyphens"
        ),
    ],
)
def test_an_order_that_may_be_meant_instead(other: dict[str, Any], net: str, expected: str) -> None:
    rival = claimant(**{"order_id": "rival"} | other)
    found = asked(bill(net, reference="CO202600042"), claimant(), rival)
    both = {c.claimant.order_id for c in found.claims} == {"CO-2026-00042", "rival"}
    assert ("proposed both" if both and not found.certain else told(found)) == expected


def test_an_order_named_less_clearly_over_the_same_amount_may_be_meant_too() -> None:
    orders = [claimant("CO-1042"), claimant("CO-1789")]
    assert told(asked(bill(text="CO-1042, C0-I789"), *orders)) == "proposed CO-1042 CO-1789"


def test_a_number_copied_from_the_wrong_order_shows_by_the_amount() -> None:
    right = claimant("CO-2026-00917", net=Decimal(400), gross=Decimal(480))
    assert told(asked(bill("400.00", reference="CO-2026-00042"), claimant(), right)).startswith("proposed")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"reference": "PO 40042"}, "certain 40042", id="with the whole amount"),
        pytest.param({"reference": "40042"}, "certain 40042", id="five digits, not introduced"),
        pytest.param(
            {"reference": "PO 40042", "net": Decimal(400), "total": Decimal(480)},
            "proposed 40042",
            id="a part",
        ),
        pytest.param({"reference": "PO 40042", "contact_id": "c-2"}, "unmatched", id="another contact"),
        pytest.param({"text": "40042 screws"}, "certain 40042", id="in the lines"),
    ],
)
def test_a_number_that_is_a_mere_figure_needs_the_whole_amount(
    changes: dict[str, Any], expected: str
) -> None:
    assert told(asked(bill(**changes), claimant("40042"))) == expected


def test_a_mere_figure_is_not_enough_where_another_order_has_the_amount() -> None:
    orders = [claimant("40042"), claimant("40917")]
    assert told(asked(bill(reference="40042"), *orders)) == "proposed 40042 40917"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"number": "RE-881"}, CERTAIN, id="his number is the bill's, over the whole amount"),
        pytest.param(
            {"number": "RE-881", "net": Decimal(1), "total": Decimal(1)}, PROPOSED, id="over a part"
        ),
        pytest.param({"text": "RE-881", "net": Decimal(1), "total": Decimal(1)}, PROPOSED, id="in the lines"),
        pytest.param({"number": "RE-881", "contact_id": "c-2"}, UNMATCHED, id="another supplier's"),
    ],
)
def test_the_suppliers_own_number(changes: dict[str, Any], expected: str) -> None:
    assert told(asked(bill(**changes), claimant(external="RE-881", numbers=("RE-881",)))) == expected


def test_a_person_is_told_what_speaks_for_an_order_and_what_against() -> None:
    verdict = asked(bill("1015.00", text="Goods for C0-2026-00042", currency="GBP"))
    found = verdict.finding
    assert found is not None
    assert found.cause is Cause.proposed
    assert found.detail == (
        'INV-7 may belong to CO-2026-00042 (its lines name "C0-2026-00042", perhaps CO-2026-00042, same contact, '
        "more than the 1000.00 net, 1200.00 gross that were ordered)."
    )
    stranger = asked(bill("7.00")).finding
    assert stranger is not None
    assert (stranger.cause, stranger.detail) == (Cause.unmatched, "No order was found for INV-7.")
    assert asked(bill(text="CO-2026-00042")).finding is None


def test_the_tolerance_is_what_it_is_told_to_be() -> None:
    strict = Owners([claimant()], Tolerance(Decimal(0), Decimal(0)))
    lavish = Owners([claimant()], Tolerance(Decimal(0), Decimal(2)))
    dearer = bill("1020.00", reference="CO-2026-00042")
    assert (told(strict.verdict(dearer)), told(lavish.verdict(dearer))) == (PROPOSED, CERTAIN)


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_breaks_it(reference: str, text: str) -> None:
    orders = [claimant(), claimant(reference, external=text or None)]
    asked(bill(number=text, reference=reference, text=text), *orders)


@given(st.integers(0, 99_999), st.decimals("0.01", "1200", places=2))
def test_nothing_is_certain_for_another_contact(n: int, total: Decimal) -> None:
    order = claimant(f"CO-2026-{n:05}")
    assert not asked(bill(reference=order.reference, total=total, contact_id="c-2"), order).certain
