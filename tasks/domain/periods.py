"""Ranges of dates, cut into days, weeks or months."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum


class Chunk(Enum):
    """How much of a range is done in one run."""

    day = "a day"
    week = "a week"
    month = "a month"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From a first to a last date, both included."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """Each of its days."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    def is_within(self, other: "Period") -> bool:
        """Whether each of its dates is one of the other's."""
        return other.first <= self.first and self.last <= other.last


def cut(whole: Period, chunk: Chunk) -> Iterator[Period]:
    """The periods that make up a whole, in order; weeks begin on Monday, the first and last may be shorter."""
    first = whole.first
    while first <= whole.last:
        following = _following(first, chunk)
        yield Period(first, min(whole.last, following - timedelta(days=1)))
        first = following


def _following(day: date, chunk: Chunk) -> date:
    """The first day of the next chunk."""
    match chunk:
        case Chunk.day:
            return day + timedelta(days=1)
        case Chunk.week:
            return day + timedelta(days=7 - day.weekday())
        case Chunk.month:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
