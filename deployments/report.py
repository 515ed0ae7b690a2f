"""The report of a run as a page that opens from a file, with no network."""

from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape

from tasks.exporting.outcome import COLUMNS, Outcome


def write_report(path: Path, outcome: Outcome, connection: str, organisation: str, seconds: float) -> None:
    """Write the page, whatever stood there before."""
    pages = Environment(loader=PackageLoader("deployments"), autoescape=select_autoescape())
    page = pages.get_template("order_export.html").render(
        outcome=outcome,
        connection=connection,
        organisation=organisation,
        seconds=seconds,
        when=f"{datetime.now().astimezone():%A %d %B %Y, %H:%M %Z}",
        columns=[*COLUMNS, "before cut-over"],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, "utf-8")
