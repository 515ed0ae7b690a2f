"""Reads connections.toml: connections and rules. Secrets never stand in it, only where they are to be found."""

import hashlib
import os
import re
import tomllib
from collections.abc import Callable
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urljoin
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from tasks.connections.places import line_of
from tasks.domain.budget import UNLIMITED, Limits
from tasks.domain.errors import Mistake, SettingsError
from tasks.ledger.consents import App
from tasks.ledger.pins import Pin
from tasks.mapping.rules import Rules

CONFIG_VARIABLE = "MONSTOCK_XERO_CONFIG"
LEDGER_VARIABLE = "LEDGER_URL"
REPORTS_VARIABLE = "MONSTOCK_XERO_REPORTS"
SANDBOX_FILE = Path(__file__).with_name("sandbox.toml")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def key_digest(*parts: str) -> str:
    """A short name for something that is not to be shown."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


class SecretPlace(_Model):
    """Where a secret is found: an environment variable, or a Prefect Secret block."""

    env: str | None = None
    block: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.block is None):
            raise ValueError('names one place: { env = "VARIABLE" } or { block = "prefect-secret-block" }')
        return self


Address = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class CallLimits(_Model):
    """What one side grants us in calls, by default as Monstock does; 0 means that there is no limit."""

    minute: Annotated[int, Field(ge=0)] = 300
    in_flight: Annotated[int, Field(ge=0)] = 10
    day: Annotated[int, Field(ge=0)] = 0
    reserve: Annotated[float, Field(ge=0, lt=1)] = 0.2

    @property
    def given(self) -> Limits | None:
        """As limits to keep; None where there is none at all."""
        if not (self.minute or self.in_flight or self.day):
            return None
        numbers = {name: getattr(self, name) or UNLIMITED for name in ("minute", "in_flight", "day")}
        return Limits(**numbers, reserve=self.reserve)


class XeroLimits(CallLimits):
    """What Xero grants an organisation. `reserve` is the share of the day that backfill leaves."""

    minute: Annotated[int, Field(ge=0)] = 60
    in_flight: Annotated[int, Field(ge=0)] = 5
    day: Annotated[int, Field(ge=0)] = 5000


class MonstockSettings(_Model):
    """How Monstock is reached. `url` is the base of its API, version included."""

    url: Address
    api_key: SecretPlace
    webhook_secret: SecretPlace | None = None
    limits: CallLimits = CallLimits()
    account: str | None = None

    @property
    def account_key(self) -> tuple[str, str]:
        """What tells one account from another: its name, where it has one, else its key, wherever that is found."""
        key = os.environ.get(self.api_key.env or "", "")
        named = self.account or (f"key {key_digest(key)}" if key else self.api_key.model_dump_json())
        return self.url.rstrip("/"), named


class XeroSettings(_Model):
    """How Xero is reached, and perhaps the one organisation that is written to: its tenant id and its name.

    Without them, the organisation is the one that a person chose with `connect`.
    """

    api_url: Address = "https://api.xero.com/api.xro/2.0"
    identity_url: Address = "https://identity.xero.com"
    login_url: Address = "https://login.xero.com"
    grant: Literal["client_credentials", "authorization_code"] = "client_credentials"
    client_id: str
    client_secret: SecretPlace | None = None
    webhook_key: SecretPlace | None = None
    tenant_id: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{36}$")] | None = None
    tenant_name: Annotated[str, Field(min_length=1)] | None = None
    limits: XeroLimits = XeroLimits()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tenant_id is None) != (self.tenant_name is None):
            raise ValueError("tenant_id and tenant_name stand together, or not at all")
        if self.is_custom and self.client_secret is None:
            raise ValueError("a custom connection (grant client_credentials) needs its client_secret")
        return self

    @property
    def is_custom(self) -> bool:
        """Whether it is a custom connection: an app of one organisation, without a consent page."""
        return self.grant == "client_credentials"

    @property
    def pin(self) -> Pin | None:
        """The organisation that is named here."""
        return Pin(self.tenant_id, self.tenant_name) if self.tenant_id and self.tenant_name else None

    @property
    def app(self) -> App:
        """The app, as consents are given to it."""
        return App(self.identity_url.rstrip("/"), self.client_id, self.grant)

    @property
    def connections_url(self) -> str:
        """Where Xero lists what a token reaches: beside the API."""
        return urljoin(self.api_url, "/connections")


def _is_a_zone(name: str) -> str:
    zones = available_timezones()
    if name not in zones:
        near = next(iter(get_close_matches(name, zones, n=1)), "Europe/London")
        raise ValueError(f'is no time zone of the IANA database; "{near}" is one')
    return name


class ConnectionSettings(Rules):
    """One connection: a Monstock account joined to a Xero organisation, with its rules."""

    monstock: MonstockSettings
    xero: XeroSettings
    # Of the nightly reconciliation, and of whatever else has an hour.
    timezone: Annotated[str, AfterValidator(_is_a_zone)] = "UTC"
    request_timeout: Annotated[float, Field(gt=0, le=120)] = 60.0
    lease_seconds: Annotated[float, Field(gt=0)] = 90.0
    # A document of ours that nobody approves for so long is a discrepancy.
    stuck_after_days: Annotated[int, Field(ge=1, le=366)] = 14
    # The longest term for which the law of a Xero country wants books and their vouchers kept.
    keep_bodies_years: Annotated[int, Field(ge=1, le=100)] = 10

    @model_validator(mode="after")
    def _request_ends_within_lease(self) -> Self:
        if self.lease_seconds <= self.request_timeout:
            raise ValueError("lease_seconds must be longer than request_timeout")
        return self

    @property
    def digest(self) -> str:
        """A short name for the rules: equal digests make equal documents."""
        rules = self.model_dump_json(include=set(Rules.model_fields))
        return hashlib.sha256(rules.encode()).hexdigest()[:16]


def _is_a_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError("names of connections are lower-case letters, digits and dashes")
    return name


class Settings(_Model):
    """The whole file."""

    connections: Annotated[
        dict[Annotated[str, AfterValidator(_is_a_name)], ConnectionSettings], Field(min_length=1)
    ]

    @model_validator(mode="after")
    def _connections_keep_apart(self) -> Self:
        """What shares an organisation or an account has a prefix of its own, and of an account its own orders."""
        for (one, a), (two, b) in combinations(self.connections.items(), 2):
            account = a.monstock.account_key == b.monstock.account_key
            shared = "read one Monstock account" if account else "write to one organisation"
            # Organisations that are not named here are looked at by `connect`.
            organisation = a.xero.pin is not None and a.xero.pin.is_of(b.xero.tenant_id or "")
            if a.prefix == b.prefix and (account or organisation):
                sentence = f'"{one}" and "{two}" {shared}: give each its own prefix'
                raise _mistaken(("connections", two, "prefix"), sentence, b.prefix)
            if account and a.orders.overlaps(b.orders):
                sentence = (
                    f'"{one}" and "{two}" {shared}, and an order could belong to both: give each an order filter '
                    "with channels, warehouses or currencies that the other has not"
                )
                raise _mistaken(("connections", two, "orders"), sentence, b.orders)
        return self

    def beside(self, name: str) -> list[str]:
        """The other connections over the same Monstock account."""
        account = self.connections[name].monstock.account_key
        return [
            other
            for other, connection in self.connections.items()
            if other != name and connection.monstock.account_key == account
        ]


def settings_file() -> Path:
    """The file in use: MONSTOCK_XERO_CONFIG, else the one for the sandbox."""
    given = os.environ.get(CONFIG_VARIABLE)
    return Path(given).expanduser() if given else SANDBOX_FILE


def ledger_url() -> str:
    """LEDGER_URL, else a SQLite file in the user's home."""
    return os.environ.get(LEDGER_VARIABLE) or f"sqlite:///{Path.home() / '.monstock-xero' / 'ledger.db'}"


