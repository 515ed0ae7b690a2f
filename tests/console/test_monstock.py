"""Monstock's webhooks at the receiver's door."""

from pathlib import Path

import pytest

from deployments.console.bodies import BODY_BYTES
from tasks.ledger.told import Followed, Side
from tests.console.served import BARE, SANDBOX, Served, monstock_body, soon

KEPT = ("sandbox", "orders", "customer", "co-7")


def test_an_event_that_is_answered_is_in_the_ledger_and_somebody_is_called(served: Served) -> None:
    answer = served.monstock(monstock_body())
    assert served.kept() == [KEPT]
    assert (answer.status_code, answer.content, set(answer.headers)) == (204, b"", {"date"})
    assert soon(lambda: served.calls) == [[Followed("sandbox", Side.orders)]]


def test_an_event_that_comes_twice_is_kept_once(served: Served) -> None:
    assert [served.monstock(monstock_body()).status_code for _ in "12"] == [204, 204]
    assert served.kept() == [KEPT]


@pytest.mark.parametrize(
    "how", [{"secret": "whsec_" + "A" * 32}, {"at": -400.0}, {"at": 400.0}], ids=["secret", "old", "new"]
)
def test_what_is_not_signed_with_its_secret_just_now_is_refused(
    how: dict[str, object], served: Served
) -> None:
    answer = served.monstock(monstock_body(), **how)
    assert (answer.status_code, answer.content, set(answer.headers)) == (401, b"", BARE)
    assert served.kept() == []


def test_without_any_signature_it_is_refused(served: Served) -> None:
    assert served.post("/webhooks/monstock/sandbox", monstock_body(), {}).status_code == 401


@pytest.mark.parametrize("name", ["sandpit", "%00"])
def test_a_stranger_cannot_tell_a_connection_that_is_not_there_from_one_that_is(
    name: str, served: Served
) -> None:
    for raw in (monstock_body(), b"x" * (BODY_BYTES + 1)):
        there, not_there = (served.monstock(raw, at, secret="whsec_" + "A" * 32) for at in ("sandbox", name))
        assert there.status_code == not_there.status_code in {401, 413}
        assert (there.content, set(there.headers)) == (not_there.content, set(not_there.headers))
    assert served.monstock(monstock_body(), name).status_code == 401


@pytest.mark.parametrize("name", ["", "sandbox/", "sand%2Fbox"])
def test_what_is_no_name_is_not_found(name: str, served: Served) -> None:
    answer = served.monstock(monstock_body(), name)
    assert (answer.status_code, answer.content) == (404, b"")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("raw", [b"", b"{}", monstock_body(""), monstock_body(type_="contact.updated")])
def test_what_is_signed_and_tells_of_no_order_is_not_asked_for_again(raw: bytes, served: Served) -> None:
    assert served.monstock(raw).status_code == 204
    assert served.kept() == []


def test_every_connection_over_the_account_is_told(
    served: Served, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SANDBOX.replace("connections.sandbox", "connections.other").replace('"MS-"', '"B-"')
    filters = (
        '[connections.sandbox.orders]\nchannels = ["Web"]\n[connections.other.orders]\nchannels = ["Shop"]\n'
    )
    settings_file.write_text(SANDBOX + other + filters)
    soon(lambda: served.monstock(monstock_body(type_="x"), "other").status_code == 204)
    assert served.monstock(monstock_body(), "other").status_code == 204
    assert served.kept() == [("other", *KEPT[1:]), KEPT]
