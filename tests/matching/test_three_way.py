"""What was ordered, received and billed, side by side."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.outcomes import Cause
from tasks.matching.amounts import Tolerance
from tasks.matching.three_way import over_billed, three_way

CENTS = Tolerance(Decimal("0.05"), Decimal(0))


def detail(ordered: str, received: str | None, bills: list[str], credits: list[str]) -> str | None:
    match = three_way(
        Decimal(ordered),
        None if received is None else Decimal(received),
        map(Decimal, bills),
        map(Decimal, credits),
        currency="GBP",
    )
    found = over_billed(match, CENTS)
    assert found is None or found.cause is Cause.over_billed
    return found and found.detail


@pytest.mark.parametrize(
    ("ordered", "received", "bills", "credits", "expected"),
    [
        pytest.param("1000", None, ["1000"], [], None, id="all of it"),
        pytest.param("1000", None, [], [], None, id="nothing yet"),
        pytest.param("1000", None, ["400", "600.05"], [], None, id="in parts, cents more"),
        pytest.param(
            "1000",
            None,
            ["400", "600.06"],
            [],
            "Ordered 1000.00, received not tracked, billed 1000.06 GBP net: 0.06 GBP more than was ordered.",
            id="beyond the order",
        ),
        pytest.param(
            "1000",
            "800",
            ["1000"],
            [],
            "Ordered 1000.00, received 800.00, billed 1000.00 GBP net: 200.00 GBP more than was received.",
            id="beyond what came",
        ),
        pytest.param("1000", "800", ["1000"], ["200"], None, id="credited"),
        pytest.param(
            "1000",
            "1100",
            ["1100"],
            [],
            "Ordered 1000.00, received 1100.00, billed 1100.00 GBP net: 100.00 GBP more than was ordered.",
            id="more came than was ordered",
        ),
        pytest.param(
            "1000",
            "0",
            ["300"],
            [],
            "Ordered 1000.00, received 0.00, billed 300.00 GBP net: 300.00 GBP more than was received.",
            id="nothing came",
        ),
    ],
)
def test_three_amounts(
    ordered: str, received: str | None, bills: list[str], credits: list[str], expected: str | None
) -> None:
    assert detail(ordered, received, bills, credits) == expected


@pytest.mark.parametrize(("billed", "over"), [("1020", False), ("1020.01", True)])
def test_a_tolerance_in_percent(billed: str, over: bool) -> None:
    match = three_way(Decimal(1000), None, [Decimal(billed)], currency="GBP")
    assert (over_billed(match, Tolerance(Decimal(1), Decimal(2))) is not None) is over


AMOUNT = st.decimals(0, 100_000, places=2)


@given(AMOUNT, st.none() | AMOUNT, st.lists(AMOUNT, max_size=4), st.lists(AMOUNT, max_size=2))
def test_it_speaks_up_just_beyond_the_tolerance(
    ordered: Decimal, received: Decimal | None, bills: list[Decimal], credits: list[Decimal]
) -> None:
    match = three_way(ordered, received, bills, credits, currency="GBP")
    assert match.excess == sum(bills) - sum(credits) - min(ordered, ordered if received is None else received)
    assert (over_billed(match, CENTS) is None) == (match.excess <= CENTS.amount)
