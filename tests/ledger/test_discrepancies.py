"""What becomes of a discrepancy from night to night, on both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from tasks.domain.discrepancies import DiscrepancyKind, Life
from tasks.ledger import discrepancies as module
from tasks.ledger.database import Database
from tasks.ledger.discrepancies import Discrepancies, Known, NoSuchDiscrepancy, Told
from tasks.ledger.schema import discrepancies as table
from tasks.ledger.schema import orders
from tasks.ledger.trail import Trail, inflated
from tests.ledger.given import mirrored

MONDAY = datetime(2026, 11, 2, 2, 30, tzinfo=UTC)
NIGHTS = [MONDAY + timedelta(days=days) for days in range(6)]
LONG_AGO = MONDAY - timedelta(days=30)
ANN = "ann@shop"


def told(id_: str = "a1", **changes: Any) -> Told:
    """An order's invoice, 2.00 too high."""
    made = Told(
        id=id_,
        kind=DiscrepancyKind.gross.value,
        order_kind="customer",
        order_id=f"order of {id_}",
        document_id=f"document of {id_}",
        ours="gross 45.00",
        theirs="gross 47.00",
        difference="-2.00",
        cause="edited in Xero",
        since=LONG_AGO,
    )
    return replace(made, **changes)


@pytest.fixture
def found(database: Database) -> Discrepancies:
    return Discrepancies(database, "shop", rules="digest of the rules")


def noted(found: Discrepancies, night: int, *those: Told) -> list[Life]:
    """What a night says of each, and tells."""
    known = found.note(those, NIGHTS[night], f"night {night}")
    found.tell(f"night {night}", "")
    return [known[one.id].state for one in those]


def row(database: Database, id_: str = "a1", connection: str = "shop") -> Any:
    with database.engine.connect() as tx:
        ours = (table.c.connection == connection, table.c.id == id_)
        return tx.execute(select(table).where(*ours)).one()


def listed(found: Discrepancies, *states: Life) -> list[str]:
    return [one.id for one in found.listed(states)]


def test_it_is_open_then_seen_then_quiet_then_speaks_again(database: Database, found: Discrepancies) -> None:
    assert found.note([told()], NIGHTS[0], "night 0") == {"a1": Known(Life.open, NIGHTS[0], LONG_AGO, "")}
    found.tell("night 0", "")
    assert found.note([told()], NIGHTS[1], "night 1") == {"a1": Known(Life.seen, NIGHTS[0], LONG_AGO, "")}
    found.accept("a1", "agreed by telephone", ANN)
    quiet = Known(Life.accepted, NIGHTS[0], LONG_AGO, "agreed by telephone")
    for night in (2, 3):
        assert found.note([told()], NIGHTS[night], f"night {night}") == {"a1": quiet}
    louder = told(theirs="gross 48.00", difference="-3.00")
    assert found.note([louder], NIGHTS[4], "night 4") == {"a1": Known(Life.open, NIGHTS[0], LONG_AGO, "")}
    found.tell("night 4", "")
    stands = row(database)
    assert (stands.theirs, stands.difference, stands.reason, stands.decided_by) == (
        "gross 48.00",
        "-3.00",
        None,
        None,
    )
    assert (stands.last_seen, stands.run_id) == (NIGHTS[4], "night 4")
    assert noted(found, 5, louder) == [Life.seen]


@pytest.mark.parametrize("changed", [{"ours": "gross 46.00"}, {"theirs": "x"}, {"difference": None}])
def test_what_says_something_else_is_open_again_known_or_accepted(
    found: Discrepancies, changed: dict[str, Any]
) -> None:
    assert noted(found, 0, told()) == [Life.open]
    assert noted(found, 1, told(**changed)) == [Life.open]
    assert noted(found, 2, told(**changed)) == [Life.seen]
    found.accept("a1", "so be it", ANN)
    assert noted(found, 3, told(**changed)) == [Life.accepted]
    assert noted(found, 4, told()) == [Life.open]


def test_another_cause_of_the_same_is_nothing_new(database: Database, found: Discrepancies) -> None:
    noted(found, 0, told())
    found.accept("a1", "so be it", ANN)
    assert noted(found, 1, told(cause="edited again", since=NIGHTS[1])) == [Life.accepted]
    assert (row(database).cause, row(database).since) == ("edited again", LONG_AGO)


