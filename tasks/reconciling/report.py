"""The report of a night: a page for people, and its tables as files."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tasks.reconciling import files
from tasks.reconciling.night import Night
from tasks.reconciling.page import render


@dataclass(frozen=True, slots=True)
class Report:
    """Where each part of a report stands."""

    page: Path
    discrepancies_csv: Path
    discrepancies_parquet: Path
    totals_csv: Path
    totals_parquet: Path


def folder_of(night: Night, period: tuple[date, date] | None = None) -> Path:
    """The folder of a night's report, below that of all reports: by connection, moment, period and run."""
    dates = f"-of-{period[0]}-to-{period[1]}" if period else ""
    return Path(night.connection, f"{night.began:%Y-%m-%dT%H%M%S}{dates}-{night.run_id[:8]}")


def write(night: Night, folder: Path) -> Report:
    """Write the report into a folder, which is made if need be, over what stood there.

    Each file is replaced as a whole, the page last: who opens it finds the files that belong to it. Raises `OSError`
    where the folder cannot be written.
    """
    report = Report(
        page=folder / "index.html",
        discrepancies_csv=folder / "discrepancies.csv",
        discrepancies_parquet=folder / "discrepancies.parquet",
        totals_csv=folder / "control-totals.csv",
        totals_parquet=folder / "control-totals.parquet",
    )
    page, discrepancies, totals = render(night), files.discrepancies(night), files.control_totals(night)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_parquet(discrepancies, report.discrepancies_parquet)
    files.write_csv(discrepancies, report.discrepancies_csv)
    files.write_parquet(totals, report.totals_parquet)
    files.write_csv(totals, report.totals_csv)
    with files.beside(report.page) as part:
        part.write_text(page, "utf-8")
    return report
