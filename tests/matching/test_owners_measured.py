"""How well bills find their orders, measured on seeded years that know nothing of the matching; and the work it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tasks.domain.books import SeenDocument
from tasks.matching import buying, facts, numbers
from tasks.matching.claimants import Claimant, Verdict
from tasks.matching.owners import Owners
from tests.matching.claims import bill, claimant
from tests.matching.purchases import Bill, Year


@dataclass(frozen=True)
class Measured:
    """Shares of what was found; `false` counts the proposals that are not right, a bill."""

    linked: float
    found: float
    wrong: list[str]
    false: float
    most: int


def measure(year: Year) -> Measured:
    owners = Owners(year.orders)
    asked = [(b, owners.verdict(b.document)) for b in year.bills]
    pairs = sum(len(b.orders) for b in year.bills)
    false = [len(_ids(v) - b.orders) for b, v in asked if not v.certain]
    return Measured(
        linked=sum(len(_ids(v)) for _, v in asked if v.certain) / pairs,
        found=sum(len(_ids(v) & b.orders) for b, v in asked) / pairs,
        wrong=[_wrong(b, v) for b, v in asked if v.certain and not _ids(v) <= b.orders],
        false=sum(false) / len(asked),
        most=max(false),
    )


def _ids(verdict: Verdict) -> frozenset[str]:
    return frozenset(c.claimant.order_id for c in verdict.claims)


def _wrong(made: Bill, verdict: Verdict) -> str:
    return f"{made.story}: {made.document} linked to {verdict.claims}"


# The least that may be linked by itself. A mere figure ("40042") is the weaker number: it links whole amounts only.
LINKED = {"padded": 0.48, "short": 0.48, "figures": 0.4}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("style", LINKED)
def test_a_year_of_bills(style: str, seed: int) -> None:
    found = measure(Year(seed, style))
    print(f"{style} {seed}: {found}")
    assert found.wrong == []
    assert found.found >= 0.95
    assert found.linked >= LINKED[style]
    assert found.false <= 0.4
    assert found.most <= 3


def test_a_year_has_every_kind_of_bill() -> None:
    year = Year(1)
    stories = Counter(b.story.split(":")[0].split(",")[0] for b in year.bills)
    strangers = sum(not b.orders for b in year.bills) / len(year.bills)
    assert 0.15 <= strangers <= 0.2
    assert min(stories[kind] for kind in ("single", "part", "together", "alien", "supplier")) >= 80


COUNT = 5_000


def _spread() -> Iterator[tuple[Claimant, SeenDocument]]:
    """Orders of 125 contacts, each with its own amount."""
    for n in range(COUNT):
        amount, who = Decimal(n + 100) / 10, f"c-{n % 125}"
        day = date(2026, 1, 1) + timedelta(days=n // 60)
        order = claimant(f"CO-2026-{n:05}", contact_id=who, net=amount, gross=amount * 6 / 5, date=day)
        yield order, bill(str(amount), contact_id=who, date=day, reference=order.reference if n % 2 else "")


def _alike() -> Iterator[tuple[Claimant, SeenDocument]]:
    """Orders of one contact, of one amount, of one day."""
    for n in range(COUNT):
        order = claimant(f"CO-2026-{n:05}")
        yield order, bill(text=f"Goods for {order.reference}" if n % 2 else "")


@pytest.mark.parametrize("made", [_spread, _alike])
def test_the_work_for_a_document_does_not_grow_with_the_orders(
    made: type[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counter[str]()

    def counting(module: object, name: str) -> None:
        real = getattr(module, name)

        def count(*args: object) -> object:
            counted[name] += 1
            return real(*args)

        monkeypatch.setattr(module, name, count)

    for module in (buying, facts, numbers):
        counting(module, "likeness")
    for module in (buying, facts):
        counting(module, "in_time")
    pairs = list(made())  # type: ignore[call-overload]
    owners = Owners([order for order, _ in pairs])
    for _, document in pairs:
        owners.verdict(document)
    print(counted)
    assert counted.total() / COUNT < 40
