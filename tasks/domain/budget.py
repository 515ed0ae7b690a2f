"""The budget of calls that a far side grants, and who may call when: plain arithmetic over a small state.

One budget belongs to what the far side counts by (an organisation of Xero's, an API key of Monstock's) and is
shared by all processes. The far side counts in fixed minutes that begin nobody knows when. Where its answers say
how many calls are left of the minute, they are taken at their word, less every call that may have arrived after
the one that was answered. Where nothing is known, a call is let go only if, wherever those minutes begin, no more
than the limit can fall into one of them: a call counts from the moment it leaves until a minute after it has
ended, for it arrived some time in between.

Up to a third of a minute's calls may go at once; what goes beyond that is spread out, so that whoever comes next is not
shut out for a minute. Live work is not made to wait for that.

All times are seconds of the ledger's clock. The functions change the state in place.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum

MINUTE = 60.0
DAY = 86_400.0
# Who waits in line asks at least this often; whoever was not heard of for longer has died.
ASKS_EVERY = 1.0
DEAD_AFTER = 5.0
# How soon to look again where only the end of another call can make room.
ROOM_AFTER = 0.05
# Calls that left within so many seconds of each other may arrive in another order.
TOGETHER = 0.5
UNLIMITED = 1_000_000_000
# What adding and subtracting a day may do to a moment, in seconds.
ROUNDING = 0.001
# No minute lasts longer, whatever a refusal says.
LONGEST_MINUTE = 300.0
# Silence, in seconds, after a refusal that names no time.
PAUSES = {"appminute": 10.0}
# Where nobody said when a used-up day ends, one call asks so often, in seconds: its refusal tells.
PROBES_EVERY = 3600.0


class Work(IntEnum):
    """What a call is for. The lower goes first; backfill stops where the day's reserve begins."""

    live = 0
    routine = 1
    backfill = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What the far side grants: calls a minute, in flight, a day; `reserve` is the share kept from backfill."""

    minute: int = UNLIMITED
    in_flight: int = UNLIMITED
    day: int = UNLIMITED
    reserve: float = 0.2


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer says of the limits: calls left, and how long to be silent (`day`: until the day ends)."""

    minute_left: int | None = None
    day_left: int | None = None
    refused: str | None = None
    wait: float | None = None


@dataclass(slots=True)
class Waiting:
    """One that waits in line; `due` is when its turn was last expected."""

    work: Work
    since: float
    seen: float
    due: float


@dataclass(slots=True)
class Flying:
    """A call under way; where nobody says that it ended, it has by `until`."""

    left: float
    until: float


