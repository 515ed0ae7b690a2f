"""What a handler knows of the call that it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployments.sandbox.store import Store
from deployments.sandbox.web import Request
from deployments.sandbox.xero import dates
from deployments.sandbox.xero.books import Books


@dataclass(slots=True)
class Call:
    """A call of one app on one organisation. `client` is "" for a person at the screen."""

    store: Store
    books: Books
    tenant: str
    client: str
    now: datetime
    switches: dict[str, Any]
    request: Request

    @property
    def stamp(self) -> int:
        """UpdatedDateUTC for what is written now."""
        return dates.tick(int(self.now.timestamp() * 1000))

    @property
    def today(self) -> str:
        """Today, where the organisation is."""
        return self.books.today(self.now)

    @property
    def creates_only(self) -> bool:
        """PUT: new documents only."""
        return self.request.method == "PUT"

    @property
    def unit_decimals(self) -> int:
        """Decimals of unit amounts."""
        return 4 if self.request.query.get("unitdp") == "4" else 2

    def flag(self, name: str, default: bool = False) -> bool:
        """A true or false of the query, in any case."""
        return self.request.query.get(name, str(default)).lower() == "true"
