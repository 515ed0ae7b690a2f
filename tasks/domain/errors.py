"""Everything that can go wrong, as a tree.

MonstockXeroError
├── SettingsError            connections.toml or the environment; names each place
├── NeedsConsent             nobody but a person can let us in again; nothing else is tried
├── WrongOrganisation        the pinned tenant is not the live one: nothing is written
├── RulesChanged             documents were to follow rules that a person saw, and others hold by now
├── LedgerError              the ledger cannot be used as it is, or not be reached
│   └── OtherSchema          its schema is an older or a newer one than ours
├── Unreadable               one record that does not keep to its contract: held, its page goes on
├── CallError                a call to Monstock or Xero
│   ├── NotAuthorised        401 that a fresh token did not cure, 403
│   ├── NotFound             404
│   ├── Refused              any other 4xx: it was not carried out
│   └── Transient            worth another try
│       ├── Throttled        429 of the minute or of concurrency: it was not carried out
│       ├── Offline          503, or no connection could be made: it was not carried out
│       ├── NoAnswer         cut, timed out or garbled: nobody knows whether it was carried out
│       └── ServerFault      500: nobody knows, and Xero keeps the answer under the idempotency key
└── Parked                   the day's calls are used up; says when they return
"""

from dataclasses import dataclass
from datetime import datetime


class MonstockXeroError(Exception):
    """The root of the tree; its text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in the settings: where (file, line and dotted path) and what to do."""

    place: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


class SettingsError(MonstockXeroError):
    """The settings cannot be used; `mistakes` has one entry for each."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


class NeedsConsent(MonstockXeroError):
    """Xero lets this connection in no more until a person gives consent again."""


class WrongOrganisation(MonstockXeroError):
    """The organisation that answers is not the one this connection is pinned to."""


class RulesChanged(MonstockXeroError):
    """Documents were to follow rules that a person has seen, and others hold by now: nothing more is changed."""


class LedgerError(MonstockXeroError):
    """The ledger cannot be used as it is."""


class OtherSchema(LedgerError):
    """The ledger's schema is not ours: `older`, and to be upgraded, or newer, and this version is to be."""

    def __init__(self, sentence: str, *, older: bool) -> None:
        super().__init__(sentence)
        self.older = older


class Unreadable(MonstockXeroError):
    """One record breaks its contract; `field` is the dotted path of the first offender."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class CallError(MonstockXeroError):
    """A call did not end with an answer that can be used."""

    def __init__(self, sentence: str, *, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(sentence)
        self.status = status
        self.body = body


class NotAuthorised(CallError):
    """The far side does not let us: credentials, scope or organisation."""


class NotFound(CallError):
    """The thing itself, or something that the request names, does not exist."""


class Refused(CallError):
    """The far side understood and said no; nothing was carried out."""


class Transient(CallError):
    """Another try may succeed."""


class Throttled(Transient):
    """Too many calls; `retry_after` in seconds where the far side said so."""

    def __init__(self, sentence: str, *, retry_after: float | None, status: int = 429) -> None:
        super().__init__(sentence, status=status)
        self.retry_after = retry_after


class Offline(Transient):
    """The far side does not work at the moment; nothing was carried out."""


class NoAnswer(Transient):
    """The request left, and no whole answer came back."""


class ServerFault(Transient):
    """An internal error of the far side."""


class Parked(MonstockXeroError):
    """The day's calls are used up until `resumes_at` (UTC)."""

    def __init__(self, sentence: str, resumes_at: datetime) -> None:
        super().__init__(sentence)
        self.resumes_at = resumes_at
