"""What can be wrong with a request, and the shapes in which Xero says so."""

from dataclasses import dataclass, field
from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.web import Answer

ZERO_ID = "00000000-0000-0000-0000-000000000000"
HTML = "text/html; charset=utf-8"

STATUS = "Invoice not of valid status for modification"
HAS_PAYMENT = "This document cannot be edited as it has a payment or credit note allocated to it."
ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)


class RefusedError(ValueError):
    """One element is refused. `places`: pairs of a place ("", "Contact" or a line's index) and a message."""

    def __init__(self, *problems: "str | tuple[str | int, str]", zero_id: bool = False) -> None:
        self.places = [("", problem) if isinstance(problem, str) else problem for problem in problems]
        self.zero_id = zero_id
        super().__init__("; ".join(self.messages))

    @property
    def messages(self) -> list[str]:
        """The texts."""
        return [message for _, message in self.places]


@dataclass(slots=True)
class Problems:
    """Collects what is wrong with an element; `end` refuses it if there was anything."""

    found: list[tuple[str | int, str]] = field(default_factory=list)

    def add(self, message: str, place: str | int = "") -> None:
        """One more."""
        self.found.append((place, message))

    def end(self) -> None:
        """Refuse, if anything was found."""
        if self.found:
            raise RefusedError(*self.found)


class MissingError(Exception):
    """Nothing is there: 404 as html, for the whole request."""

    def answer(self) -> Answer:
        """As Xero sends it."""
        return Answer.text(
            "<html><body>The resource you're looking for cannot be found</body></html>", 404, HTML
        )


class BadRequestError(Exception):
    """The whole request is wrong: 400."""

    def __init__(
        self, message: str, kind: str = "ValidationException", number: int = 10, elements: object = None
    ):
        super().__init__(message)
        self.body: Json = {"ErrorNumber": number, "Type": kind, "Message": message}
        if kind == "ValidationException":
            self.body["Elements"] = elements or []

    def answer(self) -> Answer:
        """As Xero sends it."""
        return Answer.json(self.body, 400)

    @classmethod
    def query(cls, message: str) -> "BadRequestError":
        """A `where`, `order` or other parameter that cannot be read."""
        return cls(message, "QueryParseException", 16)

    @classmethod
    def post(cls, message: str) -> "BadRequestError":
        """A body that cannot be read."""
        return cls(message, "PostDataInvalidException", 17)


class BarredError(Exception):
    """401 or 403, in PascalCase."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    def answer(self) -> Answer:
        """As Xero sends it."""
        body: Json = {
            "Type": None,
            "Title": {401: "Unauthorized", 403: "Forbidden"}[self.status],
            "Status": self.status,
            "Detail": self.detail,
            "Instance": str(uuid4()),
            "Extensions": {},
        }
        return Answer.json(body, self.status)
