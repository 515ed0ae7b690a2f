"""Lists: pages, filters, orders, If-Modified-Since."""

from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import Api, bill, invoice


@pytest.fixture
def five(api: Api, sandbox: Sandbox) -> Api:
    """A-1 to A-5, a second apart, from noon on."""
    sandbox.control("POST", "/clock", {"set": "2026-11-10T12:00:00Z"})
    api.login()
    contact = api.contact("A Ltd")
    for number in range(1, 6):
        status = "AUTHORISED" if number > 3 else "DRAFT"
        fields = {"Date": f"2026-11-0{number}", "Status": status, "Reference": f"R{number}"}
        api.put("Invoices", invoice(contact, f"A-{number}", **fields))
        sandbox.advance(1)
    return api


def numbers(found: list[Any]) -> list[str]:
    return [one["InvoiceNumber"] for one in found]


def test_without_a_page_there_are_no_lines_and_no_pagination(five: Api) -> None:
    body = five.get("Invoices").json()
    assert [one["LineItems"] for one in body["Invoices"]] == [[]] * 5
    assert "pagination" not in body
    assert all(one["LineItems"] for one in five.list("Invoices", page=1))
    assert not any(one["LineItems"] for one in five.list("Invoices", page=1, summaryOnly="true"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"page": 2, "pageSize": 2}, {"page": 2, "pageSize": 2, "pageCount": 3, "itemCount": 5}),
        ({"page": 0, "pageSize": 5000}, {"page": 1, "pageSize": 1000, "pageCount": 1, "itemCount": 5}),
        ({"page": 9}, {"page": 9, "pageSize": 100, "pageCount": 1, "itemCount": 5}),
        ({"page": 1, "pageSize": 0}, {"page": 1, "pageSize": 1, "pageCount": 5, "itemCount": 5}),
    ],
)
def test_pages_are_clamped(five: Api, query: dict[str, int], expected: dict[str, int]) -> None:
    assert five.get("Invoices", **query).json()["pagination"] == expected


def test_an_edit_between_pages_shifts_a_row_out_of_sight(five: Api) -> None:
    first = numbers(five.list("Invoices", page=1, pageSize=2))
    five.post("Invoices", {"InvoiceNumber": "A-1", "Type": "ACCREC", "Reference": "edited"})
    second = numbers(five.list("Invoices", page=2, pageSize=2))
    assert first == ["A-1", "A-2"]
    assert second == ["A-4", "A-5"]  # A-3 is never read


WHERES = [
    ('Status=="AUTHORISED"', ["A-4", "A-5"]),
    ("Date>=DateTime(2026,11,02) AND Date<DateTime(2026, 11, 04)", ["A-2", "A-3"]),
    ('Type=="ACCPAY"', []),
    ('InvoiceNumber=="A-2"', ["A-2"]),
    ('Reference=="R3" AND Type=="ACCREC"', ["A-3"]),
    ('Reference=="R3 AND Type"', []),
    ('AmountDue>=12 && Status!="DRAFT"', ["A-4", "A-5"]),
    ("AmountPaid>0", []),
    ('Contact.ContactID==Guid("11111111-2222-4333-8444-555555555555")', []),
]


@pytest.mark.parametrize(("where", "expected"), WHERES, ids=[where for where, _ in WHERES])
def test_where(five: Api, where: str, expected: list[str]) -> None:
    assert numbers(five.list("Invoices", where=where)) == expected


def test_or_is_for_ids(five: Api) -> None:
    ids = [one["InvoiceID"] for one in five.list("Invoices")]
    either = " OR ".join(f'InvoiceID==Guid("{key}")' for key in ids[:2])
    assert numbers(five.list("Invoices", where=either)) == ["A-1", "A-2"]
    assert numbers(five.list("Invoices", where=f'({either}) AND Reference=="R2"')) == ["A-2"]
    for where in ('Status=="DRAFT" OR Status=="PAID"', 'Madeup=="1"', "Status==DRAFT", "drop table"):
        answer = five.get("Invoices", where=where)
        assert (answer.status_code, answer.json()["Type"]) == (400, "QueryParseException")


def test_comma_lists(five: Api) -> None:
    found = {one["InvoiceNumber"]: one for one in five.list("Invoices")}
    ids = f"{found['A-1']['InvoiceID']},{found['A-5']['InvoiceID']}"
    assert numbers(five.list("Invoices", IDs=ids)) == ["A-1", "A-5"]
    assert numbers(five.list("Invoices", InvoiceNumbers="A-2,A-3,A-9")) == ["A-2", "A-3"]
    assert numbers(five.list("Invoices", Statuses="AUTHORISED,PAID")) == ["A-4", "A-5"]
    assert len(five.list("Invoices", ContactIDs=found["A-1"]["Contact"]["ContactID"])) == 5
    answer = five.http.get("Invoices?InvoiceNumbers=A-2%2CA-3")
    assert numbers(answer.json()["Invoices"]) == ["A-2", "A-3"]
    twice = five.unjudged().http.get("Invoices?InvoiceNumbers=A-2%252CA-3")
    assert numbers(twice.json()["Invoices"]) == ["A-2", "A-3"]


