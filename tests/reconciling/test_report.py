"""What a person reads in the morning, and what a spreadsheet takes from it."""

import re
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from time import monotonic

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from tasks.domain.discrepancies import MEANINGS, DiscrepancyKind, Mode
from tasks.reconciling import files, page
from tasks.reconciling.night import COLUMNS, Night
from tasks.reconciling.report import Report, folder_of, write
from tests.reconciling.nights import ENDED, days, many, night, repairs, totals
from tests.reconciling.page import Page

TOTALS = totals(
    ("2026-08", "EUR", "invoices", "OUTPUT2", 10_000, 10_000, 2_000, 2_000),
    ("2026-09", "EUR", "invoices", "OUTPUT2", 10_000, 9_000, 2_000, 1_800),
    ("2026-09", "GBP", "bills", "NONE", 500, 500, 0, 0),
)
AGES = (
    timedelta(hours=2),
    timedelta(days=1),
    timedelta(days=6, hours=23),
    timedelta(days=7),
    timedelta(days=30),
)


def test_five_files_and_nothing_left_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there yet"
    report = write(night({"difference": 100}), folder)
    assert {path.name for path in folder.iterdir()} == {
        "index.html", "discrepancies.csv", "discrepancies.parquet", "control-totals.csv", "control-totals.parquet",
    }  # fmt: skip
    assert set(folder.iterdir()) == {getattr(report, name) for name in Report.__slots__}


