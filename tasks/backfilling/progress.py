"""How far a backfill has come: chunks, calls used and left, and when it will be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks.ledger.backfills import Done, Stage

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Progress:
    """At a moment. `forecast` are the calls to Xero expected in all, `left` those left of the day where that is known.

    `a_minute` is what Xero grants, `a_day` what of a day's calls a backfill may use; `own` are the calls that it made
    for all its chunks. Of the chunks, `before` were done when its present run began, at `began`. Parked, it goes on at
    `resumes_at`. The `rules` have changed on its way where there are several.
    """

    chunks: Sequence[Done]
    forecast: int
    began: datetime
    now: datetime
    a_minute: int
    a_day: int
    left: int | None = None
    own: int = 0
    before: int = 0
    resumes_at: datetime | None = None
    rules: int = 1

    @property
    def done(self) -> int:
        """Chunks whose work is done."""
        return sum(chunk.stage is Stage.done for chunk in self.chunks)

    @property
    def calls(self) -> int:
        """Used so far, of chunks once they have ended."""
        return self.own + sum(chunk.calls for chunk in self.chunks)

    @property
    def documents(self) -> int:
        """Written so far, or shown."""
        return sum(chunk.documents for chunk in self.chunks)

    @property
    def share(self) -> float:
        """Of the work, in percent: by calls, where there are any to make, and by chunks."""
        by_chunks = self.done / len(self.chunks) if self.chunks else 1.0
        by_calls = min(self.calls / self.forecast, 1.0) if self.forecast else by_chunks
        return 100.0 if by_chunks == 1 else 100 * min(by_calls, 0.99)

    @property
    def ends_at(self) -> datetime | None:
        """When it will be done, at the pace so far and no faster than Xero grants; None until there is a pace.

        A parked one has a whole day's calls when it goes on.
        """
        done = self.done - self.before
        if done <= 0 and self.resumes_at is None:
            return None
        took = (self.now - self.began) / done if done > 0 else timedelta()
        left = len(self.chunks) - self.done
        calls = max(self.forecast - self.calls, 0)
        pace = max(took * left, timedelta(minutes=calls / self.a_minute))
        today = self.a_day if self.left is None or self.resumes_at else self.left
        return (self.resumes_at or self.now) + pace + DAY * max(0, -(-(calls - today) // self.a_day))

    def sentence(self) -> str:
        """In one line."""
        left = f", {self.left:,} left for it today" if self.left is not None else ""
        ends = (
            f"; done at about {self.ends_at:%Y-%m-%d %H:%M} UTC" if self.ends_at and self.share < 100 else ""
        )
        changed = " The rules changed on the way: each document follows those it was made under."
        changed = changed if self.rules > 1 else ""
        return (
            f"{self.done} of {len(self.chunks)} chunks, {self.documents:,} documents, "
            f"{self.calls:,} of {self.forecast:,} calls to Xero{left}{ends}.{changed}"
        )

    def markdown(self) -> str:
        """With a row a chunk."""
        rows = [
            f"| {chunk.period} | {chunk.stage} | {chunk.documents:,} | {chunk.calls:,} | {_cell(chunk.sentence)} |"
            for chunk in self.chunks
        ]
        head = "| dates | state | documents | calls | what happened |\n|---|---|---:|---:|---|"
        return "\n".join([self.sentence(), "", head, *rows])


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
