"""The budget of calls that a far side grants, and who may call when: plain arithmetic over a small state.

One budget belongs to what the far side counts by (an organisation of Xero's, an API key of Monstock's) and is
shared by all processes. The far side counts in fixed minutes that begin nobody knows when. Where its answers say
how many calls are left of the minute, they are taken at their word, less every call that may have arrived after
the one that was answered. Where nothing is known, a call is let go only if, wherever those minutes begin, no more
than the limit can fall into one of them: a call counts from the moment it leaves until a minute after it has
ended, for it arrived some time in between.

Up to half a minute's calls may go at once; what goes beyond that is spread out, so that whoever comes next is not
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
    `since_heard` calls may have come on top. The last call was let go at `last_at`. Before `paused_until` nothing
    leaves.
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

    @property
    def used(self) -> int:
        """Calls of the last minute, and under way."""
        return len(self.ended) + len(self.flying)

    def left(self, now: float) -> int | None:
        """How many calls the far side will surely take in its minute; None where it has not said."""
        known = self.minute_left is not None and now < self.minute_ends
        return (self.minute_left or 0) - self.since_heard if known else None

    def heed(self, heard: Heard, now: float, left: float, later: int, overtaking: int) -> None:
        """What the answer to a call that left then says; `later` calls may have arrived after that one.

        A count that rose tells of a new window, unless calls that left together (`overtaking` at the most) explain it.
        """
        in_order = left >= self.heard_at or left - self.heard_of >= TOGETHER
        slack = 0 if in_order else overtaking
        if heard.refused == "day":
            self.day_left = 0
            self.day_ends = now + heard.wait if heard.wait else _window(self.day_ends, now, now, DAY)
        elif heard.refused:
            self.paused_until = max(self.paused_until, now + (heard.wait or 1.0))
        elif left > self.heard_of:
            self.heard_of, self.heard_at = left, now
            if heard.minute_left is not None:
                anew = self.minute_left is not None and heard.minute_left > self.minute_left + slack
                self.minute_ends = _window(self.minute_ends, left, now, MINUTE, anew=anew)
                self.minute_left, self.since_heard = heard.minute_left, later
            if heard.day_left is not None:
                anew = self.day_left is not None and heard.day_left > self.day_left + slack
                self.day_ends = _window(self.day_ends, left, now, DAY, anew=anew)
                self.day_left = heard.day_left


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
    budget.since_heard += 1
    budget.last_at = now
    return Go(mine.due)


def end(budget: Budget, ticket: str, now: float, heard: Heard | None, *, sent: bool, limits: Limits) -> None:
    """The call is over, with what its answer said; one that was never sent counts for nothing."""
    flight = budget.flying.pop(ticket, None)
    if not sent:
        budget.since_heard -= flight is not None
        budget.last_at = 0.0
        return
    left = flight.left if flight else now - MINUTE
    later = sum(moment > left for moment in budget.ended) + len(budget.flying)
    if flight:
        budget.ended.append(now)
    if heard is not None:
        budget.heed(heard, now, left, later, min(limits.in_flight, 10))


def withdraw(budget: Budget, ticket: str) -> None:
    """Leave the line."""
    budget.waiting.pop(ticket, None)


def stopped(budget: Budget, limits: Limits, work: Work, now: float) -> Stop | None:
    """Whether nothing of this work may leave before the day ends."""
    if budget.day_left is None or now >= budget.day_ends:
        return None
    left = budget.day_left - len(budget.flying)
    when = f"{datetime.fromtimestamp(budget.day_ends, UTC):%Y-%m-%d %H:%M} UTC"
    if left <= 0:
        return Stop(budget.day_ends, f"The day's calls are used up; they return by {when}.")
    if work is Work.backfill and left <= limits.day * limits.reserve and limits.day < UNLIMITED:
        share = f"{limits.reserve:.0%} of the day's {limits.day:,} calls"
        return Stop(budget.day_ends, f"Backfill leaves {share} to daily work; it goes on by {when}.")
    return None


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
    """What ended over a minute ago, what must have ended by now, who is not heard of any more."""
    for ticket, call in list(budget.flying.items()):
        if call.until <= now:
            del budget.flying[ticket]
            budget.ended.append(call.until)
    budget.ended = sorted(moment for moment in budget.ended if moment > now - MINUTE)
    for ticket, waiter in list(budget.waiting.items()):
        if waiter.seen < now - DEAD_AFTER:
            del budget.waiting[ticket]


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
    """Seconds from call to call: none while half a minute's calls are free, else what is left is spread out."""
    if budget.used < limits.minute // 2:
        return 0.0
    left, ends = budget.left(now), budget.minute_ends
    if left is None:
        left, ends = limits.minute - budget.used, (budget.ended[0] if budget.ended else now) + MINUTE
    return max(MINUTE / limits.minute, (ends - now) / left if left > 0 else 0.0)
