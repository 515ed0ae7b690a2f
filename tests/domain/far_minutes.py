"""A far side that counts in fixed minutes, and callers that keep a budget: time is a number, nothing sleeps."""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from tasks.domain.budget import Budget, Go, Heard, Limits, Stop, Work, ask, end


@dataclass
class FarSide:
    """Counts calls by fixed minutes from `phase` on, and those under way; `refused` says why it would not."""

    limits: Limits
    phase: float
    minutes: Counter[int] = field(default_factory=Counter)
    flying: int = 0
    most: int = 0
    refused: list[str] = field(default_factory=list)

    def arrives(self, now: float) -> int:
        """A call comes in; what is left of the minute."""
        minute = int((now - self.phase) // 60)
        self.minutes[minute] += 1
        self.flying += 1
        self.most = max(self.most, self.flying)
        if self.minutes[minute] > self.limits.minute:
            self.refused.append(f"minute at {now:.2f}")
        if self.flying > self.limits.in_flight:
            self.refused.append(f"concurrency at {now:.2f}")
        return self.limits.minute - self.minutes[minute]


@dataclass
class Played:
    """What became of a game: the far side, the waits of each caller, and when calls left."""

    far: FarSide
    waits: dict[int, list[float]]
    left: list[tuple[float, Work]]


def play(
    limits: Limits,
    callers: list[Work],
    seconds: float,
    seed: int,
    *,
    phase: float = 0.0,
    latency: tuple[float, float] = (0.02, 0.4),
    pause: dict[int, float] | None = None,
    told: bool = True,
    strangers: float = 0.0,
) -> Played:
    """Callers that ask, call, pause and ask again for so long.

    `told` says that answers name what is left of the minute; `strangers` calls a second come from elsewhere.
    """
    dice, tickets = random.Random(seed), count()
    budget, far = Budget(), FarSide(limits, phase)
    played = Played(far, {n: [] for n in range(len(callers))}, [])
    agenda: list[tuple[float, int, str, int, str, float]] = []

    def plan(at: float, what: str, who: int, ticket: str = "", about: float = 0.0) -> None:
        heapq.heappush(agenda, (at, next(tickets), what, who, ticket, about))

    for who in range(len(callers)):
        plan(dice.random() * 0.1, "ask", who, f"t{next(tickets)}", -1)
    at = 0.0
    while strangers and at < seconds:
        at += dice.expovariate(strangers)
        plan(at, "stranger", -1)
    while agenda:
        now, _, what, who, ticket, about = heapq.heappop(agenda)
        if now > seconds:
            break
        if what == "stranger":
            far.minutes[int((now - phase) // 60)] += 1
        elif what == "ask":
            since = now if about < 0 else about
            said = ask(budget, limits, ticket, callers[who], now, 30.0)
            if isinstance(said, Go):
                played.waits[who].append(now - since)
                played.left.append((now, callers[who]))
                plan(now + dice.uniform(0, latency[0]), "arrive", who, ticket)
            elif not isinstance(said, Stop):
                plan(said.until + dice.uniform(0, 0.01), "ask", who, ticket, since)
        elif what == "arrive":
            plan(now + dice.uniform(*latency), "answer", who, ticket, far.arrives(now))
        else:
            far.flying -= 1
            plan(now + dice.uniform(0, 0.01), "end", who, ticket, about) if what == "answer" else None
            if what == "end":
                far.flying += 1
                end(
                    budget,
                    ticket,
                    now,
                    Heard(minute_left=int(about) if told else None),
                    sent=True,
                    limits=limits,
                )
                plan(now + (pause or {}).get(who, 0.0), "ask", who, f"t{next(tickets)}", -1)
    return played
