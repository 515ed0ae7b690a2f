"""Secrets are found at their one place, and never shown."""

import pytest

from tasks.connections import settings
from tasks.connections.settings import SecretPlace, secret
from tasks.domain.errors import SettingsError
from tests.connections.files import SANDBOX, Write, line_with, mistakes

SECRET = "s3cr3t-of-ours"
PIN = 8161


@pytest.mark.parametrize(
    ("key", "said"),
    [
        pytest.param(f'"{SECRET}"', "the secret never stands in the file", id="the secret itself"),
        pytest.param(f'{{ value = "{SECRET}" }}', "is not a setting", id="in a table"),
        pytest.param(f'["{SECRET}"]', "the secret never stands in the file", id="in a list"),
        pytest.param(f'{{ env = ["{SECRET}"] }}', "valid string", id="in a list in its place"),
        pytest.param('{ env = "A", block = "b" }', "names one place", id="in two places"),
        pytest.param(f"{{ env = {PIN} }}", "valid string", id="a number in its place"),
        pytest.param("{}", "names one place", id="in none"),
    ],
)
@pytest.mark.parametrize("name", ["api_key", "client_secret", "webhook_key", "webhook_secret"])
def test_a_secret_has_one_place_and_is_not_repeated(name: str, key: str, said: str, write: Write) -> None:
    text = SANDBOX.replace(f"{name} = ", f"{name} = {key} #")
    told = mistakes(write(text))
    assert all(one.startswith(f":{line_with(text, f'{name} = ')}: connections.sandbox.") for one in told)
    assert any(said in one for one in told)
    assert not any(SECRET in one or str(PIN) in one for one in told)


def test_a_secret_comes_from_the_environment_and_stays_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", SECRET)
    found = secret(SecretPlace(env="OUR_KEY"), "connections.a.monstock.api_key")
    assert found.get_secret_value() == SECRET
    assert SECRET not in f"{found} {found!r}"


@pytest.mark.parametrize("value", [None, ""])
def test_a_secret_that_is_missing_is_named_by_its_setting(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OUR_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("OUR_KEY", value)
    with pytest.raises(SettingsError) as refused:
        secret(SecretPlace(env="OUR_KEY"), "connections.a.monstock.api_key")
    assert str(refused.value) == "connections.a.monstock.api_key: environment variable OUR_KEY is not set."


def test_a_secret_may_lie_in_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_block_readers", [])
    settings.read_blocks_with({"our-block": SECRET}.__getitem__)
    assert secret(SecretPlace(block="our-block"), "x").get_secret_value() == SECRET


def test_a_block_that_cannot_be_read_is_named_by_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    def reader(name: str) -> str:
        raise ValueError(f"there is no {name}")

    monkeypatch.setattr(settings, "_block_readers", [reader])
    with pytest.raises(SettingsError) as refused:
        secret(SecretPlace(block="our-block"), "connections.a.xero.client_secret")
    assert str(refused.value).startswith(
        "connections.a.xero.client_secret: Prefect Secret block our-block cannot be"
    )


def test_the_sandbox_needs_no_set_up_but_can_be_given_other_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    place = SecretPlace(env="SANDBOX_XERO_SECRET")
    assert secret(place, "x").get_secret_value() == "sandbox-secret"
    monkeypatch.setenv("SANDBOX_XERO_SECRET", SECRET)
    assert secret(place, "x").get_secret_value() == SECRET
