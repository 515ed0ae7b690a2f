"""Problems as application/problem+json."""

from deployments.sandbox.codec import Json
from deployments.sandbox.web import Answer

TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    405: "Method not allowed",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}


class ProblemError(Exception):
    """A request that is refused; `errors` are pairs of a JSON pointer and what is wrong there."""

    def __init__(self, status: int, detail: str, errors: list[tuple[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []

    def answer(self) -> Answer:
        """As it goes out."""
        body: Json = {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors]
        return Answer.json(body, self.status, "application/problem+json")
