"""What somebody changed in Xero since our last write: field by field, and of our own documents only."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from tasks.comparing.edited import edited
from tasks.domain.books import MISSING
from tasks.domain.discrepancies import DiscrepancyKind as K
from tests.comparing import given
from tests.comparing.given import DAY, Part, pair, sides

AS_WRITTEN = "net 100.00, tax 20.00, gross 120.00 (digest)"
LATER = DAY + dt.timedelta(days=1)


def found(*parts: Part, names: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    return given.told(edited(sides(*parts))[0], *names)


@pytest.mark.parametrize(
    ("theirs", "kind", "said", "difference"),
    [
        ({"number": "INV-9"}, K.number, ("MS-CO-1", "INV-9"), None),
        ({"reference": "by telephone"}, K.reference, ("PO-1", "by telephone"), None),
        ({"contact_id": "c2", "contact_name": "Holding"}, K.contact, ("Acme", "Holding (c2)"), None),
        ({"contact_id": "3f2a91c0-7b1e"}, K.contact, ("Acme", "Acme (3f2a91c0)"), None),
        ({"currency": "EUR"}, K.currency, ("GBP", "EUR"), None),
        ({"date": LATER}, K.date, ("2026-11-10", "2026-11-11"), None),
        ({"date": None}, K.date, ("2026-11-10", ""), None),
        ({"due_date": DAY}, K.due_date, ("2026-12-10", "2026-11-10"), None),
        ({"line_count": 1}, K.line_count, (f"2 lines, {AS_WRITTEN}", f"1 line, {AS_WRITTEN}"), None),
        (
            {"line_count": 3, "gross": 12_100, "net": 10_100},
            K.line_count,
            (f"2 lines, {AS_WRITTEN}", "3 lines, net 101.00, tax 20.00, gross 121.00 (digest)"),
            -100,
        ),
        ({"gross": 12_001}, K.gross, (AS_WRITTEN, "net 100.00, tax 20.00, gross 120.01 (digest)"), -1),
        (
            {"tax": 1_999, "net": 10_001},
            K.tax,
            (AS_WRITTEN, "net 100.01, tax 19.99, gross 120.00 (digest)"),
            1,
        ),
        ({"net": 10_001}, K.net, (AS_WRITTEN, "net 100.01, tax 20.00, gross 120.00 (digest)"), -1),
        ({"lines": "other"}, K.lines, ("2 lines (digest)", "2 lines (other)"), None),
    ],
)
def test_a_field_that_was_changed_is_told_once(
    theirs: dict[str, Any], kind: K, said: tuple[str, str], difference: int | None
) -> None:
    assert found(pair(theirs=theirs), names=("ours", "theirs", "difference")) == [(kind, *said, difference)]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(pair(), id="as we left it"),
        pytest.param(
            pair(theirs={"status": "PAID", "paid": 12_000, "due": 0, "sent": True}), id="paid and sent"
        ),
        pytest.param(pair(theirs={"gross": 1, "status": "VOIDED"}), id="dead"),
        pytest.param(pair(theirs={"gross": 1, "status": MISSING}), id="lost"),
        pytest.param(pair(theirs={"gross": 1, "unreadable": True}), id="unreadable"),
        pytest.param(pair(ours={"written_status": "VOIDED"}, theirs={"gross": 1}), id="ended by ourselves"),
        pytest.param(pair(ours={"origin": "linked"}, theirs={"gross": 1}), id="made by people"),
        pytest.param(pair(ours={"written_currency": ""}, theirs={"gross": 1}), id="from before we noted it"),
        pytest.param(Part(orders=pair().orders), id="never seen"),
        pytest.param(pair(ours={"fresh": True}, theirs={"gross": 1}), id="written meanwhile"),
        pytest.param(pair(ours={"sent_in": "run"}, theirs={"gross": 1}), id="perhaps by ourselves"),
        pytest.param(pair(theirs={"contact_name": "Renamed"}), id="its contact has another name"),
        pytest.param(
            pair(ours={"written_reference": ""}, theirs={"reference": ""}), id="without a reference"
        ),
    ],
)
def test_what_is_no_edit(part: Part) -> None:
    assert found(part) == []
    assert not edited(sides(part))[1].any()


def test_an_adopted_document_is_ours() -> None:
    assert found(pair(ours={"origin": "adopted"}, theirs={"gross": 12_001})) == [(K.gross,)]


EDITS = st.fixed_dictionaries(
    {
        "contact_id": st.sampled_from(["c1", "c2", "c3"]),
        "contact_name": st.just("Acme"),
        "line_count": st.sampled_from([2, 3]),
        "gross": st.sampled_from([12_000, 12_001]),
        "tax": st.sampled_from([2_000, 1_999]),
        "net": st.sampled_from([10_000, 10_001]),
        "lines": st.sampled_from(["digest", "other", "third"]),
    }
)


@settings(max_examples=25)
@examples(EDITS, EDITS)
def test_what_was_told_of_one_edit_tells_no_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Whoever lets an edit stand lets no later one of the same document stand, down to a line or a contact's twin."""
    names = ("ours", "theirs")
    first, second = (found(pair(theirs=edit), names=names) for edit in (one, other))
    assert (first == second) is (one == other)


def test_lines_that_an_answer_did_not_show_are_told_nothing_of() -> None:
    said = "net 100.00, tax 20.00, gross 120.0"
    rows = found(pair(theirs={"gross": 12_001, "lines": "", "line_count": 0}), names=("ours", "theirs"))
    assert rows == [(K.gross, f"{said}0", f"{said}1")]


def test_several_fields_are_told_each_but_amounts_once() -> None:
    theirs = {"reference": "x", "date": LATER, "gross": 1, "net": 1, "tax": 0, "lines": "other"}
    assert found(pair(theirs=theirs)) == [(K.date,), (K.gross,), (K.reference,)]


def test_amounts_in_two_currencies_are_named_and_not_subtracted() -> None:
    theirs = {"currency": "EUR", "gross": 14_400, "net": 12_000, "tax": 2_400}
    assert found(pair(theirs=theirs), names=("ours", "theirs", "difference")) == [
        (K.currency, "GBP", "EUR", None),
        (K.gross, f"GBP {AS_WRITTEN}", "EUR net 120.00, tax 24.00, gross 144.00 (digest)", None),
    ]


def test_each_edit_stands_at_its_order_and_the_others_are_left_alone() -> None:
    both = sides(
        pair("1"), pair("2", theirs={"gross": 1}), pair("3"), pair("4", theirs={"number": "x", "date": None})
    )
    rows, changed = edited(both)
    assert given.told(rows, "order_id", "document_id") == [
        (K.date, "4", "d4"),
        (K.gross, "2", "d2"),
        (K.number, "4", "d4"),
    ]
    assert changed.tolist() == [False, True, False, True]
