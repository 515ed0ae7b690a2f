"""`connect` and `disconnect`: the whole consent against the sandbox, with a browser that allows or denies."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from deployments import cli, connecting
from deployments.loopback import Loopback, PortTaken
from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection, close_all, open_connection
from tasks.domain.errors import MonstockXeroError, NeedsConsent, NotAuthorised, WrongOrganisation
from tasks.exporting.sending import writer
from tests.consent import BY_CONSENT
from tests.sandbox.api import OTHER_TENANT, TENANT
from tests.support import Connect

Run = Callable[..., Result]
FIRST, OTHER = "Sandbox Trading Ltd", "Someone Else Ltd"
# The file names no organisation.
UNNAMED = {"tenant_id =": "# tenant_id =", "tenant_name =": "# tenant_name ="}


class Browser:
    """Follows the address of the consent in a thread, as `webbrowser.open` does; `more` is what a person does there."""

    def __init__(self) -> None:
        self.more = "approve=true"
        self.opened = 0
        self.page = ""
        self._threads: list[threading.Thread] = []

    def open(self, address: str) -> bool:
        self.opened += 1
        self._threads.append(threading.Thread(target=self._follow, args=(address,)))
        self._threads[-1].start()
        return True

    def _follow(self, address: str) -> None:
        with httpx.Client(trust_env=False, follow_redirects=True) as client:
            self.page = client.get(self.changed(address)).text

    def changed(self, address: str) -> str:
        return f"{address}&{self.more}"

    def close(self) -> None:
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Any:
    opened = Browser()
    monkeypatch.setattr(connecting.webbrowser, "open", opened.open)
    yield opened
    opened.close()


@pytest.fixture
def run(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command; errors of ours come out as they are. Any free port will do."""
    monkeypatch.setattr(cli, "console", Console(width=300))

    def invoke(*arguments: str, answers: str = "") -> Result:
        extra = ["--port", "0"] if arguments[0] == "connect" else []
        return CliRunner().invoke(cli.app, [*arguments, *extra], input=answers, catch_exceptions=True)

    return invoke


@pytest.fixture
def shop(sandbox: Sandbox, connect: Connect) -> Connection:
    """A connection by consent whose file names no organisation."""
    return connect(BY_CONSENT | UNNAMED)


def add_connection(tmp_path: Path, name: str, prefix: str) -> Connection:
    """Another one of the same app."""
    file = tmp_path / "connections.toml"
    text = file.read_text()
    first = text[text.index("[connections.sandbox]") :].split("[connections.web]")[0]
    more = first.replace("connections.sandbox", f"connections.{name}").replace('"MS-"', f'"{prefix}"')
    file.write_text(text + more)
    return open_connection(name)


def failed(result: Result, kind: type[MonstockXeroError]) -> str:
    assert isinstance(result.exception, kind), (result.output, result.exception)
    return str(result.exception)


def name_of(connection: Connection) -> str:
    """The organisation that answers."""
    return str(connection.xero.organisation()["Name"])


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


