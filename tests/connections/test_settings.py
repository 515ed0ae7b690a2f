"""connections.toml: every mistake is named with its place."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tasks.connections.settings import SANDBOX_FILE, connection_settings, ledger_url, load, settings_file
from tasks.domain.budget import Limits
from tasks.domain.errors import SettingsError
from tasks.domain.orders import Kind
from tests.connections.files import SANDBOX, Write, line_with, mistakes


def test_the_sandboxs_file_is_sound() -> None:
    sandbox = load(SANDBOX_FILE).connections["sandbox"]
    assert (sandbox.prefix, sandbox.export_from) == ("MS-", date(2026, 1, 1))
    assert sandbox.xero.tenant_name == "Sandbox Trading Ltd"
    assert [sandbox.of(kind).status for kind in Kind] == ["DRAFT", "DRAFT"]
    assert sandbox.request_timeout < sandbox.lease_seconds


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        pytest.param(
            'prefix = "MS-"',
            'prefx = "MS-"',
            "prefx",
            "is not a setting; check its spelling and its table.",
            id="unknown",
        ),
        pytest.param(
            "due_days = 30", 'due_days = "x"', "customer.due_days", "valid integer", id="wrong type"
        ),
        pytest.param(
            'prefix = "MS-"',
            'timezone = "Europe/Berln"',
            "timezone",
            "is no time zone of the IANA database; \"Europe/Berlin\" is one (it is 'Europe/Berln')",
            id="no time zone",
        ),
        pytest.param("due_days = 30", "due_days = 1.5", "customer.due_days", "(it is 1.5)", id="fraction"),
        pytest.param("due_days = 30", "due_days = -1", "customer.due_days", "(it is -1)", id="out of bounds"),
        pytest.param(
            "due_days = 30",
            'number = "{reference},"',
            "customer.number",
            "must not contain a comma",
            id="comma",
        ),
        pytest.param(
            'trigger = "confirmed"', 'trigger = "paid"', "customer.trigger", "(it is 'paid')", id="no choice"
        ),
        pytest.param(
            "order_url = ",
            'order_url = "http://m.example" #',
            "order_url",
            "must contain {kind} and {id}",
            id="no id in the address",
        ),
        pytest.param("\nurl = ", '\nurl = "monstock.example" #', "monstock.url", "pattern", id="no address"),
        pytest.param("export_from = ", 'export_from = "soon" #', "export_from", "valid date", id="no date"),
        pytest.param(
            'type = "RROUTPUT"', "type = 5", "taxes.1.type", "valid string (it is 5)", id="in a list"
        ),
        pytest.param(
            '[connections.sandbox.channel]\ncategory = "Channel"',
            '[connections.sandbox.channel]\ncategory = "Channel"\noptions."North Hall" = 1',
            "channel.options.North Hall",
            "valid string (it is 1)",
            id="a key with a space",
        ),
    ],
)
def test_a_mistake_is_named_with_file_line_and_place(
    old: str, new: str, place: str, said: str, write: Write
) -> None:
    text = SANDBOX.replace(old, new, 1)
    [told] = mistakes(write(text))
    assert told.startswith(f":{line_with(text, new.splitlines()[-1])}: connections.sandbox.{place}: ")
    assert said in told


@pytest.mark.parametrize(
    ("gone", "place", "table"),
    [
        ("export_from", "export_from", "[connections.sandbox]"),
        ("client_id", "xero.client_id", "[connections.sandbox.xero]"),
        ("api_key", "monstock.api_key", "[connections.sandbox.monstock]"),
        ('document = "invoice"', "customer.document", "[connections.sandbox.customer]"),
    ],
)
def test_what_is_missing_is_named_at_its_table(gone: str, place: str, table: str, write: Write) -> None:
    text = "\n".join(line for line in SANDBOX.splitlines() if not line.startswith(gone))
    [told] = mistakes(write(text))
    assert told == f":{line_with(text, table)}: connections.sandbox.{place}: is required and missing."


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("tenant_name", "tenant_id and tenant_name stand together, or not at all"),
        ("tenant_id", "tenant_id and tenant_name stand together, or not at all"),
        ("client_secret", "a custom connection (grant client_credentials) needs its client_secret"),
    ],
)
def test_what_belongs_together_is_named_at_its_table(gone: str, said: str, write: Write) -> None:
    text = "\n".join(line for line in SANDBOX.splitlines() if not line.startswith(gone))
    [told] = mistakes(write(text))
    assert told == f":{line_with(text, '[connections.sandbox.xero]')}: connections.sandbox.xero: {said}"


def test_a_consent_needs_neither_a_secret_nor_an_organisation_in_the_file(write: Write) -> None:
    gone = ("client_secret", "tenant_id", "tenant_name")
    text = "\n".join(line for line in SANDBOX.splitlines() if not line.startswith(gone))
    text = text.replace("client_id =", 'grant = "authorization_code"\nclient_id =')
    xero = load(write(text)).connections["sandbox"].xero
    assert (xero.pin, xero.client_secret, xero.is_custom) == (None, None, False)


def test_connections_are_listed_beside_the_api(write: Write) -> None:
    text = "\n".join(line for line in SANDBOX.splitlines() if not line.startswith("api_url"))
    assert load(write(text)).connections["sandbox"].xero.connections_url == "https://api.xero.com/connections"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[connections.a]\nprefix = \n", ":2: is not TOML: Invalid value"),
        ("[connections.a\n", ":1: is not TOML: Expected ']'"),
        ("a = 1\na = 2\n", ":2: is not TOML: Cannot overwrite"),
        ('a = """\nx', ":2: is not TOML: "),
    ],
)
def test_what_is_not_toml_is_named_with_its_line(text: str, said: str, write: Write) -> None:
    [told] = mistakes(write(text))
    assert told.startswith(said)


