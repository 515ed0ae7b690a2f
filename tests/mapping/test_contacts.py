"""Who a customer is in Xero; and two of one name stay two."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.books import XeroContact
from tasks.domain.orders import Address, Contact
from tasks.domain.outcomes import Cause
from tasks.mapping.contacts import Directory, clean_name, contact_number, fitted, match, name_key
from tasks.mapping.findings import Findings
from tests.mapping.given import CONTACT, causes, held, mapped, order

NAME = CONTACT.name


def xero(id_: str, name: str = NAME, status: str = "ACTIVE", **more: Any) -> XeroContact:
    return XeroContact(id_, name, status, **more)


LINKED = xero("linked", "Renamed since")
NUMBERED = xero("numbered", "Another name", number="MS-c-1")
NAMED = xero("named")


def directory(
    *contacts: XeroContact, links: dict[str, str] | None = None, linked: set[str] | None = None
) -> Directory:
    found = Directory(links=links or {}, linked=linked or set())
    found.add(contacts)
    return found


def matched(known: Directory, contact: Contact = CONTACT) -> tuple[str | None, list[Cause]]:
    findings = Findings()
    found = match(contact, known, "MS-", findings)
    return found and found.id, causes(tuple(findings.holds))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param([LINKED, NUMBERED, NAMED], "linked", id="the stored link first"),
        pytest.param([NUMBERED, NAMED], "numbered", id="then our ContactNumber"),
        pytest.param([NAMED], "named", id="then the name"),
        pytest.param([xero("x", "HARBOUR  homes ltd")], "x", id="whatever its case"),
        pytest.param([xero("x", "Harbour Homes")], None, id="but not a similar name"),
        pytest.param([xero("x", number="OTHER-7")], None, id="nor a namesake that bears a number"),
        pytest.param([], None, id="else none"),
    ],
)
def test_the_order_of_search(known: list[XeroContact], expected: str | None) -> None:
    assert matched(directory(*known, links={"c-1": "linked"})) == (expected, [])


def test_a_namesake_that_is_linked_to_somebody_else_is_not_ours() -> None:
    assert matched(directory(NAMED, links={"c-2": "named"}, linked={"named"})) == (None, [])


def test_two_customers_of_one_name_stay_two() -> None:
    known, twin = directory(NAMED), replace(CONTACT, id="c-2")
    first = match(CONTACT, known, "MS-", Findings())
    assert first == NAMED
    known.link(CONTACT, NAMED)
    assert matched(known, twin) == (None, [])
    assert matched(known) == ("named", [])
    assert known.free_name(NAME, set()) == f"{NAME} (2)"


@pytest.mark.parametrize(
    "known",
    [
        pytest.param([xero("linked", status="ARCHIVED"), NAMED], id="by link"),
        pytest.param([xero("x", "A", "ARCHIVED", number="MS-c-1"), NAMED], id="by number"),
        pytest.param([xero("x", status="ARCHIVED")], id="by name"),
        pytest.param([xero("x", status="GDPRREQUEST")], id="erased"),
    ],
)
def test_an_archived_match_holds_the_order(known: list[XeroContact]) -> None:
    _, found = matched(directory(*known, links={"c-1": "linked"}))
    assert found == [Cause.contact_archived]
    [held_] = held(order(), directory=directory(*known, links={"c-1": "linked"}))
    assert held_.field == "contact"


def test_an_active_namesake_is_taken_rather_than_an_archived_one() -> None:
    assert matched(directory(xero("old", status="ARCHIVED"), NAMED)) == ("named", [])


def test_merges_are_followed_to_the_contact_that_is_left() -> None:
    known = directory(
        xero("linked", status="ARCHIVED", merged_to="middle"),
        xero("middle", "B", "ARCHIVED", merged_to="end"),
        xero("end", "C"),
        links={"c-1": "linked"},
    )
    assert matched(known) == ("end", [])


@pytest.mark.parametrize("merged_to", ["unknown", "linked", "b"])
def test_a_merge_that_leads_nowhere_holds(merged_to: str) -> None:
    known = directory(
        xero("linked", status="ARCHIVED", merged_to=merged_to),
        xero("b", "B", "ARCHIVED", merged_to="linked"),
        links={"c-1": "linked"},
    )
    assert matched(known)[1] == [Cause.contact_archived]


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Harbour Homes Ltd", "Harbour Homes Ltd"),
        ("Harbour <UK> Ltd", "Harbour UK Ltd"),
        ("  Harbour\t \nHomes ", "Harbour Homes"),
        ("<>", ""),
    ],
)
def test_a_name_is_made_one_that_xero_takes_and_says_so(name: str, cleaned: str) -> None:
    findings = Findings()
    assert clean_name(name, findings) == cleaned
    assert causes(tuple(findings.warnings)) == [Cause.contact_name] * (name != cleaned)


@given(st.text())
def test_any_name_becomes_one_that_xero_takes(name: str) -> None:
    cleaned = clean_name(name, Findings())
    assert len(cleaned) <= 255
    assert not {"<", ">"} & set(cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert clean_name(cleaned, Findings()) == cleaned


@pytest.mark.parametrize(("length", "warned"), [(255, []), (256, [Cause.text_cut])])
def test_a_name_of_over_255_characters_is_cut_with_a_warning(length: int, warned: list[Cause]) -> None:
    made = mapped(order(contact=replace(CONTACT, name="n" * length)))
    assert causes(made.warnings) == warned


def test_a_contact_without_a_name_is_held() -> None:
    [found] = held(order(contact=replace(CONTACT, name=" <> ")))
    assert (found.cause, found.field) == (Cause.contact_rejected, "contact.name")


@pytest.mark.parametrize(
    ("in_xero", "taken", "free"),
    [
        ([], set(), NAME),
        ([NAME], set(), f"{NAME} (2)"),
        ([NAME.upper()], {f"{NAME} (2)"}, f"{NAME} (3)"),
        ([], {NAME, f"{NAME} (2)"}, f"{NAME} (3)"),
    ],
)
def test_a_taken_name_gets_the_lowest_free_suffix(in_xero: list[str], taken: set[str], free: str) -> None:
    known = directory(*[xero(name, name) for name in in_xero])
    assert known.free_name(NAME, {name_key(name) for name in taken}) == free


def test_a_suffix_keeps_within_the_limit() -> None:
    name = "n" * 255
    free = directory(xero("x", name)).free_name(name, set())
    assert (len(free), free[-5:]) == (255, "n (2)")


@pytest.mark.parametrize(("id_", "number"), [("c-1", "MS-c-1"), ("x" * 47, f"MS-{'x' * 47}")])
def test_a_contact_number_is_prefix_and_id(id_: str, number: str) -> None:
    assert contact_number("MS-", id_) == number


@given(st.text(min_size=48, max_size=64), st.text(min_size=48, max_size=64))
def test_long_ids_are_shortened_to_numbers_of_their_own(one: str, other: str) -> None:
    a, b = contact_number("MS-", one), contact_number("MS-", other)
    assert len(a) == 50
    assert (a == b) == (one == other)


def test_a_name_that_xero_would_refuse_is_compared_as_it_would_be_taken() -> None:
    assert name_key("Acme  <Paris>") == name_key("ACME Paris")


def test_what_does_not_fit_in_xero_is_left_out_or_cut_with_a_warning() -> None:
    findings = Findings()
    address = Address(line1="1 Quay", city="B" * 256)
    long = replace(CONTACT, email="e" * 256, vat_number="v" * 51, phone="1" * 50, address=address)
    kept = fitted(long, findings)
    assert (kept.email, kept.vat_number, kept.phone) == (None, None, "1" * 50)
    assert kept.address is not None
    assert (kept.address.line1, len(kept.address.city or "")) == ("1 Quay", 255)
    assert [w.field for w in findings.warnings] == [
        "contact.email",
        "contact.vat_number",
        "contact.address.city",
    ]


def test_an_order_says_that_its_contacts_name_is_taken() -> None:
    findings = Findings()
    directory = Directory()
    directory.announce(CONTACT, findings)
    directory.announce(CONTACT, findings)
    assert not findings.warnings
    directory.announce(replace(CONTACT, id="another"), findings)
    assert [w.cause for w in findings.warnings] == [Cause.contact_name]