def test_an_acceptance_stands_in_the_audit_trail(database: Database, found: Discrepancies) -> None:
    noted(
        found,
        0,
        told(),
        told("b2", order_kind="", order_id=""),
        told("c3", order_kind="", order_id="", document_id=""),
    )
    for id_ in ("a1", "b2", "c3"):
        found.accept(id_, f"why {id_}", ANN)
    found.reopen("a1", "bob@shop")
    subjects = [
        ("customer", "order of a1"),
        ("connection", "document of b2"),
        ("connection", "shop"),
    ]
    rows = Trail(database, "shop").of(subjects)
    said = [
        (r["event"], r["subject"], r["subject_id"], r["run_id"], r["document_id"], r["rules"]) for r in rows
    ]
    rules = "digest of the rules"
    assert said == [
        ("accepted", "customer", "order of a1", f"person: {ANN}", "document of a1", rules),
        ("accepted", "connection", "document of b2", f"person: {ANN}", "document of b2", rules),
        ("accepted", "connection", "shop", f"person: {ANN}", None, rules),
        ("reopened", "customer", "order of a1", "person: bob@shop", "document of a1", rules),
    ]
    facts = {"discrepancy": "a1", "kind": "gross amount", "ours": "gross 45.00", "theirs": "gross 47.00"}
    assert inflated(rows[0]["content"]) == facts | {"reason": "why a1", "by": ANN}
    assert inflated(rows[3]["content"]) == facts | {"reason": None, "by": "bob@shop"}
    assert row(database, "b2").decided_by == ANN


def test_who_reopens_it_hears_of_it_again(database: Database, found: Discrepancies) -> None:
    noted(found, 0, told())
    found.accept("a1", "so be it", ANN)
    found.reopen("a1", "bob@shop")
    stands = row(database)
    assert (stands.state, stands.reason, stands.decided_by) == ("open", None, None)
    assert noted(found, 1, told()) == [Life.seen]
    found.reopen("a1", ANN)
    assert listed(found, Life.open) == ["a1"]


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_nothing_is_accepted_without_a_reason(database: Database, found: Discrepancies, reason: str) -> None:
    noted(found, 0, told())
    with pytest.raises(NoSuchDiscrepancy, match="Say why"):
        found.accept("a1", reason, ANN)
    assert row(database).state == "open"
    assert Trail(database, "shop").head().number == 0


def test_what_is_not_known_or_has_ended_can_be_neither_accepted_nor_reopened(
    database: Database, found: Discrepancies
) -> None:
    noted(found, 0, told(), told("b2"))
    found.end(["a1", "b2"], ["b2"], NIGHTS[1], "night 1")
    for id_, why in (("a1", "has ended"), ("b2", "has ended"), ("c3", "is not known")):
        with pytest.raises(NoSuchDiscrepancy, match=f"{id_} {why}"):
            found.accept(id_, "late", ANN)
        with pytest.raises(NoSuchDiscrepancy, match=f"{id_} {why}"):
            found.reopen(id_, ANN)
    assert (row(database).state, row(database, "b2").state) == ("gone", "repaired")
    assert Trail(database, "shop").head().number == 0


def test_what_was_found_before_a_repair_and_after_it_in_one_run_stays_what_it_was(
    found: Discrepancies,
) -> None:
    assert noted(found, 0, told()) == [Life.open]
    assert noted(found, 0, told()) == [Life.open]
    assert noted(found, 1, told()) == [Life.seen]
    assert noted(found, 1, told()) == [Life.seen]


def test_it_stays_open_until_a_night_has_told_it(found: Discrepancies) -> None:
    """A night that dies or is incomplete, and a backfill, tell nothing."""
    noted(found, 0, told())
    found.note([told(), told("b2")], NIGHTS[1], "night 1")
    assert noted(found, 2, told(), told("b2")) == [Life.seen, Life.open]
    assert noted(found, 3, told(), told("b2")) == [Life.seen, Life.seen]


def test_what_another_run_found_and_did_not_tell_is_not_lost_by_a_telling_without_it(
    found: Discrepancies,
) -> None:
    noted(found, 0)
    found.note([told()], NIGHTS[1], "it died")
    assert noted(found, 2, told("b2")) == [Life.open]
    assert noted(found, 3, told(), told("b2")) == [Life.open, Life.seen]
    assert noted(found, 4, told(), told("b2")) == [Life.seen, Life.seen]


def test_what_was_told_of_sums_is_kept_for_each_period(found: Discrepancies) -> None:
    assert found.sums_told() == ""
    found.tell("night 0", "GBP 12")
    found.tell("october", "GBP 3", "2026-10-01 2026-10-31")
    assert (found.sums_told(), found.sums_told("2026-10-01 2026-10-31")) == ("GBP 12", "GBP 3")
    found.tell("night 1", "")
    assert found.sums_told() == ""


def test_what_ends_and_comes_back_is_new(database: Database, found: Discrepancies) -> None:
    noted(found, 0, told(), told("b2"))
    noted(found, 1, told(), told("b2"))
    (a1, b2) = sorted(found.end(["a1", "b2"], ["b2"], NIGHTS[2], "night 2"), key=lambda one: one.id)
    assert (a1.state, a1.last_seen, a1.run_id) == ("gone", NIGHTS[2], "night 2")
    assert (b2.state, b2.last_seen, b2.run_id) == ("repaired", NIGHTS[2], "night 2")
    assert (Life(a1.state).ended, Life(b2.state).ended) == (True, True)
    back = NIGHTS[3] - timedelta(hours=1)
    again = found.note([told(since=back), told("b2", since=None)], NIGHTS[3], "night 3")
    assert again["a1"] == Known(Life.open, NIGHTS[3], back, "")
    assert again["b2"] == Known(Life.open, NIGHTS[3], NIGHTS[3], "")