@dataclass(slots=True)
class Budget:
    """Everything that is remembered: calls of the last minute by their end, under way, in line; what was heard.

    `minute_left` and `day_left` are the far side's last words, true until `minute_ends` and `day_ends`, the latest
    moments at which its windows can end. They came at `heard_at`, to a call that left at `heard_of`;
    `since_heard` calls may have come on top of the minute, `day_since` of the day. Of the day we used `day_used`
    ourselves; `day_top` is the most that it seems to have, and `day_sure` says that its end is known, not guessed.
    The last call was let go at `last_at`. Before `paused_until` nothing leaves.
    """

    ended: list[float] = field(default_factory=list)
    flying: dict[str, Flying] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    last_at: float = 0.0
    paused_until: float = 0.0
    heard_of: float = 0.0
    heard_at: float = 0.0
    minute_left: int | None = None
    minute_ends: float = 0.0
    since_heard: int = 0
    day_left: int | None = None
    day_ends: float = 0.0
    day_since: int = 0
    day_used: int = 0
    day_top: int = 0
    day_sure: bool = False

    @property
    def used(self) -> int:
        """Calls of the last minute, and under way."""
        return len(self.ended) + len(self.flying)

    def left(self, now: float) -> int | None:
        """How many calls the far side will surely take in its minute; None where it has not said."""
        known = self.minute_left is not None and now < self.minute_ends
        return (self.minute_left or 0) - self.since_heard if known else None

    def left_today(self, limits: Limits, now: float) -> int:
        """How many calls are left of the day, by the far side's word and by our own count."""
        if now >= self.day_ends:
            return limits.day
        own = limits.day - self.day_used
        return own if self.day_left is None else min(own, self.day_left - self.day_since)

    def a_day(self, limits: Limits) -> int:
        """How many calls a day has: as set, or fewer where the far side was never heard to grant as many."""
        return min(limits.day, self.day_top or limits.day)

    def count(self, by: int) -> None:
        """A call was let go, or (with -1) was not sent after all."""
        self.since_heard += by
        self.day_since += by
        self.day_used += by

    def heed(self, heard: Heard, now: float, left: float, later: int, in_flight: int) -> None:
        """What the answer to a call that left then says; `later` calls may have arrived after that one.

        A count that rose tells of a new window, unless calls that left together and arrived in another order
        explain it: those are among the later ones, and no more than may be in flight. One that goes on just after
        the window's end tells that this began later than it seemed.
        """
        if heard.refused:
            self._refused(heard.refused, heard.wait, now)
        elif left > self.heard_of:
            in_order = left >= self.heard_at or left - self.heard_of >= TOGETHER
            slack = 0 if in_order else min(later, in_flight)
            if heard.minute_left is not None:
                before = self.minute_left if self.minute_left is not None else heard.minute_left
                anew = heard.minute_left > before + slack
                goes_on = heard.minute_left < before and 0 <= left - self.minute_ends < TOGETHER
                ends = _window(self.minute_ends, left, now, MINUTE, anew=anew)
                self.minute_ends = left + TOGETHER if goes_on else ends
                self.minute_left, self.since_heard = heard.minute_left, later
            if heard.day_left is not None and left >= self.day_ends - DAY - ROUNDING:
                self._heed_day(heard.day_left, now, later, slack)
            self.heard_of, self.heard_at = left, now

    def _refused(self, what: str, wait: float | None, now: float) -> None:
        if what == "day":
            self.day_left, self.day_since, self.heard_at = 0, 0, now
            self.day_ends = now + wait if wait else _window(self.day_ends, now, now, DAY)
            self.day_sure = self.day_sure or wait is not None
        elif what == "minute":
            self.minute_left, self.since_heard = 0, 0
            self.minute_ends = now + wait if wait is not None else _window(self.minute_ends, now, now, MINUTE)
        else:
            self.paused_until = max(self.paused_until, now + (wait or PAUSES.get(what, 1.0)))

    def _heed_day(self, day_left: int, now: float, later: int, slack: int) -> None:
        if self.day_left is not None and day_left > self.day_left + slack:
            self.day_ends, self.day_used, self.day_top = now + DAY, later + 1, 0
            self.day_sure = now - self.heard_at < PROBES_EVERY
        self.day_left, self.day_since = day_left, later
        self.day_top = max(self.day_top, day_left + 1)


@dataclass(frozen=True, slots=True)
class Go:
    """Leave now; it was possible since `due`."""

    due: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again at this moment."""

    until: float


@dataclass(frozen=True, slots=True)
class Stop:
    """No such call today. The day's calls return at this moment, at the latest."""

    until: float
    sentence: str


def ask(
    budget: Budget, limits: Limits, ticket: str, work: Work, now: float, longest: float
) -> Go | Wait | Stop:
    """Whether a call may leave. It is under way then, for `longest` seconds at most; else it stands in line."""
    _forget(budget, now)
    if stop := stopped(budget, limits, work, now):
        budget.waiting.pop(ticket, None)
        return stop
    mine = budget.waiting.setdefault(ticket, Waiting(work, now, now, now))
    mine.seen = now
    ahead = sum((other.work, other.since) < (work, mine.since) for other in budget.waiting.values())
    free_at = _free_at(budget, limits, work, now, ahead)
    if free_at > now:
        mine.due = free_at
        return Wait(min(free_at, now + ASKS_EVERY))
    del budget.waiting[ticket]
    budget.flying[ticket] = Flying(now, now + longest)
    budget.count(1)
    budget.last_at = now
    return Go(mine.due)


def end(budget: Budget, ticket: str, now: float, heard: Heard | None, *, sent: bool, limits: Limits) -> None:
    """The call is over, with what its answer said; one that was never sent counts for nothing."""
    flight = budget.flying.pop(ticket, None)
    if not sent:
        budget.count(-1 if flight else 0)
        budget.last_at = 0.0
        return
    left = flight.left if flight else now - MINUTE
    later = sum(moment > left for moment in budget.ended) + len(budget.flying)
    if flight:
        budget.ended.append(now)
    if heard is not None:
        budget.heed(heard, now, left, later, limits.in_flight)


