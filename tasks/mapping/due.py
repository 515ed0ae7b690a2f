"""When a document falls due."""

import calendar
from datetime import date, timedelta

from tasks.domain.books import PaymentTerms


def due_by_terms(issued: date, terms: PaymentTerms) -> date | None:
    """The due date that Xero's payment terms give a document, or None where the type is unknown."""
    match terms.type:
        case "DAYSAFTERBILLDATE":
            return issued + timedelta(days=terms.day)
        case "DAYSAFTERBILLMONTH":
            return _day_of_month(issued, months=1, day=1) + timedelta(days=terms.day - 1)
        case "OFCURRENTMONTH":
            return max(issued, _day_of_month(issued, months=0, day=terms.day))
        case "OFFOLLOWINGMONTH":
            return _day_of_month(issued, months=1, day=terms.day)
    return None


def _day_of_month(day_in: date, months: int, day: int) -> date:
    year, month = divmod(day_in.year * 12 + day_in.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, max(1, min(day, last)))
