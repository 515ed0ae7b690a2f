"""The chunks of a backfill as the ledger keeps them, on both databases."""

import datetime as dt
from uuid import uuid4

import time_machine

from tasks.domain.periods import Period
from tasks.ledger.backfills import Backfills, Done, Stage
from tasks.ledger.database import Database

OCTOBER = Period(dt.date(2026, 10, 1), dt.date(2026, 10, 31))
NOVEMBER = Period(dt.date(2026, 11, 1), dt.date(2026, 11, 30))


def test_chunks_wait_run_and_end_each_for_itself_and_add_up_over_their_runs(database: Database) -> None:
    backfills, other = Backfills(database, "shop"), Backfills(database, "other")
    backfills.begin("b", [NOVEMBER, OCTOBER])
    other.begin("b", [OCTOBER])
    assert backfills.of("b") == [
        Done(OCTOBER, "b", Stage.waiting),
        Done(NOVEMBER, "b", Stage.waiting),
    ]
    backfills.note("b", Done(OCTOBER, "one"))
    assert backfills.of("b")[0] == Done(OCTOBER, "one", Stage.running)
    backfills.note("b", Done(OCTOBER, "one", Stage.parked, 30, 1_500, "Parked."))
    backfills.note("b", Done(OCTOBER, "two"))
    backfills.note("b", Done(OCTOBER, "two", Stage.done, 12, 500, "All done."))
    assert backfills.of("b")[0] == Done(OCTOBER, "two", Stage.done, 42, 2_000, "All done.")
    assert other.of("b") == [Done(OCTOBER, "b", Stage.waiting)]


def test_a_backfill_that_begins_again_leaves_what_it_has_done(database: Database) -> None:
    backfills = Backfills(database, "shop")
    backfills.begin("b", [OCTOBER])
    backfills.note("b", Done(OCTOBER, "one", Stage.done, 3, 90, "Done."))
    backfills.begin("b", [OCTOBER, NOVEMBER])
    assert [done.stage for done in backfills.of("b")] == [Stage.done, Stage.waiting]
    assert backfills.of("another") == []


def test_any_of_its_days_stands_for_a_backfill_and_its_chunks_know_it(database: Database) -> None:
    backfills = Backfills(database, "shop")
    backfills.begin("b-1", [OCTOBER])
    backfills.note("b-1", Done(OCTOBER, "chunk-1"))
    backfills.go_on("b-1", "day-2")
    backfills.go_on("b-1", "day-3")
    assert backfills.named("b-") == backfills.named("day-3") == backfills.named("day") == ["b-1"]
    assert backfills.named("chunk") == backfills.named("%") == []
    assert sorted(backfills.days_of("b-1")) == ["b-1", "day-2", "day-3"]
    assert backfills.runs_of("b-1") == ["chunk-1"]
    assert [backfills.whole(run) for run in ("chunk-1", "day-2", "b-1", "x")] == ["b-1", "b-1", "b-1", "x"]
    assert Backfills(database, "other").named("day") == []


def test_one_that_was_rolled_back_is_remembered(database: Database) -> None:
    backfills = Backfills(database, "shop")
    assert not backfills.is_rolled_back("b")
    for each in "bc":
        backfills.take_in_hand(each, OCTOBER)
    backfills.roll_back("b")
    assert backfills.in_hand() == {"c": OCTOBER}
    assert backfills.is_rolled_back("b")
    assert not Backfills(database, "other").is_rolled_back("b")


def test_it_knows_by_which_rules_it_began_and_those_that_came_after(database: Database) -> None:
    backfills = Backfills(database, "shop")
    assert backfills.rules("b") == []
    assert [backfills.go_by("b", rules) for rules in ("one", "two", "one", "two")] == ["one"] * 4
    assert backfills.rules("b") == ["one", "two"]
    assert Backfills(database, "other").go_by("b", "two") == "two"


def test_each_has_its_own_dates_in_hand_until_it_lets_go_or_is_given_up(database: Database) -> None:
    backfills, begun = Backfills(database, "shop"), dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    with time_machine.travel(begun, tick=False) as clock:
        backfills.take_in_hand("a", OCTOBER)
        backfills.take_in_hand("b", NOVEMBER)
        assert backfills.in_hand() == {"a": OCTOBER, "b": NOVEMBER}
        assert Backfills(database, "other").in_hand() == {}
        clock.shift(dt.timedelta(days=1))
        backfills.take_in_hand("b", NOVEMBER)
        clock.shift(dt.timedelta(days=1, seconds=1))
        assert backfills.in_hand() == {"b": NOVEMBER}
        Backfills(database, "other").let_go(["b"])
        assert backfills.in_hand() == {"b": NOVEMBER}
        backfills.let_go(["b", "c"])
        assert backfills.in_hand() == {}


def test_its_words_take_the_ids_of_real_runs(database: Database) -> None:
    backfills, now = Backfills(database, "shop"), dt.datetime.now(dt.UTC)
    whole, day, part = (str(uuid4()) for _ in range(3))
    backfills.note_listed(whole, now)
    backfills.take_in_hand(whole, OCTOBER)
    assert backfills.in_hand() == {whole: OCTOBER}
    backfills.note(whole, Done(OCTOBER, part))
    backfills.go_on(whole, day)
    backfills.roll_back(whole)
    assert backfills.go_by(whole, "a" * 16) == backfills.go_by(whole, "b" * 16) == "a" * 16
    assert backfills.listed(whole) == now
    assert (backfills.days_of(whole), backfills.runs_of(whole)) == ([whole, day], [part])
    assert backfills.is_rolled_back(whole)
