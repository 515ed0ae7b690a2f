"""Who may call when: games against a far side that counts in fixed minutes, and single moments as tables."""

from statistics import median

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.domain.budget import (
    ASKS_EVERY,
    DAY,
    DEAD_AFTER,
    MINUTE,
    PROBES_EVERY,
    Budget,
    Go,
    Heard,
    Limits,
    Stop,
    Wait,
    Work,
    ask,
    end,
    stopped,
)
from tests.domain.far_minutes import play

XERO = Limits(minute=60, in_flight=5, day=5000)
TEN_MINUTES = 600


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 9),
    st.floats(0, 59.9),
    st.sampled_from([0.05, 0.4, 2.0]),
    st.booleans(),
)
@example(3, 2, 0.5, 0.4, True)  # the far minute turns after six calls: its new count was taken for disorder
@example(285490, 5, 0.1, 0.05, True)  # and after the first few: only the count that goes on tells
def test_no_call_is_ever_refused_and_the_minute_is_used(
    seed: int, callers: int, phase: float, slowest: float, told: bool
) -> None:
    game = play(
        XERO, [Work.routine] * callers, TEN_MINUTES, seed, phase=phase, latency=(0.02, slowest), told=told
    )
    assert game.far.refused == []
    if slowest < 1 or callers > 4:
        assert len(game.left) >= (0.97 if slowest < 1 else 0.96) * TEN_MINUTES
    waits = [wait for own in game.waits.values() for wait in own]
    assert max(waits) <= 3 * max(median(waits), MINUTE / 60)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 59.9))
def test_the_limits_of_monstock_are_held_without_any_headers(seed: int, phase: float) -> None:
    limits = Limits(minute=300, in_flight=10)
    game = play(limits, [Work.routine] * 12, 180, seed, phase=phase, told=False)
    assert game.far.refused == []
    assert len(game.left) >= 0.97 * 3 * 300


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 59.9))
def test_live_work_goes_first(seed: int, phase: float) -> None:
    game = play(XERO, [Work.backfill] * 4 + [Work.live], TEN_MINUTES, seed, phase=phase, pause={4: 15.0})
    assert game.far.refused == []
    live = game.waits.pop(4)
    others = [wait for own in game.waits.values() for wait in own]
    assert median(live) < median(others) / 2


def test_what_strangers_use_is_heeded() -> None:
    """Somebody else's program calls as well: only where both take the last call of a minute at once is one refused."""
    game = play(XERO, [Work.routine] * 4, TEN_MINUTES, 7, phase=17, strangers=0.3)
    assert len(game.far.refused) <= TEN_MINUTES / MINUTE


def let_go(budget: Budget, times: int, now: float, limits: Limits = XERO, heard: Heard | None = None) -> int:
    """How many of so many callers may go at a moment; each one's call ends at once."""
    gone = 0
    for n in range(times):
        if isinstance(ask(budget, limits, f"{now} {n}", Work.routine, now, 60), Go):
            end(budget, f"{now} {n}", now, heard, sent=True, limits=limits)
            gone += 1
    return gone


def test_half_a_minutes_calls_go_at_once_and_the_rest_is_spread() -> None:
    budget = Budget()
    assert let_go(budget, 100, 1000.0) == 20
    later = ask(budget, XERO, "next", Work.routine, 1000.0, 60)
    assert isinstance(later, Wait)
    assert later.until == 1000 + ASKS_EVERY
    assert let_go(budget, 10, 1001.0) == 0
    assert isinstance(ask(budget, XERO, "next", Work.routine, 1002.0, 60), Go)


def test_live_work_is_not_spread() -> None:
    budget = Budget()
    let_go(budget, 100, 1000.0)
    assert isinstance(ask(budget, XERO, "live", Work.live, 1000.0, 60), Go)


def test_a_call_that_was_never_sent_counts_for_nothing() -> None:
    budget = Budget()
    for n in range(200):
        assert isinstance(ask(budget, XERO, str(n), Work.routine, 1000.0, 60), Go)
        end(budget, str(n), 1000.0, None, sent=False, limits=XERO)
    assert budget.used == budget.since_heard == 0


def test_no_more_than_the_limit_are_under_way_and_the_dead_make_room_in_the_end() -> None:
    budget = Budget()
    for n in range(XERO.in_flight):
        assert isinstance(ask(budget, XERO, str(n), Work.routine, 1000.0, 60), Go)
    assert isinstance(ask(budget, XERO, "more", Work.routine, 1059.9, 60), Wait)
    assert isinstance(ask(budget, XERO, "more", Work.routine, 1060.0, 60), Go)


def test_one_that_died_in_line_holds_nobody_up_for_long() -> None:
    budget = Budget()
    let_go(budget, 100, 1000.0)
    ask(budget, XERO, "dead", Work.routine, 1000.0, 60)
    assert isinstance(ask(budget, XERO, "next", Work.routine, 1002.0, 60), Wait)
    assert isinstance(ask(budget, XERO, "next", Work.routine, 1000.1 + DEAD_AFTER, 60), Go)


