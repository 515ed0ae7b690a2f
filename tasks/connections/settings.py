"""Reads connections.toml: connections and rules. Secrets never stand in it, only where they are to be found."""

import hashlib
import os
import re
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

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
from tasks.domain.errors import Mistake, SettingsError
from tasks.mapping.rules import Rules

CONFIG_VARIABLE = "MONSTOCK_XERO_CONFIG"
LEDGER_VARIABLE = "LEDGER_URL"
SANDBOX_FILE = Path(__file__).with_name("sandbox.toml")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


class MonstockSettings(_Model):
    """How Monstock is reached. `url` is the base of its API, version included."""

    url: Address
    api_key: SecretPlace


class XeroSettings(_Model):
    """How Xero is reached, and the one organisation that is written to: its tenant id and its name."""

    api_url: Address = "https://api.xero.com/api.xro/2.0"
    identity_url: Address = "https://identity.xero.com"
    client_id: str
    client_secret: SecretPlace
    tenant_id: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{36}$")]
    tenant_name: Annotated[str, Field(min_length=1)]


class ConnectionSettings(Rules):
    """One connection: a Monstock account joined to a Xero organisation, with its rules."""

    monstock: MonstockSettings
    xero: XeroSettings
    request_timeout: Annotated[float, Field(gt=0, le=120)] = 60.0
    lease_seconds: Annotated[float, Field(gt=0)] = 90.0
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
    def _organisations_are_not_shared(self) -> Self:
        """Two connections may write to one organisation only under prefixes of their own."""
        seen: dict[tuple[str, str], str] = {}
        for name, connection in self.connections.items():
            other = seen.setdefault((connection.xero.tenant_id.lower(), connection.prefix), name)
            if other != name:
                sentence = f'"{other}" and "{name}" write to one organisation: give each its own prefix'
                raise _mistaken(("connections", name, "prefix"), sentence, connection.prefix)
        return self


def settings_file() -> Path:
    """The file in use: MONSTOCK_XERO_CONFIG, else the one for the sandbox."""
    given = os.environ.get(CONFIG_VARIABLE)
    return Path(given).expanduser() if given else SANDBOX_FILE


def ledger_url() -> str:
    """LEDGER_URL, else a SQLite file in the user's home."""
    return os.environ.get(LEDGER_VARIABLE) or f"sqlite:///{Path.home() / '.monstock-xero' / 'ledger.db'}"


def load(path: Path | None = None) -> Settings:
    """Read and validate the file. Raises `SettingsError` with every mistake and its place."""
    path = path or settings_file()
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError([Mistake(str(path), f"cannot be read: {error.strerror}")]) from None
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

# The sandbox is no secret: its two words work without any set-up, and nowhere else.
_SANDBOX_SECRETS = {"SANDBOX_MONSTOCK_KEY": "sandbox-key", "SANDBOX_XERO_SECRET": "sandbox-secret"}


# What stands at these settings by mistake may be the secret itself: it is never repeated.
_SECRETS = {"api_key", "client_secret"}


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
