"""The words that people read, and the tree of what can go wrong."""

import re
from datetime import date

import pytest

from tasks.domain import errors
from tasks.domain.books import Books
from tasks.domain.documents import DocumentType
from tasks.domain.outcomes import ADVICE, Cause, Finding


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_comes_with_advice(cause: Cause) -> None:
    assert Finding(cause, "").advice.endswith(".")


def test_no_advice_is_left_over() -> None:
    assert set(ADVICE) == set(Cause)


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    drawn: list[tuple[str, str]] = []
    path: list[str] = []
    for lead, name in re.findall(r"^([│├└─ ]*)([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)[1:]:
        depth = len(lead) // 4
        path[depth:] = [name]
        drawn.append((name, path[depth - 1] if depth else ""))
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, Exception)]
    real = {(k.__name__, k.__base__.__name__ if k.__base__ is not Exception else "") for k in kinds}
    assert set(drawn) == real


@pytest.mark.parametrize(
    ("period", "year_end", "locked"),
    [
        (None, None, None),
        (date(2026, 3, 31), None, date(2026, 3, 31)),
        (None, date(2025, 12, 31), date(2025, 12, 31)),
        (date(2026, 3, 31), date(2025, 12, 31), date(2026, 3, 31)),
        (date(2025, 3, 31), date(2025, 12, 31), date(2025, 12, 31)),
    ],
)
def test_books_are_locked_until_the_later_of_two_dates(
    period: date | None, year_end: date | None, locked: date | None
) -> None:
    books = Books("T", None, "UTC", "GBP", {}, {}, frozenset(), period_lock_date=period)
    assert books.locked_until == period
    books = Books("T", None, "UTC", "GBP", {}, {}, frozenset(), {}, frozenset(), period, year_end)
    assert books.locked_until == locked


@pytest.mark.parametrize(
    ("type_", "role"),
    [("invoice", "sale"), ("bill", "purchase"), ("purchase_order", "purchase")],
)
def test_a_changed_document_type_keeps_its_role(type_: str, role: str) -> None:
    assert DocumentType(type_).role == role