@pytest.mark.parametrize(
    ("heard", "goes_on"),
    [
        (Heard(refused="minute", wait=17), 1017),
        (Heard(refused="concurrent"), 1001),
        (Heard(refused="appminute"), 1010),
        (Heard(refused="minute"), 1060),
        (Heard(minute_left=0), 1060),
    ],
    ids=[
        "429 with Retry-After",
        "429 of concurrency",
        "429 of the app",
        "429 without it",
        "nothing left of the minute",
    ],
)
def test_what_the_far_side_says_is_obeyed_by_all(heard: Heard, goes_on: float) -> None:
    budget = Budget()
    assert let_go(budget, 1, 1000.0, heard=heard) == 1
    assert isinstance(ask(budget, XERO, "next", Work.live, goes_on - 0.1, 60), Wait)
    assert isinstance(ask(budget, XERO, "next", Work.live, goes_on, 60), Go)


def test_a_used_up_day_stops_everybody_until_it_ends() -> None:
    budget = Budget()
    let_go(budget, 1, 1000.0, heard=Heard(refused="day", wait=7200))
    said = ask(budget, XERO, "next", Work.live, 1001.0, 60)
    assert isinstance(said, Stop)
    assert said.until == 8200
    assert "02:16 UTC" in said.sentence
    assert budget.waiting == {}
    assert isinstance(ask(budget, XERO, "next", Work.live, 8200.0, 60), Go)


def test_the_last_call_of_the_day_is_known_before_it_is_refused() -> None:
    budget = Budget()
    let_go(budget, 1, 1000.0, heard=Heard(day_left=2))
    assert let_go(budget, 1, 1001.0, heard=Heard(day_left=1)) == 1
    assert let_go(budget, 1, 1002.0, heard=Heard(day_left=0)) == 1
    assert stopped(budget, XERO, Work.live, 1003.0) is not None


def test_backfill_stops_where_the_reserve_begins_and_daily_work_goes_on() -> None:
    budget = Budget()
    let_go(budget, 1, 1000.0, heard=Heard(day_left=4999))
    let_go(budget, 1, 2000.0, heard=Heard(day_left=1001))
    assert stopped(budget, XERO, Work.backfill, 2001.0) is None
    let_go(budget, 1, 2002.0, heard=Heard(day_left=1000))
    said = stopped(budget, XERO, Work.backfill, 2003.0)
    assert said is not None
    assert "20% of the day's 5,000 calls" in said.sentence
    assert stopped(budget, XERO, Work.routine, 2003.0) is None
    let_go(budget, 1, 2000.0 + DAY / 2, heard=Heard(day_left=4999))
    assert stopped(budget, XERO, Work.backfill, 2002.0 + DAY / 2) is None


def test_an_organisation_with_fewer_calls_a_day_keeps_its_share_of_those() -> None:
    """The Starter tier has 1,000 a day, whatever the settings say."""
    budget = Budget()
    let_go(budget, 1, 1000.0, heard=Heard(day_left=999))
    assert stopped(budget, XERO, Work.backfill, 1001.0) is None
    let_go(budget, 1, 1002.0, heard=Heard(day_left=200))
    said = stopped(budget, XERO, Work.backfill, 1003.0)
    assert said is not None
    assert "20% of the day's 1,000 calls" in said.sentence


def test_calls_whose_answers_are_lost_count_as_used() -> None:
    budget = Budget()
    let_go(budget, 1, 1000.0, heard=Heard(day_left=3))
    assert sum(let_go(budget, 1, 1001.0 + n) for n in range(9)) == 3


def test_a_day_that_is_set_is_held_without_any_word_from_the_far_side() -> None:
    budget, small = Budget(), Limits(minute=60, in_flight=5, day=3)
    assert sum(let_go(budget, 1, 1000.0 + n, small) for n in range(9)) == 3
    assert sum(let_go(budget, 1, 1000.0 + DAY + n, small) for n in range(9)) == 3


def test_where_nobody_said_when_the_day_ends_one_call_an_hour_asks() -> None:
    budget = Budget()
    let_go(budget, 1, 1000.0, heard=Heard(day_left=0))
    assert let_go(budget, 5, 1000.0 + PROBES_EVERY - 1) == 0
    asked = Heard(refused="day", wait=7200)
    assert let_go(budget, 5, 1000.0 + PROBES_EVERY, heard=asked) == 1
    said = stopped(budget, XERO, Work.live, 1001.0 + PROBES_EVERY)
    assert said is not None
    assert said.until == 1000 + PROBES_EVERY + 7200
    assert let_go(budget, 5, 1000.0 + 2 * PROBES_EVERY) == 0


def test_a_clock_that_is_set_back_blocks_nobody() -> None:
    budget = Budget()
    for second in range(120):
        let_go(budget, 1, 10_000.0 + second, heard=Heard(minute_left=max(0, 60 - second)))
    assert let_go(budget, 1, 6_400.0) == 1


def test_the_end_of_the_day_is_learned_from_the_first_answer_of_a_new_one() -> None:
    budget = Budget()
    for hour in range(24):
        let_go(budget, 1, 1000.0 + hour * 3600, heard=Heard(day_left=4000 - hour))
    let_go(budget, 1, 1000.0 + DAY, heard=Heard(day_left=4999))
    assert budget.day_ends == 1000 + 2 * DAY


def test_the_first_word_of_a_day_counts_however_its_moment_is_rounded() -> None:
    now = next(x for n in range(1000) if ((x := 1_000_000 + n / 1000) + 86_400.0) - 86_400.0 > x)
    budget = Budget()
    assert isinstance(ask(budget, XERO, "a", Work.routine, now, 60), Go)
    end(budget, "a", now, Heard(day_left=99), sent=True, limits=XERO)
    assert (budget.day_left, budget.day_top) == (99, 100)
