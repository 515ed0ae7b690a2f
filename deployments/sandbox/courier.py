"""Delivers events in the background of the server's own loop: at least once, in no promised order."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count

from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import Json
from deployments.sandbox.limits import DAY
from deployments.sandbox.post import Line
from deployments.sandbox.sending import Event, LostError, Parcel, Sender, Subscription

LONGEST_PAUSE = 3_600


def pause(tries: int) -> float:
    """Seconds to wait after so many failures: 1, 2, 4 and on, at most an hour."""
    return float(min(2 ** min(tries - 1, 12), LONGEST_PAUSE))


class Courier:
    """The events of one subscription that are not delivered yet. They live in memory alone.

    `number` hands out numbers for events; `given_up` is called when 24 hours were in vain.
    """

    def __init__(
        self,
        subscription: Subscription,
        sender: Sender,
        clock: Clock,
        number: Callable[[int], int],
        given_up: Callable[[], None],
    ) -> None:
        self._to = subscription
        self._sender = sender
        self._clock = clock
        self._number = number
        self._given_up = given_up
        self._dice = random.Random(subscription.trouble.seed)  # noqa: S311 - the same each time
        self._order = count()
        self._new: list[tuple[float, int, Event]] = []
        self._again: list[tuple[float, int, Parcel]] = []
        self._flying: list[Parcel] = []
        self._failures = 0
        self._rest = 0.0
        self._wake = asyncio.Event()
        self.counts: Counter[str] = Counter()

    # -- in

    def take(self, events: Iterable[Event]) -> None:
        """Deliver these, less what is dropped, with what is repeated, when they are due."""
        trouble, now = self._to.trouble, _now()
        for event in events:
            if trouble.drop and self._dice.random() < trouble.drop:
                self.counts["dropped"] += 1
                continue
            due = now + trouble.delay_ms / 1000
            self._plan(event, due, late=trouble.shuffle)
            if trouble.repeat and self._dice.random() < trouble.repeat:
                self.counts["repeated"] += 1
                self._plan(event, due, late=True)
        self.wake()

    def _plan(self, event: Event, due: float, *, late: bool) -> None:
        if late:
            due += self._dice.random() * self._to.trouble.window_ms / 1000
        heappush(self._new, (due, next(self._order), event))

    def wake(self) -> None:
        """Something changed: look again."""
        self._wake.set()

    def state(self) -> Json:
        """Counts, and when the next try is, if one is waited for."""
        held = [parcel for _, _, parcel in self._again] + self._flying
        waiting = len(self._new) + sum(len(parcel.events) for parcel in held)
        names = ("delivered", "deliveries", "refused", "failed", "dropped", "repeated")
        due = max(self._again[0][0], self._rest) if self._again else None
        return {
            "waiting": waiting,
            **{name: self.counts[name] for name in names},
            "next_try": None if due is None else datetime.fromtimestamp(due, UTC).isoformat(),
        }

    # -- out

    async def work(self, line: Line) -> None:
        """Deliver, one body after the other, until cancelled."""
        while True:
            parcel = self._next()
            if parcel is None:
                await self._sleep()
            else:
                await self._carry(line, parcel)

    def _next(self) -> Parcel | None:
        now = self._clock.timestamp()
        if now < self._rest:
            return None
        if self._again and self._again[0][0] <= now:
            return heappop(self._again)[2]
        events: list[Event] = []
        while self._new and self._new[0][0] <= _now() and len(events) < self._sender.most:
            events.append(heappop(self._new)[2])
        if not events:
            return None
        return Parcel(events, self._sender.body(events, self._number), since=now)

    async def _sleep(self) -> None:
        self._wake.clear()
        now, waits = self._clock.timestamp(), []
        if self._new:
            waits.append(self._new[0][0] - _now())
        if self._again:
            waits.append(self._again[0][0] - now)
        left = min(waits, default=None)
        if left is not None:
            left = max(left, self._rest - now, 0.001)
        try:
            async with asyncio.timeout(left):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _carry(self, line: Line, parcel: Parcel) -> None:
        self._flying.append(parcel)
        failures = self._failures
        try:
            problem = await self._try(line, parcel)
        finally:
            self._flying.remove(parcel)
        self._to.reason = problem
        if not problem:
            self.counts["deliveries"] += 1
            self.counts["delivered"] += len(parcel.events)
            self._failures, self._rest = 0, 0.0
            return
        now = self._clock.timestamp()
        parcel.tries += 1
        self._failures = failures + 1  # those at the same time count as one
        self._rest = now + pause(self._failures)
        heappush(self._again, (now + pause(parcel.tries), next(self._order), parcel))
        if now - parcel.since >= DAY:
            self._given_up()

    async def _try(self, line: Line, parcel: Parcel) -> str:
        try:
            reply = await line.post(parcel.body, self._sender.headers(self._to.key, parcel))
        except LostError as lost:
            self.counts["failed"] += 1
            return f"the last try came to nothing: {lost}"
        if 200 <= reply.status < 300:
            return ""
        self.counts["refused"] += 1
        return f"the last try was answered {reply.status}"


def _now() -> float:
    return asyncio.get_running_loop().time()
