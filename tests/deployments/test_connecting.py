"""`connect`: the whole consent against the sandbox, with a browser that allows or denies."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from deployments import cli, connecting
from deployments.loopback import Loopback, PortTaken
from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NeedsConsent, WrongOrganisation
from tasks.exporting.sending import writer
from tests.consent import BY_CONSENT
from tests.deployments.person import FIRST, OTHER, Browser, Run, add_connection, failed, name_of
from tests.sandbox.api import OTHER_TENANT, TENANT
from tests.support import Connect


def test_a_connection_that_was_never_connected_says_what_to_run(shop: Connection) -> None:
    for work in (lambda: shop.xero, lambda: shop.attempts, shop.admitted):
        with pytest.raises(NeedsConsent, match=r"not connected .* Run `monstock-xero connect sandbox`\."):
            work()


def test_a_person_consents_and_chooses_by_name(shop: Connection, run: Run, browser: Browser) -> None:
    done = run("connect", "sandbox", answers="9\n2\n")
    assert done.exit_code == 0, done.output
    assert f"1  {FIRST}  ({TENANT})" in done.output
    assert "A number from 1 to 2, please." in done.output
    assert f'Connection sandbox is connected to "{OTHER}" ({OTHER_TENANT}).' in done.output
    assert "/identity/connect/authorize?response_type=code" in done.output
    assert "You can close this window." in browser.page
    assert name_of(shop) == OTHER
    assert shop.organisation.connected_at is not None


def test_the_consent_is_asked_for_with_pkce_and_just_our_scopes(
    shop: Connection, run: Run, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[httpx.URL] = []
    monkeypatch.setattr(browser, "changed", lambda page: asked.append(httpx.URL(page)) or f"{page}&deny=true")
    run("connect", "sandbox")
    query = dict(asked[0].params)
    assert query["scope"] == (
        "offline_access accounting.invoices accounting.payments accounting.contacts accounting.settings.read"
    )
    assert (query["code_challenge_method"], len(query["code_challenge"])) == ("S256", 43)
    assert query["redirect_uri"].startswith("http://localhost:")
    assert query["redirect_uri"].endswith("/callback")
    assert len(query["state"]) >= 32


def test_one_organisation_is_shown_and_confirmed(shop: Connection, run: Run, browser: Browser) -> None:
    browser.more = f"approve=true&tenants={TENANT}"
    refused = run("connect", "sandbox", answers="n\n")
    assert refused.exit_code == 1
    assert f'Connect to "{FIRST}"?' in refused.output
    assert shop.pins.read() is None
    assert run("connect", "sandbox", answers="y\n").exit_code == 0
    assert name_of(shop) == FIRST


@pytest.mark.parametrize("named", [OTHER, OTHER.lower(), OTHER_TENANT])
def test_an_organisation_that_is_named_is_not_asked_about(shop: Connection, run: Run, named: str) -> None:
    assert run("connect", "sandbox", "--organisation", named).exit_code == 0
    assert name_of(shop) == OTHER


def test_an_organisation_that_is_not_reached_is_answered_with_those_that_are(
    shop: Connection, run: Run
) -> None:
    said = failed(run("connect", "sandbox", "--organisation", "Acme"), connecting.NotConnected)
    assert said == f'"Acme" is not reached. Reached: "{FIRST}" ({TENANT}), "{OTHER}" ({OTHER_TENANT}).'
    assert shop.pins.read() is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda page: f"{page}&deny=true", "Access was not allowed"),
        (lambda page: f"{page}&approve=true".replace("state=", "state=x"), "does not belong to this request"),
        (
            lambda page: f"{page}&approve=true".replace("&state=", "&other="),
            "does not belong to this request",
        ),
    ],
    ids=["denied", "wrong state", "no state"],
)
def test_an_answer_that_is_none_connects_nothing(
    shop: Connection,
    sandbox: Sandbox,
    run: Run,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    changed: Callable[[str], str],
    said: str,
) -> None:
    monkeypatch.setattr(browser, "changed", changed)
    assert said in failed(run("connect", "sandbox", "--organisation", FIRST), connecting.NotConnected)
    assert shop.pins.read() is None
    assert "POST /connect/token" not in sandbox.state()["other_calls"]


def test_an_error_of_xeros_page_is_named_without_what_else_stands_there() -> None:
    answer = "/callback?state=s&error=server_error%1b%5b31m&error_description=x"
    with pytest.raises(connecting.NotConnected, match=r"ended with an error \(server_errorm\)"):
        connecting._code(answer, "s")


def test_nobody_waits_for_ever(shop: Connection, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 0.01)
    monkeypatch.setattr(connecting.webbrowser, "open", lambda _: False)
    assert "No answer came" in failed(run("connect", "sandbox"), connecting.NotConnected)


def test_no_browser_is_opened_where_none_is_wanted(
    shop: Connection, run: Run, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 0.01)
    assert "/identity/connect/authorize" in run("connect", "sandbox", "--no-browser").output
    assert browser.opened == 0


def test_other_pages_and_idle_connections_do_not_disturb_the_answer() -> None:
    with Loopback(0) as loopback, httpx.Client(trust_env=False) as client:
        assert client.get(loopback.address.replace("/callback", "/favicon.ico")).status_code == 404
        assert loopback.answer(0.01) is None
        with httpx.stream("GET", loopback.address, params={"code": "c"}, trust_env=False):
            assert loopback.answer(5) == "/callback?code=c"


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with Loopback(0) as loopback:
        port = int(loopback.address.split(":")[2].split("/")[0])
        with pytest.raises(PortTaken, match=rf"Port {port} is taken\. Give another one with --port"):
            Loopback(port)


def test_a_port_that_is_none_is_refused(run: Run) -> None:
    for port in ("99999", "-1"):
        done = CliRunner().invoke(cli.app, ["connect", "sandbox", "--port", port])
        assert (done.exit_code, type(done.exception)) == (2, SystemExit)


def test_it_may_change_its_organisation_until_it_has_written(
    sandbox: Sandbox, shop: Connection, run: Run
) -> None:
    run("connect", "sandbox", "--organisation", OTHER)
    assert run("connect", "sandbox", "--organisation", FIRST).exit_code == 0
    assert name_of(shop) == FIRST
    with shop.database.begin() as tx:
        tx.exec_driver_sql(
            "insert into links (connection, kind, order_id, role, generation, document_id, document_type, origin, "
            "status, revision, updated_at, run_id) values ('sandbox', 'customer', '1', 'sale', 1, 'd', 'invoice', "
            "'made', 'DRAFT', 'r', '2026-10-01', 'run')"
        )
    said = failed(run("connect", "sandbox", "--organisation", OTHER), WrongOrganisation)
    assert f'has written to "{FIRST}" ({TENANT}) and keeps to it. Give "{OTHER}"' in said
    assert name_of(shop) == FIRST
    assert run("connect", "sandbox", "--organisation", FIRST).exit_code == 0


def test_the_organisation_in_the_settings_is_the_only_one_to_choose(
    sandbox: Sandbox, connect: Connect, run: Run
) -> None:
    pinned = connect(BY_CONSENT)
    said = failed(run("connect", "sandbox", "--organisation", OTHER), WrongOrganisation)
    assert f'name "{FIRST}" ({TENANT}), not "{OTHER}"' in said
    with pytest.raises(NeedsConsent):
        pinned.xero.organisation()
    assert run("connect", "sandbox", "--organisation", FIRST).exit_code == 0
    assert name_of(pinned) == FIRST


def test_two_connections_to_one_organisation_need_prefixes_of_their_own(
    shop: Connection, run: Run, tmp_path: Path
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    add_connection(tmp_path, "web", "MS-")
    said = failed(run("connect", "web", "--organisation", FIRST), WrongOrganisation)
    assert '"sandbox" and "web" would write to one organisation' in said
    assert run("connect", "web", "--organisation", OTHER).exit_code == 0


def test_a_renamed_organisation_is_refused_until_a_person_confirms_it(
    sandbox: Sandbox, shop: Connection, run: Run
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    sandbox.edit("organisation", fields={"Name": "Renamed Ltd"})
    with pytest.raises(WrongOrganisation, match="confirm it with `monstock-xero connect sandbox`"):
        writer(shop, "run")
    assert run("connect", "sandbox", "--organisation", "Renamed Ltd").exit_code == 0
    writer(shop, "run")
