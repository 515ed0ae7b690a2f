"""Every call is tried by the table, counted, and a write is the same at every try."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic

import httpx
import pytest
import time_machine

from tasks.domain.budget import Heard
from tasks.domain.errors import NoAnswer, NotFound, Offline, Parked, Refused, ServerFault, Throttled
from tasks.transport.http import Patience
from tests.transport.far_side import FAST, OK, FarSide, Turn

DAY = httpx.Response(429, headers={"X-Rate-Limit-Problem": "day", "Retry-After": "3600"})
BUSY = httpx.Response(429, headers={"X-Rate-Limit-Problem": "concurrent"})
CUT = httpx.Response(200, content=b'{"done": tr')


def broken_gzip(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"{}"))


TABLE: list[object] = [
    pytest.param(BUSY, True, True, Throttled, id="429"),
    pytest.param(DAY, False, False, Parked, id="429 of the day"),
    pytest.param(httpx.Response(503, text="The Organisation is offline"), True, True, Offline, id="503"),
    pytest.param(httpx.ConnectError("refused"), True, True, Offline, id="no connection"),
    pytest.param(httpx.ReadTimeout("slow"), True, True, NoAnswer, id="timeout"),
    pytest.param(httpx.ReadError("reset"), True, True, NoAnswer, id="reset"),
    pytest.param(httpx.RemoteProtocolError("cut"), True, True, NoAnswer, id="cut"),
    pytest.param(CUT, True, True, NoAnswer, id="cut JSON"),
    pytest.param(broken_gzip, True, True, NoAnswer, id="broken gzip"),
    pytest.param(httpx.Response(200, text="<html>"), True, True, NoAnswer, id="no JSON"),
    pytest.param(httpx.Response(200), True, True, NoAnswer, id="nothing"),
    pytest.param(httpx.Response(500), True, False, ServerFault, id="500"),
    pytest.param(httpx.Response(404, text="<html>"), False, False, NotFound, id="404"),
    pytest.param(httpx.Response(400, json={}), False, False, Refused, id="400"),
    pytest.param(httpx.Response(301, headers={"Location": "/"}), False, False, Refused, id="redirect"),
]


@pytest.mark.parametrize(("turn", "read_again", "write_again", "kind"), TABLE)
def test_a_read_is_tried_by_the_table(
    turn: Turn, read_again: bool, write_again: bool, kind: type[Exception]
) -> None:
    far = FarSide(turn, turn, OK)
    if read_again:
        assert far.http().read("Invoices").data == {"done": True}
    else:
        with pytest.raises(kind):
            far.http().read("Invoices")
    assert len(far.sent) == (3 if read_again else 1)


@pytest.mark.parametrize(("turn", "read_again", "write_again", "kind"), TABLE)
def test_a_write_is_tried_by_the_table(
    turn: Turn, read_again: bool, write_again: bool, kind: type[Exception]
) -> None:
    far = FarSide(turn, turn, OK)
    if write_again:
        assert far.http().write("PUT", "Invoices", b"{}").data == {"done": True}
    else:
        with pytest.raises(kind):
            far.http().write("PUT", "Invoices", b"{}")
    assert len(far.sent) == (3 if write_again else 1)


@pytest.mark.parametrize("turn", [BUSY, httpx.Response(503), httpx.ReadTimeout("slow"), CUT])
def test_patience_has_an_end(turn: Turn) -> None:
    far = FarSide(turn)
    with pytest.raises((Throttled, Offline, NoAnswer)):
        far.http().read("Invoices")
    assert len(far.sent) == FAST.attempts


def test_a_named_wait_is_kept() -> None:
    far, begun = FarSide(httpx.Response(429, headers={"Retry-After": "1"}), OK), monotonic()
    far.http().read("Invoices")
    assert 1.0 <= monotonic() - begun < 3.0


def test_every_try_of_a_write_is_the_same_to_the_byte() -> None:
    body = b'{"Invoices": [{"Url": "\xc3\xa4"}]}'
    far = FarSide(BUSY, httpx.ReadTimeout("slow"), CUT, OK)
    far.http().write("PUT", "Invoices", body, {"unitdp": "4"}, {"Idempotency-Key": "k-1"})
    assert len(far.sent) == 4
    assert all(sent == far.sent[0] for sent in far.sent)
    method, url, sent_body, headers = far.sent[0]
    assert (method, url, sent_body) == ("PUT", "http://far.example/api/v1/Invoices?unitdp=4", body)
    assert (headers["idempotency-key"], headers["content-type"]) == ("k-1", "application/json")


def test_leave_to_send_is_asked_before_every_try() -> None:
    far = FarSide(BUSY, httpx.ReadTimeout("slow"), OK)
    asked: list[int] = []
    far.http().write("PUT", "Invoices", b"{}", before_send=lambda: asked.append(len(far.sent)))
    assert asked == [0, 1, 2]


def test_without_leave_nothing_more_is_sent() -> None:
    far = FarSide(BUSY)

    def before_send() -> None:
        if len(far.sent) == 2:
            raise TimeoutError("the lease is over")

    with pytest.raises(TimeoutError):
        far.http().write("PUT", "Invoices", b"{}", before_send=before_send)
    assert len(far.sent) == 2


def test_numbers_come_as_decimals() -> None:
    far = FarSide(httpx.Response(200, content=b'{"a": 0.10, "b": 1234567890123.123456, "c": 3}'))
    data = far.http().read("Invoices").data
    assert [str(data[name]) for name in "abc"] == ["0.10", "1234567890123.123456", "3"]
    assert isinstance(data["a"], Decimal)


def test_an_answer_without_content_is_none() -> None:
    assert FarSide(httpx.Response(204)).http().read("Invoices").data is None


def test_calls_are_counted_with_all_their_tries() -> None:
    http = FarSide(BUSY, OK).http()
    http.read("Invoices/1234", {"page": "1"})
    http.write("PUT", "Contacts", b"{}")
    assert http.calls == {"GET Invoices": 2, "PUT Contacts": 1}


def test_json_is_asked_for() -> None:
    far = FarSide(OK)
    far.http(headers={"X-Own": "1"}).read("Invoices", headers={"X-Other": "2"})
    headers = far.sent[0][3]
    assert (headers["accept"], headers["x-own"], headers["x-other"]) == ("application/json", "1", "2")


@pytest.mark.parametrize(
    ("date", "ahead"),
    [("Thu, 01 Oct 2026 12:05:00 GMT", 300), ("Thu, 01 Oct 2026 11:59:00 GMT", -60), ("soon", 0), (None, 0)],
)
def test_the_far_sides_clock_is_read_from_its_answers(date: str | None, ahead: int) -> None:
    here = datetime(2026, 10, 1, 12, tzinfo=UTC)
    with time_machine.travel(here, tick=False):
        http = FarSide(httpx.Response(200, json={}, headers={"Date": date} if date else {})).http()
        answer = http.read("Invoices")
        assert http.far_now() == here + timedelta(seconds=ahead)
    assert answer.date == (here + timedelta(seconds=ahead) if ahead else None)


def test_the_clock_is_read_from_faults_as_well() -> None:
    here = datetime(2026, 10, 1, 12, tzinfo=UTC)
    with time_machine.travel(here, tick=False):
        http = FarSide(httpx.Response(400, headers={"Date": "Thu, 01 Oct 2026 13:00:00 GMT"})).http()
        with pytest.raises(Refused):
            http.read("Invoices")
        assert http.far_now() == here + timedelta(hours=1)


def test_the_usual_patience_outlasts_a_minutes_limit() -> None:
    assert Patience().timeout > 60


class Tickets:
    """A gate that writes down what happens at it."""

    def __init__(self) -> None:
        self.said: list[object] = []

    @contextmanager
    def call(self, meanwhile: object = None) -> Iterator["Tickets"]:
        self.said.append("enter")
        try:
            yield self
        finally:
            self.said.append("leave")

    def leaves(self) -> None:
        self.said.append("sent")

    def answered(self, heard: Heard) -> None:
        self.said.append(heard)


def test_every_try_passes_the_gate_and_tells_it_what_was_heard() -> None:
    gate = Tickets()
    busy = httpx.Response(429, headers={"X-Rate-Limit-Problem": "minute", "Retry-After": "0"})
    well = httpx.Response(200, json={}, headers={"X-MinLimit-Remaining": "7", "X-DayLimit-Remaining": "4000"})
    FarSide(busy, httpx.ReadTimeout("slow"), well).http(gate=gate).read("Invoices")
    assert gate.said == [
        *("enter", "sent", Heard(refused="minute", wait=0), "leave"),
        *("enter", "sent", "leave"),
        *("enter", "sent", Heard(minute_left=7, day_left=4000), "leave"),
    ]


def test_what_is_stopped_right_before_its_sending_was_not_sent() -> None:
    gate, far = Tickets(), FarSide(OK)

    def stop() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        far.http(gate=gate).write("PUT", "Invoices", b"{}", before_send=stop)
    assert gate.said == ["enter", "leave"]
    assert far.sent == []
