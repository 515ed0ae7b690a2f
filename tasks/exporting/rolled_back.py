"""What a rollback came to, in words for the person who asked for it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.exporting.taking_back import Line
from tasks.ledger.trail import Head, told

SHOWN = 1000
_PLACES = {"stays": 0, "deleted": 1, "voided": 1, "gone before": 2, "not touched": 3}


@dataclass(frozen=True)
class RolledBack:
    """What became of everything that the runs `run_ids` did; nothing yet, if it was a dry run."""

    connection: str
    run_ids: tuple[str, ...]
    lines: Sequence[Line]
    dry_run: bool
    trail_head: Head

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
        return f"Documents: {', '.join(parts)}.{' Nothing was written.' if self.dry_run else ''}"

    def table(self) -> list[dict[str, Any]]:
        """A row for each thing, what stays first."""
        lines = sorted(self.lines, key=lambda line: _PLACES[line.becomes])
        return [line.row() for line in lines[:SHOWN]] or [{"what": "the run made nothing"}]

    def markdown(self) -> str:
        """For an artifact's description."""
        cut = f" The first {SHOWN:,} are listed." if len(self.lines) > SHOWN else ""
        runs = f"Rolled back: {', '.join(self.run_ids)}."
        return "\n\n".join([self.sentence() + cut, runs, told(self.connection, self.trail_head)])