def test_who_reads_the_old_page_reads_it_to_the_end(tmp_path: Path) -> None:
    write(night(), tmp_path)
    with (tmp_path / "index.html").open() as old:
        write(night({}), tmp_path)
        assert "All 4,812 orders and their documents agree." in old.read()


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text("old")

    def fail() -> None:
        with files.beside(path) as part:
            part.write_text("ne")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_page_begins_with_the_verdict_and_asks_no_network(tmp_path: Path) -> None:
    seen = read(night({"difference": -1_250}, {"kind": "held", "state": "seen"}, days=DAYS), tmp_path)
    assert seen.headings[0] == (
        "2 discrepancies (1 new) over 4,812 orders and 4,790 documents; difference EUR 12.50."
    )
    policy = next(meta["content"] for meta in seen.meta if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    assert seen.sources == []
    text = (tmp_path / "index.html").read_text()
    assert not re.search(r"url\(|@import|<link|<iframe", text)


def test_the_policy_lets_only_our_own_script_run(tmp_path: Path) -> None:
    from base64 import b64encode
    from hashlib import sha256

    write(night(), tmp_path)
    text = (tmp_path / "index.html").read_text()
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in unescape(text)


def test_facts_and_a_share_that_is_never_rounded_up(tmp_path: Path) -> None:
    seen = read(night({}, compared=100_000, matched=99_999, mode=Mode.all, dry_run=True), tmp_path)
    for fact in (
        "99,999 (99.99 %)", "dry run: nothing was written", "61 of 64 forecast", "Nordlicht Ltd",
        "Friday 2 October 2026, 02:00 to 02:07 UTC", "orders from 1 April 2026 on",
    ):  # fmt: skip
        assert fact in seen.text
    assert "100 %" not in seen.text
    assert "100 %" not in read(night({}), tmp_path).text
    assert "(100 %)" in read(night(), tmp_path).text


def test_control_totals_with_sums_and_what_differs(tmp_path: Path) -> None:
    table = read(night({}, totals=TOTALS), tmp_path).tables["totals"]
    rows = dict(zip(map(tuple, table.rows), table.classes, strict=True))
    sums = (
        "EUR · invoices",
        "200.00",
        "190.00",
        "10.00",
        "40.00",
        "38.00",
        "2.00",
        "240.00",
        "228.00",
        "12.00",
    )
    assert rows[sums] == "sum"
    differing = (
        "2026-09",
        "OUTPUT2",
        "100.00",
        "90.00",
        "10.00",
        "20.00",
        "18.00",
        "2.00",
        "120.00",
        "108.00",
        "12.00",
    )
    assert rows[differing] == "differs"
    assert table.classes.count("same") == 2


def test_totals_that_differ_are_told_though_no_discrepancy_stands(tmp_path: Path) -> None:
    seen = read(night(totals=TOTALS), tmp_path)
    assert "control totals differ by EUR 12.00" in seen.headings[0]
    assert "All" not in seen.headings[0]
    assert "100 %" not in seen.text


def test_kinds_by_age_with_money(tmp_path: Path) -> None:
    rows = [{"since": ENDED - age, "difference": 100, "state": "seen"} for age in AGES]
    rows += [{"kind": "held", "currency": "GBP", "order_id": "o1", "document_id": "x1", "difference": -7}]
    table = read(night(*rows), tmp_path).tables["kinds"]
    assert table.head == [
        "Kind",
        "What it is",
        "New",
        "Today",
        "2-7 days",
        "8-30 days",
        "Older",
        "All",
        "EUR",
        "GBP",
    ]
    by_kind = {row["Kind"]: row for row in table.records()}
    gross = by_kind["gross amount"]
    assert [gross[name] for name in table.head[2:]] == ["", "1", "2", "1", "1", "5", "5.00", ""]
    assert [by_kind["all"][name] for name in table.head[2:]] == ["1", "2", "2", "1", "1", "6", "5.00", "0.07"]
    assert by_kind["held"]["What it is"] == MEANINGS[DiscrepancyKind.held].sentence


def test_each_discrepancy_with_its_links_and_its_advice(tmp_path: Path) -> None:
    seen = read(
        night({"difference": 250, "ours": "12.50", "theirs": "10.00"}, {"difference": -99_000}), tmp_path
    )
    largest, other = seen.tables["standing"].records()
    assert largest["Difference"] == "EUR -990.00"
    assert other["Difference"] == "EUR 2.50"
    assert (other["Monstock"], other["Xero"], other["Date"], other["Id"]) == (
        "12.50",
        "10.00",
        "2026-09-30",
        "d1",
    )
    assert MEANINGS[DiscrepancyKind.gross].advice.replace("`", "") in other["Cause, and what to do"]
    outside = [link for link in seen.links if link["href"].startswith("http")]
    assert {link["href"] for link in outside} == {
        "https://monstock.test/customer/o1", "https://xero.test/x1",
        "https://monstock.test/customer/o2", "https://xero.test/x2",
    }  # fmt: skip
    assert all("noopener" in link["rel"].split() for link in outside)


def test_what_is_accepted_or_ended_is_folded_away_under_its_own_heading(tmp_path: Path) -> None:
    seen = read(
        night(
            {"state": "seen"},
            {"state": "accepted", "reason": "Rounding of a till"},
            {"state": "repaired"},
            {"state": "gone"},
            orders=1,
        ),
        tmp_path,
    )
    assert [row["Id"] for row in seen.tables["standing"].records()] == ["d1"]
    assert [(row["Id"], row["Reason"]) for row in seen.tables["accepted"].records()] == [
        ("d2", "Rounding of a till")
    ]
    assert [row["State"] for row in seen.tables["ended"].records()] == ["repaired", "gone"]
    text = (tmp_path / "index.html").read_text()
    for name in ("accepted", "ended"):
        assert re.search(
            rf'<details><summary>[^<]*</summary>\s*<div class="wide"><table class="rows" id="{name}"', text
        )


def test_repairs_made_or_planned(tmp_path: Path) -> None:
    made = repairs(
        ("d1", "paid amount", "CO-1", "import", "ended"), ("d2", "held", "CO-2", "export", "not known")
    )
    seen = read(night(repairs=made), tmp_path)
    assert [row["What became of it"] for row in seen.tables["repairs"].records()] == ["ended", "not known"]
    assert "Repairs" in seen.headings
    assert "Repairs" in read(night(repairs=made, gaps=["It could not be read again."]), tmp_path).headings
    planned = made.assign(outcome="planned")
    assert "Repairs planned (dry run)" in read(night(repairs=planned, dry_run=True), tmp_path).headings
    left = read(night(repairs=planned, gaps=["Xero could not be read whole."]), tmp_path)
    assert "Repairs planned, not made" in left.headings
    assert "Nothing is repaired where a side could not be read whole." in left.text


def test_nights_that_begin_in_the_same_second_have_folders_of_their_own() -> None:
    first, other = night(run_id="5b2f3c1e-0000"), night(run_id="77777777-0000")
    october, november = ((date(2026, month, 1), date(2026, month, 30)) for month in (10, 11))
    folders = [folder_of(first), folder_of(other), folder_of(first, october), folder_of(first, november)]
    assert len(set(folders)) == 4
    assert {folder.parent.name for folder in folders} == {"shop"}
    assert folders[2].name == "2026-10-02T020000-of-2026-10-01-to-2026-10-30-5b2f3c1e"


def test_names_from_outside_are_text_and_only_web_addresses_are_links(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    texts = [name for name, kind in COLUMNS.items() if kind == "str" and name not in {"kind", "state"}]
    row = dict.fromkeys(texts, evil) | {
        "order_url": "javascript:alert(1)",
        "document_url": " JavaScript:alert(1)",
    }
    found = read(
        night(
            row,
            {**row, "state": "accepted", "document_url": "//evil.test"},
            connection=evil,
            organisation=evil,
            window=evil,
            run_id=evil,
            gaps=[evil],
            totals=totals((evil, evil, evil, evil, 1, 2, 3, 4)),
            days=days((date(2026, 9, 1), evil, 1, 2)),
            repairs=repairs((evil, evil, evil, evil, evil)),
        ),
        tmp_path,
    )
    assert found.sources == []
    assert found.tables["standing"].records()[0]["Contact"] == evil
    assert all(link["href"].startswith(("#", "discrepancies.", "control-totals.")) for link in found.links)
    text = (tmp_path / "index.html").read_text()
    assert text.count("<script") == 1
    assert "<img" not in text


def test_the_picture_has_a_bar_a_day_and_its_words(tmp_path: Path) -> None:
    seen = read(night({}, days=DAYS), tmp_path)
    text = (tmp_path / "index.html").read_text()
    bars = re.findall(r'aria-roledescription="bar"', text)
    assert len(bars) == 12  # 3 days, 2 currencies, agrees and differs
    widths = [float(width) for width in re.findall(r'aria-roledescription="bar" d="M[^h]*h([\d.]+)v', text)]
    assert min(widths) > 300  # each is as wide as its day
    assert 'fill="var(--matched)"' in text
    assert 'fill="var(--unmatched)"' in text
    assert not re.search(r'(fill|stroke)="#', text)
    assert "EUR 300.00 agree, 5.50 do not: on 2 of 3 days, most on 3 September 2026 (5.00)." in seen.text
    assert len(seen.tables["days"].records()) == 6


@pytest.mark.parametrize(
    ("length", "unit", "bars"), [(90, "day", 91), (500, "week", 72), (3_000, "month", 100)]
)
def test_a_long_window_is_drawn_in_longer_steps(tmp_path: Path, length: int, unit: str, bars: int) -> None:
    begin = date(2018, 1, 1)
    long = days(*((begin + timedelta(at), "EUR", 100, 0) for at in range(length + 1)))
    seen = read(night(days=long), tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert f"Money by {unit}" in seen.headings
    assert abs(len(re.findall(r'aria-roledescription="bar"', text)) / 2 - bars) <= 1


def test_an_empty_night_has_a_page_and_empty_tables(tmp_path: Path) -> None:
    bare = pd.DataFrame()
    for empty in (
        night(orders=0, documents=0, compared=0, matched=0),
        night(totals=bare, days=bare, repairs=bare),
    ):
        seen = read(empty, tmp_path)
        assert "standing" not in seen.tables
        assert pd.read_csv(tmp_path / "control-totals.csv").empty
        frame = pd.read_parquet(tmp_path / "discrepancies.parquet")
        assert (len(frame), list(frame.columns)) == (0, list(COLUMNS))


def test_parquet_has_types_and_exact_sums(tmp_path: Path) -> None:
    big = 9_999_999_999_999_999
    cents = [big, -big + 1, -5, None]
    report = write(night(*({"difference": one} for one in cents), totals=TOTALS), tmp_path)
    table = parquet.read_table(report.discrepancies_parquet)
    assert table.schema.field("difference").type == pa.decimal128(18, 2)
    assert table.schema.field("date").type == pa.date32()
    assert pa.types.is_timestamp(table.schema.field("since").type)
    assert table.schema.field("since").type.tz == "UTC"
    assert table["difference"].to_pylist() == [
        Decimal("99999999999999.99"), Decimal("-99999999999999.98"), Decimal("-0.05"), None,
    ]  # fmt: skip
    sums = pd.read_parquet(report.totals_parquet)
    assert sums["difference_gross"].sum() == Decimal("12.00")
    assert sums["ours_net"].sum() == Decimal("205.00")


def test_csv_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    report = write(night({"difference": 1_250, "contact": 'Käserei, "Müller"\nAG'}, totals=TOTALS), tmp_path)
    assert report.discrepancies_csv.read_bytes().startswith(b"\xef\xbb\xbf")
    [row] = pd.read_csv(report.discrepancies_csv, dtype=str, keep_default_na=False).to_dict("records")
    assert row["difference"] == "12.50"
    assert row["contact"] == 'Käserei, "Müller"\nAG'
    assert (row["date"], row["since"]) == ("2026-09-30", "2026-10-02 02:07:00")
    sums = pd.read_csv(report.totals_csv)
    assert list(sums["difference_gross"]) == [0, 12, 0]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path, sign: str) -> None:
    cell = f"{sign}cmd|' /C calc'!A0"
    report = write(night({"contact": cell, "reason": cell, "ours": "-12.50", "difference": -1_250}), tmp_path)
    [row] = pd.read_csv(report.discrepancies_csv, dtype=str, lineterminator="\n").to_dict("records")
    assert row["contact"] == row["reason"] == f"'{cell}"
    assert (row["ours"], row["difference"]) == ("-12.50", "-12.50")
    assert pd.read_parquet(report.discrepancies_parquet)["contact"][0] == cell


def test_a_very_bad_night_is_cut_on_the_page_alone_and_takes_seconds(tmp_path: Path) -> None:
    bad = night(discrepancies=many(100_000))
    began = monotonic()
    report = write(bad, tmp_path)
    assert monotonic() - began < 15
    csv = pd.read_csv(report.discrepancies_csv, usecols=["difference"], dtype=str)
    assert len(csv) == 100_000
    assert sum(map(Decimal, csv["difference"].dropna())) * 100 == int(bad.discrepancies["difference"].sum())
    text = report.page.read_text()
    standing = int(bad.discrepancies["state"].isin(["open", "seen"]).sum())
    assert f"The 5,000 largest of {standing:,} are shown; the CSV has all." in text
    assert text.count('<tr data-state="open">') + text.count('<tr data-state="seen">') == page.ROWS


DAYS = days(
    *((date(2026, 9, day), "EUR", 10_000, wrong) for day, wrong in ((1, 50), (2, 0), (3, 500))),
    *((date(2026, 9, day), "GBP", 2_000, 10) for day in (1, 2, 3)),
)


def read(what: Night, folder: Path) -> Page:
    return Page(write(what, folder).page)