def test_what_a_repair_of_the_same_run_ended_and_is_there_again_is_open(found: Discrepancies) -> None:
    noted(found, 0, told())
    noted(found, 1, told())
    found.end(["a1"], ["a1"], NIGHTS[1], "night 1")
    assert noted(found, 1, told()) == [Life.open]


def test_an_accepted_one_that_ended_is_not_accepted_when_it_comes_back(found: Discrepancies) -> None:
    noted(found, 0, told())
    found.accept("a1", "so be it", ANN)
    found.end(["a1"], [], NIGHTS[1], "night 1")
    assert found.note([told()], NIGHTS[2], "night 2")["a1"] == Known(Life.open, NIGHTS[2], LONG_AGO, "")


def test_only_what_was_looked_for_ends(found: Discrepancies) -> None:
    noted(found, 0, *(told(f"a{number}") for number in range(4)))
    ended = found.end(["a1", "a3", "a9"], ["a0", "a3"], NIGHTS[1], "night 1")
    assert {(one.id, one.state) for one in ended} == {("a1", "gone"), ("a3", "repaired")}
    assert listed(found, Life.open) == ["a0", "a2"]
    assert [one.id for one in found.standing()] == ["a0", "a2"]
    assert found.end([], ["a0"], NIGHTS[1], "night 1") == []
    assert listed(found, Life.open) == ["a0", "a2"]


def test_what_people_did_elsewhere_accepts_it_for_as_long_as_it_says_so(
    database: Database, found: Discrepancies
) -> None:
    skipped = told(reason="a gift")
    assert found.note([skipped], NIGHTS[0], "night 0")["a1"] == Known(
        Life.accepted, NIGHTS[0], LONG_AGO, "a gift"
    )
    assert row(database).decided_by is None
    assert noted(found, 1, skipped) == [Life.accepted]
    assert noted(found, 2, told()) == [Life.open]
    assert row(database).reason is None


def test_a_moment_nobody_knows_is_that_of_the_night_that_found_it(found: Discrepancies) -> None:
    known = found.note([told(since=None)], NIGHTS[0], "night 0")
    assert known["a1"].since == NIGHTS[0]
    assert found.note([told()], NIGHTS[1], "night 1")["a1"].since == NIGHTS[0]


def test_more_than_a_chunk_is_noted_and_ended_whole(
    found: Discrepancies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)
    many = [told(f"a{number}") for number in range(8)]
    assert noted(found, 0, *many) == [Life.open] * 8
    assert noted(found, 1, *reversed(many)) == [Life.seen] * 8
    ended = found.end([one.id for one in many[:7]], [many[0].id], NIGHTS[2], "night 2")
    assert sorted(one.state for one in ended) == ["gone"] * 6 + ["repaired"]
    assert listed(found, Life.seen) == ["a7"]


def test_connections_keep_apart(database: Database, found: Discrepancies) -> None:
    other = Discrepancies(database, "other")
    noted(found, 0, told())
    assert other.note([told()], NIGHTS[1], "night 1")["a1"].state is Life.open
    other.accept("a1", "theirs", ANN)
    assert row(database).state == "open"
    assert other.end(["a1"], [], NIGHTS[2], "night 2")[0].connection == "other"
    assert (listed(found, *Life), [one.state for one in other.listed(Life)]) == (["a1"], ["gone"])
    assert [one.id for one in other.standing()] == []
    assert Trail(database, "shop").head().number == 0


def test_people_are_told_by_the_names_they_know_and_the_oldest_first(
    database: Database, found: Discrepancies
) -> None:
    noted(found, 1, told("b2", order_kind="", order_id=""))
    noted(found, 0, told())
    noted(found, 1, told("a0"))
    with database.begin() as tx:
        tx.execute(
            insert(orders).values(
                connection="shop", kind="customer", order_id="order of a1", reference="CO-1",
                contact_name="Acme", currency="EUR", revision="r", updated_at="1", state="exported",
                since=MONDAY, run_id="run",
            )
        )  # fmt: skip
    facts = {"number": "INV-1", "contact_name": "Acme Ltd", "total": "47.00", "date": date(2026, 10, 1)}
    mirrored(database, "document of a1", "document of b2", **facts)
    rows = found.listed([Life.open])
    assert [one.id for one in rows] == ["a1", "a0", "b2"]
    first, without, stranger = rows
    assert (first.reference, first.type, first.number, first.date) == (
        "CO-1",
        "ACCREC",
        "INV-1",
        date(2026, 10, 1),
    )
    assert (first.contact, first.currency) == ("Acme", "GBP")
    assert (without.reference, without.type, without.contact) == (None, None, None)
    assert (stranger.reference, stranger.contact) == (None, "Acme Ltd")
    assert [one.id for one in found.listed([Life.open], limit=2)] == ["a1", "a0"]
    assert found.listed([Life.seen]) == []