def test_a_consent_that_reaches_more_is_offered_first(
    shop: Connection, run: Run, browser: Browser, tmp_path: Path
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    web = add_connection(tmp_path, "web", "W-")
    done = run("connect", "web", answers="2\n")
    assert "3  another organisation: opens Xero's consent" in done.output
    assert browser.opened == 1
    assert (name_of(shop), name_of(web)) == (FIRST, OTHER)
    assert shop.consents.users(web.organisation.consent_id or "") == ["sandbox", "web"]
    assert run("connect", "web", answers="3\n2\n").exit_code == 0
    assert browser.opened == 2
    assert web.organisation.consent_id != shop.organisation.consent_id


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


def test_a_new_consent_helps_other_connections_whose_own_has_ended(
    sandbox: Sandbox, shop: Connection, run: Run, tmp_path: Path
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    web = add_connection(tmp_path, "web", "W-")
    run("connect", "web", "--organisation", OTHER)
    sandbox.advance(61 * 86_400)
    for one in (shop, web):
        with pytest.raises(NeedsConsent, match=r"connections sandbox, web in no more: .*invalid_grant"):
            name_of(one)
    done = run("connect", "sandbox", "--organisation", FIRST)
    assert "Connection web, whose consent had ended, uses this one from now on." in done.output
    assert (name_of(shop), name_of(web)) == (FIRST, OTHER)
    assert len(shop.consents.living()) == 1


def test_disconnecting_one_of_two_leaves_the_others_consent_alone(
    sandbox: Sandbox, shop: Connection, run: Run, tmp_path: Path
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    web = add_connection(tmp_path, "web", "W-")
    run("connect", "web", "--organisation", OTHER)
    done = run("disconnect", "web", answers="y\n")
    assert f'The app is no longer connected to "{OTHER}".' in done.output
    assert "revoked" not in done.output
    assert name_of(shop) == FIRST
    with pytest.raises(NeedsConsent, match="Run `monstock-xero connect web`"):
        web.admitted()
    others = sandbox.state()["other_calls"]
    assert "POST /connect/revocation" not in others
    assert sum(name.startswith("DELETE /connections/") for name in others) == 1


def test_an_organisation_that_another_connection_writes_to_stays_connected(
    sandbox: Sandbox, shop: Connection, run: Run, tmp_path: Path
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    add_connection(tmp_path, "web", "W-")
    run("connect", "web", "--organisation", FIRST)
    done = run("disconnect", "web", "--yes")
    assert f'stays connected to "{FIRST}", for connection sandbox.' in done.output
    assert name_of(shop) == FIRST


def test_a_consent_is_not_revoked_where_that_may_end_another_one(
    sandbox: Sandbox, shop: Connection, run: Run, tmp_path: Path
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    web = add_connection(tmp_path, "web", "W-")
    run("connect", "web", answers="3\n2\n")
    ended = web.organisation.consent_id or ""
    done = run("disconnect", "web", "--yes")
    assert (
        "not revoked, for that may end another one's as well (sandbox); its tokens are forgotten"
        in done.output
    )
    assert "POST /connect/revocation" not in sandbox.state()["other_calls"]
    assert shop.consents.get(ended) is None
    assert name_of(shop) == FIRST


def test_with_its_last_connection_the_consent_is_revoked_and_forgotten(
    sandbox: Sandbox, shop: Connection, run: Run
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    refused = run("disconnect", "sandbox", answers="n\n")
    assert refused.exit_code == 1
    [consent] = shop.consents.living()
    done = run("disconnect", "sandbox", "--yes")
    assert "It was the last one: the consent is revoked." in done.output
    assert f'It stays pinned to "{FIRST}".' in done.output
    assert consent.refresh is not None
    with pytest.raises(NotAuthorised, match="invalid_grant"):
        shop.identity.refresh(consent.refresh)
    assert shop.consents.get(consent.id) is None
    with pytest.raises(NeedsConsent):
        shop.admitted()
    assert "nothing to end" in failed(run("disconnect", "sandbox", "--yes"), NeedsConsent)


def test_what_xero_has_ended_itself_is_forgotten_here_as_well(
    sandbox: Sandbox, shop: Connection, run: Run
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    sandbox.advance(61 * 86_400)
    assert "Xero let it in no more" in run("disconnect", "sandbox", "--yes").output
    assert shop.consents.users(shop.settings.xero.app.own_id) == []


def test_a_custom_connection_shows_its_one_organisation(
    sandbox: Sandbox, connect: Connect, run: Run, browser: Browser
) -> None:
    custom = connect(UNNAMED)
    with pytest.raises(NeedsConsent, match="Run `monstock-xero connect sandbox`"):
        custom.admitted()
    assert run("connect", "sandbox", answers="n\n").exit_code == 1
    done = run("connect", "sandbox", answers="y\n")
    assert f'Connection sandbox is connected to "{FIRST}"' in done.output
    assert browser.opened == 0
    assert name_of(custom) == FIRST
    assert run("disconnect", "sandbox", "--yes").exit_code == 0
    with pytest.raises(NeedsConsent):
        custom.admitted()


def test_a_renamed_organisation_is_refused_until_a_person_confirms_it(
    sandbox: Sandbox, shop: Connection, run: Run
) -> None:
    run("connect", "sandbox", "--organisation", FIRST)
    sandbox.edit("organisation", fields={"Name": "Renamed Ltd"})
    with pytest.raises(WrongOrganisation, match="confirm it with `monstock-xero connect sandbox`"):
        writer(shop, "run")
    assert run("connect", "sandbox", "--organisation", "Renamed Ltd").exit_code == 0
    writer(shop, "run")


def test_a_key_is_rotated_by_a_command_and_every_connection_goes_on(
    shop: Connection, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONSTOCK_XERO_KEY_FILE", str(tmp_path / "key"))
    run("connect", "sandbox", "--organisation", FIRST)
    before = (tmp_path / "key").read_text()
    done = run("rotate-key")
    assert "2 secrets are sealed under the new key." in done.output
    assert str(tmp_path / "key") in done.output
    assert before != (tmp_path / "key").read_text()
    close_all()
    assert name_of(open_connection("sandbox")) == FIRST


def test_check_says_since_when_it_is_connected_or_what_to_do(
    sandbox: Sandbox, shop: Connection, run: Run
) -> None:
    before = run("check")
    assert before.exit_code == 1
    assert "Run `monstock-xero connect sandbox`" in before.output
    run("connect", "sandbox", "--organisation", FIRST)
    assert f'is "{FIRST}", as pinned. Connected since 20' in run("check").output
    sandbox.advance(61 * 86_400)
    assert "Xero lets connection sandbox in no more" in run("check").output
