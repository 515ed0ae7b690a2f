"""Collects what is found on one order, so that a person sees all of it at once."""

from tasks.domain.outcomes import Cause, Finding


class Findings:
    """What holds an order back, and what is only worth a warning."""

    def __init__(self) -> None:
        self.holds: list[Finding] = []
        self.warnings: list[Finding] = []

    def hold(self, cause: Cause, detail: str, field: str | None = None) -> None:
        """Note something that must not be sent."""
        self.holds.append(Finding(cause, detail, field))

    def warn(self, cause: Cause, detail: str, field: str | None = None) -> None:
        """Note something that was adjusted."""
        self.warnings.append(Finding(cause, detail, field))

    def cut(self, text: str, limit: int, field: str) -> str:
        """Shorten a text to Xero's limit, with a warning."""
        if len(text) <= limit:
            return text
        self.warn(Cause.text_cut, f"{field} has {len(text):,} characters; Xero takes {limit:,}.", field)
        return text[: limit - 1].rstrip() + "…"
