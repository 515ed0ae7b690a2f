"""Tokens in the ledger: sealed, and renewed by one process at a time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from pydantic import SecretStr
from sqlalchemy import update

from tasks.ledger.consents import GRACE, App, Consent, Consents, Lease, Tokens
from tasks.ledger.database import Database
from tasks.ledger.keyring import Keyring
from tasks.ledger.pins import Pins
from tasks.ledger.schema import consents as table

APP = App("https://id.example", "our-id", "authorization_code")
AT = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture
def consents(database: Database) -> Consents:
    return Consents(database, APP)


def tokens(number: int, at: datetime = AT) -> Tokens:
    until = at + timedelta(minutes=30)
    return Tokens(SecretStr(f"access-{number}"), at, until, "offline_access", SecretStr(f"refresh-{number}"))


def given(database: Database, consents: Consents) -> Consent:
    with database.begin() as tx:
        consent_id = consents.add(tx, tokens(0))
    return read(consents, consent_id)


def read(consents: Consents, consent_id: str) -> Consent:
    found = consents.get(consent_id)
    assert found is not None
    return found


def leased(consents: Consents, consent: Consent) -> Lease:
    lease = consents.lease(consent)
    assert lease is not None
    return lease


def run_out(database: Database) -> None:
    """As if the lease had been taken long ago."""
    with database.begin() as tx:
        tx.execute(update(table).values(renewer_until=datetime.now(UTC) - timedelta(seconds=1)))


def test_tokens_come_back_as_they_were_given(database: Database, consents: Consents) -> None:
    found = given(database, consents)
    assert (found.access, found.refresh) == (SecretStr("access-0"), SecretStr("refresh-0"))
    assert (found.access_until, found.dead, found.previous) == (AT + timedelta(minutes=30), None, None)


def test_the_consents_of_another_app_are_not_ours(database: Database, consents: Consents) -> None:
    found = given(database, consents)
    for change in (
        {"client_id": "other"},
        {"identity_url": "https://other"},
        {"grant": "client_credentials"},
    ):
        assert Consents(database, replace(APP, **change)).get(found.id) is None
    assert [one.id for one in consents.living()] == [found.id]


def test_one_of_many_has_the_right_to_renew(database: Database, consents: Consents) -> None:
    found = given(database, consents)
    with ThreadPoolExecutor(4) as pool:
        leases = list(pool.map(lambda _: Consents(database, APP).lease(found), range(8)))
    assert sum(lease is not None for lease in leases) == 1


def test_what_was_renewed_since_it_was_read_is_not_renewed_again(
    database: Database, consents: Consents
) -> None:
    found = given(database, consents)
    renewed = consents.renew(leased(consents, found), tokens(1), found.refresh)
    assert renewed is not None
    assert consents.lease(found) is None
    leased(consents, renewed)


def test_a_renewal_keeps_the_refresh_token_that_was_used_for_its_grace(
    database: Database, consents: Consents
) -> None:
    found = given(database, consents)
    renewed = consents.renew(leased(consents, found), tokens(1), found.refresh)
    assert renewed is not None
    assert (renewed.access, renewed.refresh) == (SecretStr("access-1"), SecretStr("refresh-1"))
    assert (renewed.previous, renewed.previous_until) == (SecretStr("refresh-0"), AT + GRACE)


def test_the_token_before_keeps_its_grace_when_it_is_used_itself(
    database: Database, consents: Consents
) -> None:
    found = given(database, consents)
    second = consents.renew(leased(consents, found), tokens(1), found.refresh)
    assert second is not None
    third = consents.renew(leased(consents, second), tokens(2, AT + GRACE / 2), second.previous)
    assert third is not None
    assert (third.refresh, third.previous) == (SecretStr("refresh-2"), SecretStr("refresh-0"))
    assert third.previous_until == AT + GRACE


def test_who_lost_the_lease_stores_nothing(database: Database, consents: Consents) -> None:
    found = given(database, consents)
    slow = leased(consents, found)
    assert consents.lease(read(consents, found.id)) is None
    run_out(database)
    quick = leased(consents, read(consents, found.id))
    assert consents.renew(slow, tokens(1), found.refresh) is None
    consents.end(slow, "too late")
    consents.give_back(slow)
    assert consents.lease(read(consents, found.id)) is None
    renewed = consents.renew(quick, tokens(2), found.refresh)
    assert renewed is not None
    assert (renewed.refresh, renewed.dead) == (SecretStr("refresh-2"), None)


def test_a_lease_that_is_given_back_is_free(database: Database, consents: Consents) -> None:
    found = given(database, consents)
    consents.give_back(leased(consents, found))
    leased(consents, found)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_lease_lasts_by_the_ledgers_clock_whatever_that_of_a_machine_says(
    database: Database, consents: Consents, hours: int
) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("the ledger is a file of the one machine")
    found = given(database, consents)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
        leased(consents, found)
    assert consents.lease(read(consents, found.id)) is None
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        assert consents.lease(read(consents, found.id)) is None
    run_out(database)
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=1)):
        leased(consents, read(consents, found.id))


def test_a_lease_is_kept_by_its_holder_alone(database: Database, consents: Consents) -> None:
    found = given(database, consents)
    slow = leased(consents, found)
    run_out(database)
    assert consents.keep(slow)
    assert consents.lease(read(consents, found.id)) is None
    run_out(database)
    leased(consents, read(consents, found.id))
    assert not consents.keep(slow)


def test_a_dead_consent_keeps_no_token(database: Database, consents: Consents) -> None:
    found = given(database, consents)
    consents.end(leased(consents, found), "revoked")
    ended = read(consents, found.id)
    assert (ended.dead, ended.access, ended.refresh, ended.previous) == ("revoked", None, None, None)
    assert consents.living() == []


def test_the_row_of_a_custom_connection_is_one_for_all(database: Database) -> None:
    app = replace(APP, grant="client_credentials")
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(lambda _: Consents(database, app).own().id, range(8)))
    assert ids == {app.own_id}


def test_a_consent_is_known_by_the_connections_that_use_it(database: Database, consents: Consents) -> None:
    found, unused = given(database, consents), given(database, consents)
    with database.begin() as tx:
        for name in ("web", "shop"):
            Pins(database, name).join(tx, f"tenant-{name}", name, found.id)
        consents.forget_unused(tx)
    assert consents.users(found.id) == ["shop", "web"]
    assert consents.of("shop") == found
    assert consents.get(unused.id) is None
    with database.begin() as tx:
        Pins(database, "web").move(tx, ["web"], None)
    assert consents.users(found.id) == ["shop"]
    pin = Pins(database, "web").read()
    assert pin is not None
    assert (pin.tenant_name, pin.consent_id) == ("web", None)


def test_a_rotated_key_still_opens_every_token(
    database: Database, consents: Consents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONSTOCK_XERO_KEY_FILE", str(tmp_path / "key"))
    found = given(database, consents)
    renewed = consents.renew(leased(consents, found), tokens(1), found.refresh)
    assert Keyring(database).rotate() == 3
    assert read(consents, found.id) == renewed


def test_no_token_is_in_clear_in_the_ledgers_files(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    consents = Consents(database, APP)
    found = given(database, consents)
    consents.renew(leased(consents, found), tokens(1), found.refresh)
    database.close()
    files = [path.read_bytes() for path in tmp_path.glob("ledger.db*")]
    assert files
    assert not any(word in content for content in files for word in (b"access-1", b"refresh-0", b"refresh-1"))
