"""The walk loses no row, however the far side changes while it is read."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.sandbox.server import Sandbox
from tasks.transport.http import Http
from tasks.xero import client as client_module
from tasks.xero.client import Page, XeroClient
from tasks.xero.endpoints import CONTACTS
from tasks.xero.walk import changed_since
from tests.support import Connect

NOTHING = Http("http://xero.example")
START = datetime(2026, 10, 1, tzinfo=UTC)


class Changing(XeroClient):
    """Xero's listing of contacts in small, with edits by others between any two pages."""

    def __init__(
        self, stamps: list[int], size: int, edits: Iterable[int | None] = (), inclusive: bool = True
    ) -> None:
        super().__init__(NOTHING, "t")
        self.rows = {f"id-{n}": stamp for n, stamp in enumerate(stamps)}
        self.size, self.edits, self.inclusive, self.asked = size, iter(edits), inclusive, 0
        self.now = max(stamps, default=0) + 60_000

    def page(
        self, endpoint: str, params: Any = None, *, number: int = 1, since: datetime | None = None
    ) -> Page:
        bound = -1 if since is None else int((since - START).total_seconds()) * 1000
        low = bound if self.inclusive else bound + 1000
        found = sorted((stamp, id_) for id_, stamp in self.rows.items() if since is None or stamp >= low)
        chosen = found[(number - 1) * self.size : number * self.size]
        for edit in (next(self.edits, None),):
            if edit is not None and self.rows:
                self.rows[f"id-{edit % len(self.rows)}"] = self.now
                self.now += 137
        self.asked += 1
        rows = [{"ContactID": id_, "UpdatedDateUTC": wire(stamp)} for stamp, id_ in chosen]
        return Page(rows, len(rows) >= self.size)


def wire(stamp: int) -> str:
    return f"/Date({int(START.timestamp() * 1000) + stamp}+0000)/"


def walked(far: XeroClient, since: datetime | None = None) -> tuple[dict[str, str], datetime | None, int]:
    """The newest content of every row that came, where the next walk begins, and how many rows came."""
    rows: dict[str, str] = {}
    position, count = since, 0
    for page, position in changed_since(far, CONTACTS, since):  # noqa: B007
        rows.update((row["ContactID"], row["UpdatedDateUTC"]) for row in page)
        count += len(page)
    return rows, position, count


def whole(far: Changing) -> dict[str, str]:
    return {id_: wire(stamp) for id_, stamp in far.rows.items()}


@pytest.mark.parametrize("inclusive", [True, False])
def test_five_thousand_rows_all_arrive_while_an_earlier_one_changes_at_every_page(inclusive: bool) -> None:
    far = Changing([n * 410 for n in range(5000)], 1000, range(5), inclusive)
    rows, _, count = walked(far)
    assert rows == whole(far)
    assert count <= 5000 + far.asked
    assert far.asked <= 9


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_second_that_holds_more_rows_than_a_page_is_read_whole(inclusive: bool) -> None:
    far = Changing([500] * 25 + [1500] * 25 + [9000], 10, inclusive=inclusive)
    assert walked(far)[0] == whole(far)


def test_a_row_that_leaves_a_full_second_while_it_is_paged_through_hides_no_other() -> None:
    far = Changing([500] * 25, 10, [None, 0, 1, 2])
    assert walked(far)[0] == whole(far)


@settings(max_examples=300)
@given(
    stamps=st.lists(st.integers(0, 5000), max_size=40),
    size=st.integers(2, 10),
    edits=st.lists(st.none() | st.integers(0, 50), max_size=25),
    inclusive=st.booleans(),
)
def test_nothing_is_lost_whatever_changes_between_pages(
    stamps: list[int], size: int, edits: list[int | None], inclusive: bool
) -> None:
    far = Changing(stamps, size, edits, inclusive)
    rows, position, _ = walked(far)
    far.edits = iter(())
    assert rows | walked(far, position)[0] == whole(far)


@given(
    stamps=st.lists(st.integers(0, 3000), min_size=1, max_size=40),
    size=st.integers(2, 10),
    edits=st.lists(st.none() | st.integers(0, 50), max_size=25),
    pages=st.integers(1, 8),
    inclusive=st.booleans(),
)
def test_a_walk_that_is_broken_off_goes_on_from_its_last_position(
    stamps: list[int], size: int, edits: list[int | None], pages: int, inclusive: bool
) -> None:
    far, rows, position = Changing(stamps, size, edits, inclusive), {}, None
    for number, (page, position) in enumerate(changed_since(far, CONTACTS, None), 1):  # noqa: B007
        rows.update((row["ContactID"], row["UpdatedDateUTC"]) for row in page)
        if number == pages:
            break
    far.edits = iter(())
    assert rows | walked(far, position)[0] == whole(far)


def test_rows_come_once_where_nothing_changes() -> None:
    far = Changing([n * 300 for n in range(95)], 10)
    assert walked(far)[2] == 95


@pytest.mark.parametrize(("stamps", "expected"), [([], None), ([4300], START + timedelta(seconds=3))])
def test_the_next_walk_begins_a_second_before_the_newest_row(
    stamps: list[int], expected: datetime | None
) -> None:
    assert walked(Changing(stamps, 10))[1] == expected


def test_a_walk_that_finds_nothing_stays_where_it_was() -> None:
    since = START + timedelta(hours=1)
    assert walked(Changing([4300], 10), since) == ({}, since, 0)


@pytest.mark.parametrize("inclusive", [True, False])
def test_over_http_with_either_bound_and_a_page_full_of_one_second(
    inclusive: bool, sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAGE_SIZE", 5)
    sandbox.settings(switches={"if_modified_since_inclusive": inclusive})
    sandbox.control("POST", "/clock", {"set": "2026-11-01T00:00:00Z"})
    for number in range(23):
        sandbox.edit("create", kind="contact", fields={"Name": f"Contact {number}"})
        sandbox.advance(1 if number % 9 == 0 else 0)
    xero = connect().xero
    rows, position, count = walked(xero)
    assert (len(rows), count) == (23, 23)
    sandbox.advance(60)
    edited = sandbox.edit("edit", kind="contact", name="Contact 3", fields={"FirstName": "Ada"})
    again, _, _ = walked(xero, position)
    assert {id_ for id_ in again if again[id_] != rows[id_]} == {edited["ContactID"]}
