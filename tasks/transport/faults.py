"""The one table of faults: what an answer, or its absence, means and what is done about it.

what happened                     becomes        a read                a write under its key
--------------------------------  -------------  --------------------  -----------------------------------
429 for the minute, concurrency   Throttled      again after the wait  again after the wait, same bytes
429 for the day, or a long wait   Parked         the run ends          the run ends, the write is kept
503, or no connection was made    Offline        again, backing off    again, same bytes, same key
timeout, reset, cut or bad JSON   NoAnswer       again, backing off    again, same bytes, same key
500, 502, 504                     ServerFault    again, backing off    never: read back, then a new key
401                               NotAuthorised  once with new token   once with new token, same bytes
403                               NotAuthorised  the run ends          the run ends
404                               NotFound       the caller decides    halved until the culprit stands alone
any other 4xx, or a redirect      Refused        the caller decides    halved until the culprit stands alone

What an answer says of the far side's limits goes to the gate as well (`heard`): no process sends before it may.
"""

from datetime import UTC, datetime, timedelta

import httpx

from tasks.domain.budget import Heard
from tasks.domain.errors import (
    MonstockXeroError,
    NoAnswer,
    NotAuthorised,
    NotFound,
    Offline,
    Parked,
    Refused,
    ServerFault,
    Throttled,
    Transient,
)

FULL_DAY = 86_400.0
# Nobody sleeps in line for more seconds than this.
LONGEST_WAIT = 300.0


def from_response(response: httpx.Response) -> MonstockXeroError | None:
    """The fault that an answer tells of, or None if it is a good one."""
    status = response.status_code
    if status < 300:
        return None
    said = f"{response.request.method} {response.request.url.path} answered {status}{_excerpt(response)}"
    if status == 429:
        return _throttled(response, said)
    if status == 503:
        return Offline(said, status=status, body=response.content)
    if status >= 500:
        return ServerFault(said, status=status, body=response.content)
    if status == 403:
        said += (
            ". Check that what we log in with may do this: its scopes, and the organisation that it reaches."
        )
    kind = {401: NotAuthorised, 403: NotAuthorised, 404: NotFound}.get(status, Refused)
    return kind(said, status=status, body=response.content)


def from_exception(error: httpx.RequestError, request: str) -> Transient:
    """The fault behind a connection that failed: never made, or made and lost."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Offline(f"{request}: no connection ({error})")
    return NoAnswer(f"{request}: no answer ({type(error).__name__}: {error})")


def delay(error: Exception, *, writing: bool) -> bool | float:
    """Whether to try again: False for no, True for the usual backing off, or a number of seconds."""
    if isinstance(error, Throttled) and error.retry_after is not None:
        return error.retry_after
    if isinstance(error, ServerFault):
        return not writing
    return isinstance(error, Transient)


def heard(response: httpx.Response) -> Heard:
    """What an answer says of the far side's limits, by headers as Xero sends them; Monstock sends but Retry-After."""
    if response.status_code != 429:
        return Heard(
            minute_left=_number(response, "X-MinLimit-Remaining"),
            day_left=_number(response, "X-DayLimit-Remaining"),
        )
    wait = _number(response, "Retry-After")
    problem = response.headers.get("X-Rate-Limit-Problem", "minute").lower()
    return Heard(refused="day" if _for_the_day(problem, wait) else problem, wait=wait)


def _for_the_day(problem: str, wait: float | None) -> bool:
    return problem == "day" or (wait is not None and wait > LONGEST_WAIT)


def _number(response: httpx.Response, header: str) -> int | None:
    given = response.headers.get(header, "")
    return int(given) if given.isdigit() else None


def _throttled(response: httpx.Response, said: str) -> MonstockXeroError:
    problem = response.headers.get("X-Rate-Limit-Problem", "")
    given = _number(response, "Retry-After")
    seconds = None if given is None else float(given)
    if _for_the_day(problem.lower(), seconds):
        resumes = datetime.now(UTC) + timedelta(seconds=FULL_DAY if seconds is None else seconds)
        return Parked(f"The day's calls are used up; they return at {resumes:%Y-%m-%d %H:%M} UTC.", resumes)
    return Throttled(f"{said} ({problem})" if problem else said, retry_after=seconds)


def _excerpt(response: httpx.Response) -> str:
    text = " ".join(response.text[:300].split())
    return f": {text}" if text else ""
