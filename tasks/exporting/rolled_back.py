"""What a rollback came to, in words for the person who asked for it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.exporting.taking_back import Line
from tasks.ledger.trail import Head, told

SHOWN = 1000
_PLACES = {"stays": 0, "waits": 1, "deleted": 2, "voided": 2, "gone before": 3, "not touched": 4}


@dataclass(frozen=True)
class RolledBack:
    """What became of everything that the runs `run_ids` did; nothing yet, if it was a dry run.

    `under_way` are documents of which nobody knows yet whether they were made; `file` has all lines where these are
    more than an artifact shows.
    """

    connection: str
    run_ids: tuple[str, ...]
    lines: Sequence[Line]
    dry_run: bool
    trail_head: Head
    under_way: int = 0
    file: Path | None = None

    def counts(self) -> Counter[str]:
        """How many things became what."""
        return Counter(line.becomes for line in self.lines)

    @property
    def gone(self) -> int:
        """How many documents were, or would be, deleted or voided."""
        return sum(line.goes for line in self.lines)

    @property
    def stays(self) -> int:
        """How many documents of the run stay."""
        return self.counts()["stays"]

    def sentence(self) -> str:
        """In one line."""
        counts = self.counts()
        would = "would be " if self.dry_run else ""
        parts = [f"{counts[word]:,} {would}{word}" for word in ("deleted", "voided")]
        parts += [f"{counts['stays']:,} stay", f"{counts['gone before']:,} were gone before"]
        if counts["not touched"]:
            parts.append(f"{counts['not touched']:,} contacts and changes are not touched")
        if counts["waits"]:
            parts.append(f"{counts['waits']:,} wait for the next day's calls")
        told = [f"Documents: {', '.join(parts)}."]
        if self.under_way:
            told.append(
                f"{self.under_way:,} more were under way: whether they stand in Xero is known once it is done."
            )
        return " ".join([*told, "Nothing was written."] if self.dry_run else told)

    def rows(self) -> list[dict[str, str]]:
        """A row for each thing, what stays first."""
        return [line.row() for line in sorted(self.lines, key=lambda line: _PLACES[line.becomes])]

    def table(self) -> list[dict[str, str]]:
        """As many as an artifact shows."""
        return self.rows()[:SHOWN] or [{"what": "the run made nothing"}]

    def markdown(self) -> str:
        """For an artifact's description."""
        cut = f" The first {SHOWN:,} are listed; all are in {self.file}." if self.file else ""
        runs = f"Rolled back: {', '.join(self.run_ids)}."
        return "\n\n".join([self.sentence() + cut, runs, told(self.connection, self.trail_head)])
