"""The switches that no other test turns."""

import pytest

from deployments.sandbox.server import Sandbox
from deployments.sandbox.xero.switches import SWITCHES
from tests.sandbox.api import ZERO_ID, Api, bill, invoice, line


def test_the_defaults_are_the_documented_ones(sandbox: Sandbox) -> None:
    settings = sandbox.control("GET", "/settings")
    assert settings["switches"] == {name: default for name, (default, _) in SWITCHES.items()}


@pytest.mark.parametrize(("matches", "bills"), [(False, 2), (True, 1)])
def test_post_may_match_a_bill_by_its_number(api: Api, sandbox: Sandbox, matches: bool, bills: int) -> None:
    sandbox.settings(switches={"bill_post_matches_number": matches})
    contact = api.contact()
    for _ in range(2):
        api.post("Invoices", bill(contact, InvoiceNumber="S-1"))
    assert len(api.list("Invoices")) == bills


@pytest.mark.parametrize("key", ["Message", "Description"])
@pytest.mark.parametrize("nested_only", [False, True])
def test_where_error_texts_stand(api: Api, sandbox: Sandbox, key: str, nested_only: bool) -> None:
    sandbox.settings(switches={"error_text_key": key, "nested_errors_only": nested_only})
    asked = invoice(api.contact(), LineItems=[line(), line(AccountCode="333")])
    [element] = api.put("Invoices", asked)
    problem = {key: "Account code '333' is not a valid code"}
    assert element["LineItems"][1]["ValidationErrors"] == [problem]
    assert "ValidationErrors" not in element["LineItems"][0]
    assert element["ValidationErrors"] == ([] if nested_only else [problem])
    assert (element["StatusAttributeString"], element["InvoiceID"]) == ("ERROR", ZERO_ID)


def test_an_error_echoes_the_status_that_was_asked_for(api: Api) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), Status="AUTHORISED"))
    [element] = api.post("Invoices", {"InvoiceID": made["InvoiceID"], "Status": "DELETED"})
    assert (element["StatusAttributeString"], element["Status"]) == ("ERROR", "DELETED")
    assert element["InvoiceID"] == made["InvoiceID"]
    assert api.list("Invoices")[0]["Status"] == "AUTHORISED"