def reports_folder() -> Path:
    """Where reports are written: MONSTOCK_XERO_REPORTS, else a folder in the user's home."""
    given = os.environ.get(REPORTS_VARIABLE)
    return Path(given).expanduser() if given else Path.home() / ".monstock-xero" / "reports"


def load(path: Path | None = None) -> Settings:
    """Read and validate the file. Raises `SettingsError` with every mistake and its place."""
    path = path or settings_file()
    try:
        stands = path.stat()
        return _load(path, stands.st_ino, stands.st_mtime_ns, stands.st_size)
    except OSError as error:
        raise SettingsError([Mistake(str(path), f"cannot be read: {error.strerror}")]) from None


@lru_cache(maxsize=8)
def _load(path: Path, *_: int) -> Settings:
    """Read once while the file stands as it is; every task asks for it."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError([Mistake(str(path), f"is not UTF-8 text: {error.reason}")]) from None
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{path}:{line[1] if line else len(text.splitlines())}"
        raise SettingsError([Mistake(place, f"is not TOML: {error}")]) from None
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise SettingsError([_mistake(path, text, found) for found in error.errors()]) from None


def connection_settings(name: str, settings: Settings | None = None) -> ConnectionSettings:
    """One connection's settings. Raises `SettingsError` naming those there are."""
    settings = settings or load()
    if name not in settings.connections:
        known = ", ".join(sorted(settings.connections))
        raise SettingsError([Mistake(str(settings_file()), f'has no connection "{name}"; it has {known}.')])
    return settings.connections[name]


