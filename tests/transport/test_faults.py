"""The one table of faults, row by row."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine

from tasks.domain.errors import (
    CallError,
    NoAnswer,
    NotAuthorised,
    NotFound,
    Offline,
    Parked,
    Refused,
    ServerFault,
    Throttled,
)
from tasks.transport.faults import delay, from_exception, from_response

REQUEST = httpx.Request("PUT", "http://far.example/api/v1/Invoices?unitdp=4")
NOW = datetime(2026, 10, 1, 22, 30, tzinfo=UTC)


def answer(status: int, text: str = "", **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, text=text, headers=names, request=REQUEST)


MINUTE = {"X_Rate_Limit_Problem": "minute", "Retry_After": "17"}
AGAIN, NEVER = True, False


@pytest.mark.parametrize(
    ("response", "kind", "read", "write"),
    [
        pytest.param(answer(429, **MINUTE), Throttled, 17.0, 17.0, id="minute"),
        pytest.param(answer(429, Retry_After="0"), Throttled, 0.0, 0.0, id="now"),
        pytest.param(
            answer(429, X_Rate_Limit_Problem="concurrent"), Throttled, AGAIN, AGAIN, id="concurrency"
        ),
        pytest.param(
            answer(429, Retry_After="Thu, 01 Oct 2026 22:31:00 GMT"), Throttled, AGAIN, AGAIN, id="a date"
        ),
        pytest.param(
            answer(429, X_Rate_Limit_Problem="Day", Retry_After="60"), Parked, NEVER, NEVER, id="day"
        ),
        pytest.param(answer(429, Retry_After="301"), Parked, NEVER, NEVER, id="long wait"),
        pytest.param(answer(503, "The Organisation is offline"), Offline, AGAIN, AGAIN, id="503"),
        pytest.param(answer(500), ServerFault, AGAIN, NEVER, id="500"),
        pytest.param(answer(502), ServerFault, AGAIN, NEVER, id="502"),
        pytest.param(answer(504), ServerFault, AGAIN, NEVER, id="504"),
        pytest.param(answer(401), NotAuthorised, NEVER, NEVER, id="401"),
        pytest.param(answer(403), NotAuthorised, NEVER, NEVER, id="403"),
        pytest.param(answer(404, "<html>"), NotFound, NEVER, NEVER, id="404"),
        pytest.param(answer(400, "{}"), Refused, NEVER, NEVER, id="400"),
        pytest.param(answer(412), Refused, NEVER, NEVER, id="412"),
        pytest.param(answer(302), Refused, NEVER, NEVER, id="a redirect"),
    ],
)
def test_what_an_answer_means_and_what_is_done(
    response: httpx.Response, kind: type[Exception], read: float, write: float
) -> None:
    fault = from_response(response)
    assert type(fault) is kind
    assert (delay(fault, writing=False), delay(fault, writing=True)) == (read, write)
    assert isinstance(delay(fault, writing=True), type(write))


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_good_answer_is_no_fault(status: int) -> None:
    assert from_response(answer(status)) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), Offline),
        (httpx.ConnectTimeout("slow"), Offline),
        (httpx.PoolTimeout("busy"), Offline),
        (httpx.ReadTimeout("slow"), NoAnswer),
        (httpx.WriteTimeout("slow"), NoAnswer),
        (httpx.ReadError("reset"), NoAnswer),
        (httpx.WriteError("reset"), NoAnswer),
        (httpx.RemoteProtocolError("cut"), NoAnswer),
        (httpx.DecodingError("half a gzip"), NoAnswer),
    ],
)
def test_no_connection_was_made_or_it_was_made_and_lost(
    error: httpx.RequestError, kind: type[CallError]
) -> None:
    fault = from_exception(error, "PUT /Invoices")
    assert type(fault) is kind
    assert delay(fault, writing=False) is delay(fault, writing=True) is True
    assert str(error) in str(fault)


@pytest.mark.parametrize("error", [ValueError(), KeyError(), CallError("x")], ids=repr)
def test_what_is_not_in_the_table_is_never_tried_again(error: Exception) -> None:
    assert delay(error, writing=False) is False


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"X_Rate_Limit_Problem": "day", "Retry_After": "5400"}, timedelta(seconds=5400)),
        ({"X_Rate_Limit_Problem": "day"}, timedelta(days=1)),
        ({"Retry_After": "7200"}, timedelta(hours=2)),
    ],
)
def test_a_used_up_day_says_when_it_ends(headers: dict[str, str], wait: timedelta) -> None:
    with time_machine.travel(NOW, tick=False):
        fault = from_response(answer(429, **headers))
    assert isinstance(fault, Parked)
    assert fault.resumes_at == NOW + wait
    assert f"{NOW + wait:%Y-%m-%d %H:%M} UTC" in str(fault)


def test_a_fault_names_the_call_the_status_and_what_was_said() -> None:
    fault = from_response(answer(400, "  Invoice #\n must be unique " + "x" * 500))
    assert isinstance(fault, Refused)
    assert str(fault).startswith("PUT /api/v1/Invoices answered 400: Invoice # must be unique xxx")
    assert len(str(fault)) < 400
    assert (fault.status, fault.body.endswith(b"xxx")) == (400, True)