def test_all_mistakes_are_named_at_once(write: Write) -> None:
    text = SANDBOX.replace("due_days = 30", "due_days = -1").replace('prefix = "MS-"', 'prefix = "M,"')
    assert [told.split(": ")[1] for told in mistakes(write(text))] == [
        "connections.sandbox.prefix",
        "connections.sandbox.customer.due_days",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": connections: is required and missing."),
        ("connections = 3", ":1: connections: Input should be a valid dictionary (it is 3)"),
        ("[connections]", ":1: connections: Dictionary should have at least 1 item"),
        ("other = 1\n" + SANDBOX, ":1: other: is not a setting; check its spelling and its table."),
    ],
)
def test_a_file_needs_connections_and_nothing_else(text: str, said: str, write: Write) -> None:
    assert any(told.startswith(said) for told in mistakes(write(text)))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "none.toml") == [": cannot be read: No such file or directory"]
    (tmp_path / "latin.toml").write_bytes('a = "ä"'.encode("latin-1"))
    assert mistakes(tmp_path / "latin.toml")[0].startswith(": is not UTF-8 text")


def test_a_byte_order_mark_does_no_harm(write: Write) -> None:
    path = write("")
    path.write_bytes(b"\xef\xbb\xbf" + SANDBOX.encode())
    assert load(path) == load(SANDBOX_FILE)


@pytest.mark.parametrize("name", ["Sandbox", "sand_box", "'sand box'", "säge"])
def test_a_connections_name_is_a_word(name: str, write: Write) -> None:
    text = SANDBOX.replace(
        "connections.sandbox", f"connections.{name}" if name.isascii() else f'connections."{name}"'
    )
    [told] = mistakes(write(text))
    assert told.startswith(
        f":4: connections.{name.strip(chr(39))}: names of connections are lower-case letters"
    )


def second(**changes: str) -> str:
    """The sandbox's file with a second connection to the same organisation."""
    other = SANDBOX.replace("connections.sandbox", "connections.other")
    for old, new in changes.items():
        other = other.replace(f"{old} = ", f"{old} = {new} #")
    return SANDBOX + other


OWN_ACCOUNT = {"api_key": '{ env = "OTHER_MONSTOCK_KEY" }'}
OWN_ORGANISATION = {"tenant_id": '"5a9d0b0e-0000-4000-8000-000000000002"'}
OWN_PREFIX = {"prefix": '"B-"'}


def test_two_connections_to_one_organisation_need_prefixes_of_their_own(write: Write) -> None:
    text = second(**OWN_ACCOUNT, tenant_id='"5A9D0B0E-0000-4000-8000-000000000001"')
    [told] = mistakes(write(text))
    line = text.splitlines().index("[connections.other]") + 2
    assert told.startswith(f":{line}: connections.other.prefix: ")
    assert '"sandbox" and "other" write to one organisation' in told


def test_two_connections_over_one_account_need_prefixes_of_their_own(write: Write) -> None:
    [told] = mistakes(write(second(**OWN_ORGANISATION)))
    assert '"sandbox" and "other" read one Monstock account: give each its own prefix' in told


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("", ""),
        ("", 'channels = ["Web"]'),
        ('channels = ["Web", "Shop"]', 'channels = ["Shop"]'),
        ('channels = ["Web"]', 'warehouses = ["London"]'),
    ],
    ids=["none", "one", "shared value", "other fields"],
)
def test_an_order_that_could_belong_to_both_is_a_mistake(ours: str, theirs: str, write: Write) -> None:
    text = second(**OWN_ORGANISATION, **OWN_PREFIX)
    text += f"\n[connections.sandbox.orders]\n{ours}\n[connections.other.orders]\n{theirs}\n"
    [told] = mistakes(write(text))
    assert "connections.other.orders: " in told
    assert "an order could belong to both" in told


