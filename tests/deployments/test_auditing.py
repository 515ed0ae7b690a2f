"""`monstock-xero audit`: what each command says, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli import app
from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import SettingsError
from tests.exporting.driver import export
from tests.support import Connect, line, order

Audit = Callable[..., Result]


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Audit:
    monkeypatch.setenv("COLUMNS", "300")
    return lambda *words: CliRunner().invoke(app, ["audit", *words], catch_exceptions=False)


@pytest.fixture
def exported(sandbox: Sandbox, connect: Connect) -> Connection:
    """One order written, one held."""
    connection = connect()
    contact = {"id": "7", "name": "Ada [Lovelace]", "email": "ada@example.com", "countryCode": "GB"}
    sandbox.load_orders([order(1, contact=contact), order(2, lines=[line(taxRate="17.5")])])
    export(connection)
    return connection


def sql(connection: Connection, statement: str) -> None:
    with connection.database.begin() as tx:
        tx.exec_driver_sql(statement)


def test_a_whole_chain_is_said_to_be_whole_with_its_head(exported: Connection, audit: Audit) -> None:
    done = audit("verify")
    assert done.exit_code == 0
    head = exported.trail.head()
    assert f"sandbox: {head.number} rows checked, the chain is whole; head {head}." in done.output


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("update trail set event = 'held' where number = 2", "row changed: Row 2 is not the one"),
        ("update trail set content = null where number = 2", "content missing: Without content: row 2"),
        ("delete from trail where number = 1", "row missing: Missing: row 1"),
        ("delete from trail where number > 1", "tail cut: Missing at the end: rows 2 to 3"),
    ],
)
def test_what_is_broken_is_named_and_ends_with_1(
    exported: Connection, audit: Audit, statement: str, says: str
) -> None:
    sql(exported, statement)
    done = audit("verify", "--connection", "sandbox")
    assert done.exit_code == 1
    assert says in done.output
    assert "rows checked, found broken: 1;" in done.output


def test_a_head_that_was_published_shows_a_tail_that_was_cut_with_its_head(
    exported: Connection, audit: Audit
) -> None:
    head = exported.trail.head()
    assert audit("verify", "--head", str(head)).exit_code == 0
    sql(exported, "delete from trail where number = 3")
    sql(exported, "update trail_heads set number = 2, mac = (select mac from trail where number = 2)")
    assert audit("verify").exit_code == 0
    done = audit("verify", "--head", str(head))
    assert done.exit_code == 1
    assert "Head 3 was published, and the trail ends at 2: its tail was cut." in done.output


def test_an_emptied_trail_is_named_and_ends_with_1(exported: Connection, audit: Audit) -> None:
    for table in ("trail", "trail_heads"):
        sql(exported, f"delete from {table}")
    done = audit("verify")
    assert done.exit_code == 1
    assert "trail emptied: There is neither a row nor a head, though sandbox has written" in done.output


def test_of_two_codes_for_one_head_both_are_checked(exported: Connection, audit: Audit) -> None:
    head = exported.trail.head()
    for heads in ([f"{head.number}:{'f' * 64}", str(head)], [str(head), f"{head.number}:{'f' * 64}"]):
        assert audit("verify", "--head", heads[0], "--head", heads[1]).exit_code == 1


def test_a_connection_that_left_the_file_is_verified_shown_erased_and_expired(
    exported: Connection, audit: Audit, tmp_path: Path
) -> None:
    file = tmp_path / "connections.toml"
    file.write_text(file.read_text().replace("connections.sandbox", "connections.web"))
    sql(exported, "update trail set at = '2001-01-01 00:00:00'")
    said = audit("verify")
    assert said.exit_code == 1
    assert "sandbox: 3 rows checked, found broken: 3;" in said.output
    assert "web: 0 rows checked, the chain is whole; no head." in said.output
    assert audit("verify", "--connection", "sandbox").exit_code == 1
    assert "written  customer co-1" in audit("show", "CO-2026-00001").output
    assert "2 contents about contact 7" in audit("erase", "7", "--reason", "request 12").output
    assert "sandbox: 1 contents from before" in audit("expire").output
    with pytest.raises(SettingsError):
        audit("verify", "--connection", "shop")


def test_a_head_that_is_none_is_refused_with_how_it_looks(exported: Connection, audit: Audit) -> None:
    done = audit("verify", "--head", "3:abc")
    assert done.exit_code == 2
    assert "a head is NUMBER:CODE" in done.output


def test_an_orders_rows_are_shown_with_request_and_answer(exported: Connection, audit: Audit) -> None:
    done = audit("show", "CO-2026-00001")
    assert done.exit_code == 0
    assert "written  customer co-1" in done.output
    assert '"InvoiceNumber": "MS-CO-2026-00001"' in done.output
    assert "Ada [Lovelace]" in done.output
    (row,) = json.loads(audit("show", "co-2", "--json").output)
    assert (row["event"], row["content"]["findings"][0]["cause"]) == ("held", "tax rate not mapped")


def test_of_an_order_that_nobody_knows_nothing_is_shown(exported: Connection, audit: Audit) -> None:
    with pytest.raises(Exception, match='knows no order "CO-9"'):
        audit("show", "CO-9")


def test_an_erased_person_is_gone_and_the_chain_whole(exported: Connection, audit: Audit) -> None:
    done = audit("erase", "7", "--reason", "request 12 of 1 October")
    assert "2 contents about contact 7 and its 1 orders are empty." in done.output
    shown = audit("show", "CO-2026-00001").output
    assert "Ada" not in shown
    assert "erased, or past its term" in shown
    assert audit("verify").exit_code == 0


def test_an_erasure_names_the_orders_that_still_wait(exported: Connection, audit: Audit) -> None:
    done = audit("erase", "customer-2", "--reason", "request 13")
    assert "Not settled yet, and kept until they are: CO-2026-00002." in done.output


def test_nothing_expires_before_its_term(exported: Connection, audit: Audit) -> None:
    assert "sandbox: 0 contents from before" in audit("expire").output
    sql(exported, "update trail set at = '2001-01-01 00:00:00'")
    assert "sandbox: 3 contents from before" in audit("expire").output


def test_an_order_without_rows_is_answered_with_a_sentence(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect({"export_from = 2026-01-01": "export_from = 2026-12-01"})
    sandbox.load_orders([order(1)])
    export(connection)
    done = CliRunner().invoke(app, ["audit", "show", "co-1"], catch_exceptions=False)
    said = "Nothing was written or decided about an order co-1 on connection sandbox."
    assert said in done.output.replace("\n", " ")
