"""The first ten minutes of a new user: the demo, twice, as processes of its own."""

from pathlib import Path

from deployments.stack import Stack
from tests.deployments.processes import looks_in_proc, monstock_xero, running

pytestmark = looks_in_proc


def test_the_demo_exports_once_and_leaves_nothing_running(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    first = monstock_xero("demo", "--folder", str(tmp_path))
    assert "CompletedWithWarnings" in first
    assert "tax rate not mapped" in first
    assert str(stack.ledger) in first
    assert "<h2>Held or rejected</h2>" in (tmp_path / "report.html").read_text()
    assert not running(stack)

    second = monstock_xero("demo", "--folder", str(tmp_path))
    assert "Nothing new was exported" in second
    assert "5 discrepancies (none new)" in " ".join(second.split())
    assert len(list((tmp_path / "reports" / "sandbox").glob("*/index.html"))) == 2
    assert not running(stack)