def secret(place: SecretPlace, what: str) -> SecretStr:
    """Fetch a secret from its place. Raises `SettingsError` if it is not there."""
    if place.env is not None:
        value = os.environ.get(place.env)
        if value is None and place.env in _SANDBOX_SECRETS:
            value = _SANDBOX_SECRETS[place.env]
        if not value:
            raise SettingsError([Mistake(what, f"environment variable {place.env} is not set.")])
        return SecretStr(value)
    try:
        return SecretStr(_block_readers[-1](place.block or ""))
    except (ValueError, IndexError) as error:
        raise SettingsError(
            [Mistake(what, f"Prefect Secret block {place.block} cannot be read: {error}")]
        ) from None


def read_blocks_with(reader: Callable[[str], str]) -> None:
    """Say how Prefect Secret blocks are read; this room knows nothing of Prefect. Errors are `ValueError`."""
    _block_readers.append(reader)


_block_readers: list[Callable[[str], str]] = []

# The sandbox is no secret: its words work without any set-up, and nowhere else.
_SANDBOX_SECRETS = {
    "SANDBOX_MONSTOCK_KEY": "sandbox-key",
    "SANDBOX_MONSTOCK_WEBHOOK_SECRET": "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC1vZi1tb25zdG9jaw==",
    "SANDBOX_XERO_SECRET": "sandbox-secret",
    "SANDBOX_XERO_WEBHOOK_KEY": "sandbox-webhook-key",
}


# What stands at these settings by mistake may be the secret itself: it is never repeated.
_SECRETS = {"api_key", "client_secret", "webhook_key", "webhook_secret"}


def _mistaken(place: tuple[str, ...], sentence: str, given: object) -> ValidationError:
    """A mistake that only the whole file shows, at its own place."""
    error = PydanticCustomError("value_error", "{sentence}", {"sentence": sentence})
    return ValidationError.from_exception_data(
        "Settings", [InitErrorDetails(type=error, loc=place, input=given)]
    )


def _mistake(path: Path, text: str, found: Any) -> Mistake:
    dotted = ".".join(str(part) for part in found["loc"] if part != "[key]") or "the file"
    line = line_of(text, found["loc"])
    place = f"{path}:{line}: {dotted}" if line else f"{path}: {dotted}"
    sentence = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        sentence = "is not a setting; check its spelling and its table."
    elif found["type"] == "missing":
        sentence = "is required and missing."
    elif found["type"] == "model_type" and found["loc"][-1] in _SECRETS:
        sentence = (
            'names where the secret is found, { env = "VARIABLE" }; the secret never stands in the file.'
        )
    elif not (isinstance(found["input"], BaseModel | dict | list) or _SECRETS & set(found["loc"])):
        shown = found["input"]
        sentence = f"{sentence} (it is {repr(shown) if isinstance(shown, str) else shown})"
    return Mistake(place, sentence)