def withdraw(budget: Budget, ticket: str) -> None:
    """Leave the line."""
    budget.waiting.pop(ticket, None)


def stopped(budget: Budget, limits: Limits, work: Work, now: float) -> Stop | None:
    """Whether nothing of this work may leave before the day ends, or the next look at whether it has."""
    left, a_day = budget.left_today(limits, now), budget.a_day(limits)
    guessed = budget.day_left is not None and not budget.day_sure
    until = min(budget.day_ends, budget.heard_at + PROBES_EVERY) if guessed else budget.day_ends
    if left <= 0:
        if guessed and now >= until and not budget.flying:
            return None
        return Stop(until, f"The day's calls are used up until {_moment(max(until, now))}.")
    if work is Work.backfill and left <= a_day * limits.reserve and limits.day < UNLIMITED:
        share = f"{limits.reserve:.0%} of the day's {a_day:,} calls"
        return Stop(
            budget.day_ends, f"Backfill leaves {share} to daily work, until {_moment(budget.day_ends)}."
        )
    return None


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _window(ends: float, left: float, now: float, length: float, *, anew: bool = False) -> float:
    """The latest end of the window in which a call was counted that left then and was answered now.

    Windows follow each other, and the first one that is seen may just have begun. A call that left before the end
    of its window and came back after it may belong to either: then the window that has ended is all that is known.
    """
    if not ends or (anew and ends > now):
        return now + length
    since = now if anew else left
    return ends if ends > since else ends + length * ((since - ends) // length + 1)


def _forget(budget: Budget, now: float) -> None:
    """What ended over a minute ago, what must have ended by now, who is not heard of any more, the day before.

    A clock that was set back leaves nothing in the future.
    """
    for ticket, call in list(budget.flying.items()):
        if call.until <= now:
            del budget.flying[ticket]
            budget.ended.append(call.until)
    budget.ended = sorted(moment for moment in budget.ended if now - MINUTE < moment <= now + TOGETHER)
    for ticket, waiter in list(budget.waiting.items()):
        if waiter.seen < now - DEAD_AFTER:
            del budget.waiting[ticket]
    if budget.minute_ends > now + LONGEST_MINUTE or budget.heard_of > now + TOGETHER:
        budget.minute_left, budget.minute_ends, budget.heard_of, budget.last_at = None, 0.0, 0.0, 0.0
    if now >= budget.day_ends:
        budget.day_ends = _window(budget.day_ends, now, now, DAY)
        budget.day_left, budget.day_since, budget.day_used = None, 0, 0


def _free_at(budget: Budget, limits: Limits, work: Work, now: float, ahead: int) -> float:
    """The moment at which there is room for so many others and one more, as far as can be seen."""
    moments = [now, budget.paused_until]
    if len(budget.flying) + ahead >= limits.in_flight:
        moments.append(now + ROOM_AFTER)
    if work is not Work.live:
        moments.append(budget.last_at + (1 + ahead) * _spacing(budget, limits, now))
    if (left := budget.left(now)) is not None:
        if left <= ahead:
            # The answers to those under way may show that there is more.
            unsure = left + len(budget.flying) > ahead
            moments.append(now + ROOM_AFTER if unsure else budget.minute_ends)
    elif (over := budget.used + ahead + 1 - limits.minute) > 0:
        moments.append(budget.ended[over - 1] + MINUTE if over <= len(budget.ended) else now + ROOM_AFTER)
    return max(moments)


def _spacing(budget: Budget, limits: Limits, now: float) -> float:
    """Seconds from call to call: none for a third of a minute's calls, what is left is spread out."""
    if budget.used < limits.minute // 3:
        return 0.0
    left, ends = budget.left(now), budget.minute_ends
    if left is None:
        left, ends = limits.minute - budget.used, (budget.ended[0] if budget.ended else now) + MINUTE
    return max(MINUTE / limits.minute, (ends - now) / left if left > 0 else 0.0)