def test_orders(five: Api) -> None:
    assert numbers(five.list("Invoices", order="InvoiceNumber DESC"))[0] == "A-5"
    ids = [one["InvoiceID"] for one in five.list("Invoices", order="InvoiceID")]
    assert ids == sorted(ids)
    assert five.get("Invoices", order="Madeup").status_code == 400


@pytest.mark.parametrize(
    "header",
    [
        "2026-11-10T12:00:03",
        "2026-11-10T12:00:03Z",
        "2026-11-10T13:00:03+01:00",
        "2026-11-10T12:00:03.900",
        "Tue, 10 Nov 2026 12:00:03 GMT",
    ],
)
def test_if_modified_since_includes_its_bound_or_not(five: Api, sandbox: Sandbox, header: str) -> None:
    headers = {"If-Modified-Since": header}
    assert numbers(five.list("Invoices", headers)) == ["A-4", "A-5"]
    sandbox.settings(switches={"if_modified_since_inclusive": False})
    assert numbers(five.list("Invoices", headers)) == ["A-5"]


def test_who_made_it(five: Api, sandbox: Sandbox) -> None:
    contact = five.list("Contacts")[0]["ContactID"]
    sandbox.edit("create", kind="invoice", fields=invoice(contact, "BY-HAND"))
    assert "BY-HAND" in numbers(five.list("Invoices"))
    assert "BY-HAND" not in numbers(five.list("Invoices", createdByMyApp="true"))
    assert numbers(five.list("Invoices", searchTerm="hand")) == ["BY-HAND"]


def test_too_many_rows_are_refused(five: Api, sandbox: Sandbox) -> None:
    sandbox.settings(switches={"rows_touched_limit": 4})
    assert five.get("Invoices", page=1, pageSize=1).status_code == 400
    assert five.get("Invoices", Statuses="DRAFT").status_code == 200


def test_stamps_end_as_the_database_keeps_them(five: Api) -> None:
    five.put("Invoices", *[bill(five.list("Contacts")[0]["ContactID"]) for _ in range(20)])
    stamps = [one["UpdatedDateUTC"] for one in five.list("Invoices")]
    assert {stamp[-8] for stamp in stamps} <= {"0", "3", "7"}


def test_dates_before_1970_are_negative(api: Api) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), Date="/Date(-86400000)/"))
    assert (made["Date"], made["DateString"]) == ("/Date(-86400000+0000)/", "1969-12-31T00:00:00")


REFERENCE = ["Organisation", "Accounts", "TaxRates", "TrackingCategories", "Currencies", "Items"]


@pytest.mark.parametrize("plural", REFERENCE)
def test_reference_data(api: Api, plural: str) -> None:
    name = "Organisations" if plural == "Organisation" else plural
    assert api.get(plural).json()[name]
    assert api.unjudged().get(plural, page=1).status_code == 400  # not paged


def test_only_items_and_accounts_take_if_modified_since(api: Api) -> None:
    later = {"If-Modified-Since": "2099-01-01T00:00:00"}
    assert api.list("Items", later) == api.list("Accounts", later) == []
    assert api.list("TaxRates", later)


def test_xml_comes_unless_json_is_asked_for(api: Api) -> None:
    answer = api.get("Organisation", {"accept": "*/*"})
    assert answer.headers["content-type"].startswith("text/xml")
    assert "<Name>Sandbox Trading Ltd</Name>" in answer.text


def test_unknown_paths_and_ids_are_html(api: Api) -> None:
    api.unjudged()
    for path in ("Nonsense", "Invoices/11111111-2222-4333-8444-555555555555", "Invoices/A-1/Nonsense"):
        answer = api.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_bodies_that_are_no_json(api: Api) -> None:
    answer = api.unjudged().http.put("Invoices", content=b"<Invoices/>")
    assert (answer.status_code, answer.json()["Type"]) == (400, "PostDataInvalidException")


def test_history(api: Api) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), "A-1"))
    path = f"Invoices/{made['InvoiceID']}/History"
    note = {"HistoryRecords": [{"Details": "Made from order 1"}]}
    assert api.http.put(path, json=note).status_code == 200
    assert api.get(path).json()["HistoryRecords"][0]["Details"] == "Made from order 1"
    long = {"HistoryRecords": [{"Details": "x" * 2501}]}
    assert api.unjudged().http.put(path, json=long).status_code == 400


def test_items(api: Api) -> None:
    [made] = api.put(
        "Items", {"Code": "LAMP", "Name": "Lamp", "SalesDetails": {"UnitPrice": 9, "AccountCode": "201"}}
    )
    assert made["StatusAttributeString"] == "OK"
    assert api.put("Items", {"Code": "LAMP"})[0]["StatusAttributeString"] == "ERROR"
    assert api.post("Items", {"Code": "LAMP", "Name": "Lamp 2"})[0]["ItemID"] == made["ItemID"]
    [sale] = api.put("Invoices", invoice(api.contact(), LineItems=[{"Description": "x", "ItemCode": "LAMP"}]))
    assert sale["LineItems"][0]["AccountCode"] == "201"
