"""Contacts: unique names, external numbers, archiving and merging."""

import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import Api, invoice, refused


def test_a_name_is_unique_among_active_contacts_whatever_its_case(api: Api) -> None:
    contact = api.contact("Harbour Homes Ltd")
    refused(
        api.put("Contacts", {"Name": "HARBOUR homes ltd"})[0],
        "is already assigned to another contact. The contact name must be unique across all active contacts.",
    )
    [over] = api.post("Contacts", {"Name": "harbour homes ltd", "AccountNumber": "7"})
    assert (over["ContactID"], over["AccountNumber"]) == (contact, "7")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "must be specified"),
        ("x" * 256, "255"),
        ("<b>Co", "< or >"),
        (" Co", "leading or double"),
        ("A  Co", "leading or double"),
    ],
)
def test_names_that_are_refused(api: Api, name: str, text: str) -> None:
    refused(api.unjudged().put("Contacts", {"Name": name})[0], text)


def test_the_contact_number_is_the_external_key(api: Api) -> None:
    contact = api.contact("A Ltd", ContactNumber="k-1")
    refused(api.put("Contacts", {"Name": "B Ltd", "ContactNumber": "k-1"})[0], "contact number k-1")
    [same] = api.post("Contacts", {"Name": "A Limited", "ContactNumber": "k-1"})
    assert (same["ContactID"], same["Name"]) == (contact, "A Limited")
    assert api.get("Contacts/k-1").json()["Contacts"][0]["ContactID"] == contact
    assert api.get("Contacts/k-2").status_code == 404


def test_an_archived_contact_is_hidden_takes_no_edit_and_holds_its_name(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact("A Ltd")
    sandbox.edit("archive_contact", name="a ltd")
    assert api.list("Contacts") == []
    assert api.list("Contacts", IDs=contact) == []
    assert api.list("Contacts", includeArchived="true")[0]["ContactStatus"] == "ARCHIVED"
    assert api.list("Contacts", includeArchived="True")[0]["ContactStatus"] == "ARCHIVED"
    text = "The specified contact details matched an archived contact."
    refused(api.post("Contacts", {"ContactID": contact, "AccountNumber": "1"})[0], text)
    refused(api.post("Contacts", {"ContactID": contact, "ContactStatus": "ACTIVE"})[0], text)
    refused(api.put("Contacts", {"Name": "A Ltd"})[0], text)
    sandbox.settings(switches={"archived_name_refused": False})
    assert api.put("Contacts", {"Name": "A Ltd"})[0]["StatusAttributeString"] == "OK"


def test_a_merged_contact_says_into_which(api: Api, sandbox: Sandbox) -> None:
    gone, kept = api.contact("A Ltd"), api.contact("B Ltd")
    api.put("Invoices", invoice(gone, "A-1"))
    sandbox.edit("merge_contacts", id=gone, into=kept)
    found = {one["ContactID"]: one for one in api.list("Contacts", includeArchived="true")}
    assert (found[gone]["ContactStatus"], found[gone]["MergedToContactID"]) == ("ARCHIVED", kept)
    assert api.list("Invoices")[0]["Contact"]["ContactID"] == kept


def test_lists_filter(api: Api) -> None:
    contact = api.contact("A Ltd", EmailAddress="a@example.com", AccountNumber="9")
    api.contact("B Ltd")
    for where in (
        'Name=="A Ltd"',
        'EmailAddress=="a@example.com"',
        'AccountNumber=="9"',
        'Name.StartsWith("A")',
    ):
        assert [one["ContactID"] for one in api.list("Contacts", where=where)] == [contact]
    assert [one["Name"] for one in api.list("Contacts", searchTerm="b l")] == ["B Ltd"]
    assert api.get("Contacts", page=1, pageSize=1).json()["pagination"] == {
        "page": 1,
        "pageSize": 1,
        "pageCount": 2,
        "itemCount": 2,
    }


def test_roles_follow_the_documents(api: Api) -> None:
    contact = api.contact("A Ltd")
    assert api.list("Contacts")[0]["IsCustomer"] is False
    api.put("Invoices", invoice(contact))
    assert (api.list("Contacts")[0]["IsCustomer"], api.list("Contacts")[0]["IsSupplier"]) == (True, False)
