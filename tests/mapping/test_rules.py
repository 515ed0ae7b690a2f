"""Rules that could not work are refused where they are set."""

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.domain.orders import Kind
from tests.mapping.given import rules


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"customer": {"number": "A,{reference}"}}, "comma", id="comma in numbers"),
        pytest.param({"customer": {"number": "INV-{year}"}}, "share a number", id="one number for all"),
        pytest.param({"customer": {"number": "{refrence}"}}, "not {refrence}", id="unknown field"),
        pytest.param({"customer": {"number": "{reference"}}, "not a pattern", id="open brace"),
        pytest.param({"customer": {"number": "{reference:d}"}}, "plain fields", id="format"),
        pytest.param({"customer": {"number": "{reference!r}"}}, "plain fields", id="conversion"),
        pytest.param({"customer": {"number": "{reference.x}"}}, "not {reference.x}", id="attribute"),
        pytest.param(
            {"order_url": "https://m.example/{reference}"},
            "must contain {kind} and {id}",
            id="address without id",
        ),
        pytest.param(
            {"order_url": "https://m.example/{id}"}, "must contain {kind} and {id}", id="address without kind"
        ),
        pytest.param({"order_url": "ftp://m.example/{kind}/{id}"}, "web address", id="no web address"),
        pytest.param(
            {"order_url": "https://to-Xero.example/{kind}/{id}"}, 'must not contain "xero"', id="xero in it"
        ),
        pytest.param({"prefix": "M,"}, "printable ASCII without commas", id="comma in the prefix"),
        pytest.param({"prefix": "Ü"}, "printable ASCII", id="umlaut in the prefix"),
        pytest.param({"prefix": "x" * 21}, "at most 20", id="long prefix"),
        pytest.param(
            {"customer": {"document": "bill"}}, "customer.document must be invoice", id="customer's bill"
        ),
        pytest.param(
            {"supplier": {"document": "invoice"}}, "bill or purchase_order", id="supplier's invoice"
        ),
        pytest.param({"customer": {"status": "PAID"}}, "'AUTHORISED'", id="status"),
        pytest.param({"customer": {"due_days": -1}}, "greater than or equal to 0", id="days"),
        pytest.param({"taxes": [{"kind": "customer", "rate": "NaN", "type": "X"}]}, "finite", id="rate"),
        pytest.param(
            {"taxes": [{"kind": "customer", "rate": 20, "type": "X", "country": "gb"}]},
            "pattern",
            id="country",
        ),
        pytest.param(
            {"warehouse": {"category": "Place"}, "channel": {"category": "Place"}},
            "different tracking categories",
            id="one category twice",
        ),
    ],
)
def test_a_rule_that_cannot_work_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        rules(**changes)
    assert said in str(refused.value)


def test_each_kind_has_rules_of_its_own() -> None:
    given = rules(customer={"status": "AUTHORISED"}, supplier={"status": "SUBMITTED"})
    assert [given.of(kind).status for kind in Kind] == ["AUTHORISED", "SUBMITTED"]


def test_the_status_is_draft_unless_a_person_says_otherwise() -> None:
    assert [rules().of(kind).status for kind in Kind] == ["DRAFT", "DRAFT"]
