"""What a comparison goes by, besides the two sides."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tasks.domain.periods import Period
from tasks.matching.amounts import Tolerance


@dataclass(frozen=True, slots=True)
class Terms:
    """The night's moment, until when Xero is known, the last locked day, and what the rules say.

    A document that was written later than `known_until` cannot be compared, and none where Xero was not read whole
    (None). Orders dated `in_hand` are left to backfills.

    `tolerance` is what may differ between an order and a document that people made for it. `mark` is what only the
    marks of our documents match; `bills` says that supplier orders become bills.
    """

    now: datetime
    known_until: datetime | None
    in_hand: tuple[Period, ...] = ()
    locked_until: date | None = None
    draft_for: timedelta = timedelta(days=14)
    tolerance: Tolerance = field(default_factory=Tolerance)
    mark: re.Pattern[str] | None = None
    bills: bool = False

    def is_ours(self, mark: str) -> bool:
        """Whether a document with this mark is one of ours."""
        return bool(self.mark and self.mark.fullmatch(mark))
