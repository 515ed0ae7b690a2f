"""Purchase orders: numbers, statuses, contacts."""

import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import ZERO_ID, Api, line, order, refused, texts


def test_a_live_number_is_updated_by_post_and_refused_by_put(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact()
    [made] = api.put("PurchaseOrders", order(contact, "P-1"))
    assert made["Total"] == 12
    [changed] = api.post("PurchaseOrders", order(contact, "P-1", Reference="over"))
    assert (changed["PurchaseOrderID"], changed["Reference"]) == (made["PurchaseOrderID"], "over")
    refused(api.put("PurchaseOrders", order(contact, "P-1"))[0], "must be unique")
    sandbox.settings(switches={"po_put_number_in_use": "update"})
    [again] = api.put("PurchaseOrders", order(contact, "P-1", Reference="again"))
    assert (again["PurchaseOrderID"], again["Reference"]) == (made["PurchaseOrderID"], "again")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_deleted_orders_number_is_refused_with_a_zero_id(api: Api, method: str) -> None:
    contact = api.contact()
    [made] = api.put("PurchaseOrders", order(contact, "P-1"))
    api.post("PurchaseOrders", {"PurchaseOrderID": made["PurchaseOrderID"], "Status": "DELETED"})
    [element] = api.write(method, "PurchaseOrders", order(contact, "P-1")).json()["PurchaseOrders"]
    refused(element, "Deleted PurchaseOrders cannot be updated")
    assert element["PurchaseOrderID"] == ZERO_ID


@pytest.mark.parametrize(
    ("before", "after", "lenient", "strict"),
    [
        ("DRAFT", "AUTHORISED", True, True),
        ("DRAFT", "BILLED", True, False),
        ("SUBMITTED", "AUTHORISED", True, True),
        ("AUTHORISED", "DRAFT", False, False),
        ("AUTHORISED", "BILLED", True, True),
        ("BILLED", "DELETED", True, True),
        ("BILLED", "AUTHORISED", True, False),
    ],
)
def test_status_changes(
    api: Api, sandbox: Sandbox, before: str, after: str, lenient: bool, strict: bool
) -> None:
    contact = api.contact()
    for variant, possible in (("lenient", lenient), ("strict", strict)):
        sandbox.settings(switches={"po_transitions": variant})
        [made] = api.put("PurchaseOrders", order(contact, Status=before))
        [changed] = api.post("PurchaseOrders", {"PurchaseOrderID": made["PurchaseOrderID"], "Status": after})
        if possible:
            assert changed["StatusAttributeString"] == "OK", texts(changed)
        else:
            refused(changed, "PurchaseOrder status change is invalid")


def test_it_creates_no_contacts_and_needs_a_line(api: Api) -> None:
    contact = api.contact()
    nobody = order(contact, Contact={"Name": "Nobody Ltd"})
    refused(api.put("PurchaseOrders", nobody)[0], "creates no contacts")
    refused(api.put("PurchaseOrders", order(contact, LineItems=[]))[0], "line items must be specified")
    assert len(api.list("Contacts")) == 1


def test_units_have_four_decimals_and_discounts_are_possible(api: Api) -> None:
    lines = [line(1.23456, Quantity=100, DiscountRate=50, AccountCode="310", TaxType="INPUT2")]
    [made] = api.put("PurchaseOrders", order(api.contact(), LineItems=lines))
    assert (made["LineItems"][0]["UnitAmount"], made["SubTotal"]) == (1.2346, 61.73)


def test_lists_take_one_status_and_dates_and_neither_where_nor_ids(api: Api) -> None:
    contact = api.contact()
    api.put(
        "PurchaseOrders",
        *[order(contact, f"P-{day}", Date=f"2026-11-0{day}") for day in (1, 2, 3)],
        order(contact, "P-4", Date="2026-11-02", Status="SUBMITTED"),
    )
    assert [o["PurchaseOrderNumber"] for o in api.list("PurchaseOrders", Status="SUBMITTED")] == ["P-4"]
    found = api.list(
        "PurchaseOrders", DateFrom="2026-11-02", DateTo="2026-11-02", order="PurchaseOrderNumber ASC"
    )
    assert [o["PurchaseOrderNumber"] for o in found] == ["P-2", "P-4"]
    assert len(api.list("PurchaseOrders", pageSize=3)) == 3
    api.unjudged()
    assert api.get("PurchaseOrders", where='Status=="DRAFT"').status_code == 400
    assert api.get("PurchaseOrders", IDs="1").status_code == 400


def test_found_by_id_and_by_number(api: Api) -> None:
    [made] = api.put("PurchaseOrders", order(api.contact(), "P-1"))
    for key in (made["PurchaseOrderID"], "P-1"):
        assert api.get(f"PurchaseOrders/{key}").json()["PurchaseOrders"][0]["PurchaseOrderNumber"] == "P-1"


def test_nested_stamps_are_local_time_labelled_utc(api: Api, sandbox: Sandbox) -> None:
    sandbox.edit("organisation", fields={"Timezone": "NEWZEALANDSTANDARDTIME"})
    [made] = api.put("PurchaseOrders", order(api.contact()))
    stamp = int(made["Contact"]["UpdatedDateUTC"][6:-7])
    [contact] = api.list("Contacts")
    assert stamp - int(contact["UpdatedDateUTC"][6:-7]) in (12 * 3_600_000, 13 * 3_600_000)
