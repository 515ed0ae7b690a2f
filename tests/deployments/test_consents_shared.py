"""One consent for several connections: offered, renewed by a person, and ended with the last of them."""

from pathlib import Path

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection, close_all, open_connection
from tasks.domain.errors import NeedsConsent, NotAuthorised
from tests.deployments.person import FIRST, OTHER, UNNAMED, Browser, Run, add_connection, failed, name_of
from tests.support import Connect


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


def test_a_custom_connection_that_the_file_pins_is_ended_and_said_to_let_itself_in_again(
    sandbox: Sandbox, connect: Connect, run: Run
) -> None:
    pinned = connect()
    assert name_of(pinned) == FIRST
    done = run("disconnect", "sandbox", "--yes")
    assert done.exit_code == 0, done.output
    assert f'The app is no longer connected to "{FIRST}".' in done.output
    assert f'The settings still name "{FIRST}": the next run of sandbox lets itself in again' in done.output
    assert sum(name.startswith("DELETE /connections/") for name in sandbox.state()["other_calls"]) == 1
    assert pinned.consents.get(pinned.settings.xero.app.own_id) is None
    assert [row["event"] for row in pinned.trail.of([("connection", "sandbox")])] == ["disconnected"]


def test_of_two_custom_connections_that_the_file_pins_one_ends_without_the_other(
    sandbox: Sandbox, connect: Connect, run: Run, tmp_path: Path
) -> None:
    pinned = connect()
    add_connection(tmp_path, "web", "W-")
    done = run("disconnect", "web", "--yes")
    assert f'The app stays connected to "{FIRST}", for connection sandbox.' in done.output
    assert not any(name.startswith("DELETE /connections/") for name in sandbox.state()["other_calls"])
    assert pinned.consents.get(pinned.settings.xero.app.own_id) is not None
    assert name_of(pinned) == FIRST


def test_a_key_is_rotated_by_a_command_and_every_connection_goes_on(
    shop: Connection, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONSTOCK_XERO_KEY_FILE", str(tmp_path / "key"))
    run("connect", "sandbox", "--organisation", FIRST)
    before = (tmp_path / "key").read_text()
    done = run("rotate-key")
    assert "3 secrets are sealed under the new key." in done.output
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