def test_one_key_under_two_names_is_one_account(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    text = second(**OWN_ACCOUNT, **OWN_ORGANISATION)
    assert load(write(text)).beside("sandbox") == []
    monkeypatch.setenv("SANDBOX_MONSTOCK_KEY", "the-key")
    monkeypatch.setenv("OTHER_MONSTOCK_KEY", "the-key")
    [told] = mistakes(write(text))
    assert "read one Monstock account" in told
    assert "the-key" not in told


def test_two_keys_of_one_account_are_named_as_one(write: Write) -> None:
    text = second(**OWN_ACCOUNT, **OWN_ORGANISATION)
    text = text.replace(
        'url = "http://127.0.0.1:8401/v1"', 'url = "http://127.0.0.1:8401/v1"\naccount = "acme"'
    )
    [told] = mistakes(write(text))
    assert "read one Monstock account" in told


def test_limits_may_be_set_one_by_one(write: Write) -> None:
    text = SANDBOX.replace("client_id =", "limits = { day = 1000 }\nclient_id =")
    given = load(write(text)).connections["sandbox"].xero.limits.given
    assert given == Limits(minute=60, in_flight=5, day=1000, reserve=0.2)


@pytest.mark.parametrize(
    "changes",
    [OWN_ACCOUNT | OWN_PREFIX, OWN_ACCOUNT | OWN_ORGANISATION],
    ids=["prefix", "organisation"],
)
def test_with_accounts_and_prefixes_or_organisations_of_their_own_they_are_two(
    changes: dict[str, str], write: Write
) -> None:
    both = load(write(second(**changes)))
    assert set(both.connections) == {"sandbox", "other"}
    assert both.beside("sandbox") == []


def test_with_filters_that_share_nothing_they_are_two_over_one_account(write: Write) -> None:
    text = second(**OWN_ORGANISATION, **OWN_PREFIX)
    text += (
        '[connections.sandbox.orders]\nchannels = ["Web"]\n'
        '[connections.other.orders]\nchannels = ["Shop"]\nwarehouses = ["London"]\n'
    )
    assert load(write(text)).beside("sandbox") == ["other"]


def test_a_request_ends_within_its_lease(write: Write) -> None:
    [told] = mistakes(write(SANDBOX.replace('prefix = "MS-"', "lease_seconds = 60")))
    assert told == ":4: connections.sandbox: lease_seconds must be longer than request_timeout"


def test_the_file_and_the_ledger_are_set_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LEDGER_URL", raising=False)
    monkeypatch.delenv("MONSTOCK_XERO_CONFIG", raising=False)
    assert settings_file() == SANDBOX_FILE
    assert ledger_url() == f"sqlite:///{tmp_path}/.monstock-xero/ledger.db"
    monkeypatch.setenv("MONSTOCK_XERO_CONFIG", "~/ours.toml")
    monkeypatch.setenv("LEDGER_URL", "postgresql+psycopg://host/ledger")
    assert settings_file() == tmp_path / "ours.toml"
    assert ledger_url() == "postgresql+psycopg://host/ledger"


def test_a_connection_that_is_not_there_is_answered_with_those_that_are() -> None:
    known = load(SANDBOX_FILE)
    assert connection_settings("sandbox", known) is known.connections["sandbox"]
    with pytest.raises(SettingsError, match='has no connection "sandpit"; it has sandbox'):
        connection_settings("sandpit", known)


def digest(text: str, write: Write) -> str:
    return load(write(text)).connections["sandbox"].digest


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("due_days = 30", "due_days = 31", False),
        ('# or "bill"', "# or a bill", True),
        ('prefix = "MS-"', 'prefix = "M-"', False),
        ("\nurl = ", '\nurl = "http://elsewhere.example" #', True),
        ("client_secret = ", 'client_secret = { env = "OTHER" } #', True),
        ("webhook_key = ", 'webhook_key = { env = "OTHER" } #', True),
        ("webhook_secret = ", "# ", True),
    ],
)
def test_a_digest_names_the_rules_alone(old: str, new: str, same: bool, write: Write) -> None:
    assert (digest(SANDBOX.replace(old, new), write) == digest(SANDBOX, write)) is same


def test_percentages_are_read_exactly(write: Write) -> None:
    found = load(write(SANDBOX.replace("rate = 20", "rate = 8.875")))
    assert found.connections["sandbox"].taxes[0].rate == Decimal("8.875")
