"""How far a backfill has come, and when it will be done."""

import datetime as dt
from dataclasses import replace

import pytest

from tasks.backfilling.progress import Progress
from tasks.domain.periods import Period
from tasks.ledger.backfills import Done, Stage

BEGAN = dt.datetime(2026, 11, 30, 8, tzinfo=dt.UTC)
D = dt.date


def months(*stages: str, calls: int = 100) -> list[Done]:
    return [
        Done(
            Period(D(2026, month, 1), D(2026, month, 28)),
            f"run-{month}",
            Stage(stage),
            calls if stage in {"done", "failed"} else 0,
            40 if stage == "done" else 0,
            "What | happened.",
        )
        for month, stage in enumerate(stages, 1)
    ]


def progress(*stages: str, minutes: float = 10, left: int | None = None, calls: int = 100) -> Progress:
    return Progress(
        chunks=months(*stages, calls=calls),
        forecast=100 * len(stages),
        began=BEGAN,
        now=BEGAN + dt.timedelta(minutes=minutes),
        a_minute=60,
        a_day=4_000,
        left=left,
    )


@pytest.mark.parametrize(
    ("stages", "share"),
    [
        (["waiting", "waiting"], 0),
        (["done", "running", "waiting", "waiting"], 25),
        (["done", "failed"], 99),
        (["done", "done"], 100),
        ([], 100),
    ],
)
def test_the_share_is_that_of_the_calls_and_whole_only_when_all_is_done(
    stages: list[str], share: int
) -> None:
    assert progress(*stages).share == share


def test_with_nothing_to_write_the_chunks_count() -> None:
    assert replace(progress("done", "waiting", calls=0), forecast=0).share == 50


@pytest.mark.parametrize(
    ("now", "left", "ends"),
    [
        # Ten minutes for the first of four: thirty for the others.
        (10, None, "08:40"),
        # A chunk a second: then Xero's minute decides, 300 calls at 60.
        (1 / 60, None, "08:05"),
        # Today's calls do for all, or for none of what is left.
        (10, 300, "08:40"),
        (10, 0, "08:40 next day"),
    ],
)
def test_it_ends_at_the_pace_so_far_no_faster_than_xero_grants_and_no_sooner_than_the_days_calls_allow(
    now: float, left: int | None, ends: str
) -> None:
    at = progress("done", "waiting", "waiting", "waiting", minutes=now, left=left).ends_at
    assert at is not None
    assert f"{at:%H:%M}{' next day' if at.date() > BEGAN.date() else ''}" == ends


def test_the_pace_is_that_of_the_present_run_alone() -> None:
    """Two chunks were done on the days before: the third took ten minutes, and so will the fourth."""
    at = replace(progress("done", "done", "done", "waiting"), before=2).ends_at
    assert at is not None
    assert f"{at:%H:%M}" == "08:20"
    assert replace(progress("done", "done", "waiting", "waiting"), before=2).ends_at is None


@pytest.mark.parametrize(
    ("before", "a_day", "ends"),
    [(0, 4_000, "12-01 00:32"), (1, 4_000, "12-01 00:07"), (1, 200, "12-02 00:07")],
)
def test_a_parked_one_ends_no_sooner_than_it_goes_on_and_then_has_a_whole_day(
    before: int, a_day: int, ends: str
) -> None:
    resumes = dt.datetime(2026, 12, 1, 0, 2, tzinfo=dt.UTC)
    parked = progress("done", "parked", "waiting", "waiting", left=0)
    at = replace(parked, before=before, a_day=a_day, resumes_at=resumes).ends_at
    assert at is not None
    assert f"{at:%m-%d %H:%M}" == ends


def test_nobody_knows_the_end_before_the_first_chunk_is_done() -> None:
    assert progress("running", "waiting").ends_at is None
    assert progress("running", "waiting").sentence() == "0 of 2 chunks, 0 documents, 0 of 200 calls to Xero."


def test_it_is_told_in_a_line_and_with_a_row_a_chunk() -> None:
    told = progress("done", "failed", "parked", left=1_200)
    assert told.sentence() == (
        "1 of 3 chunks, 40 documents, 200 of 300 calls to Xero, 1,200 left for it today; "
        "done at about 2026-11-30 08:30 UTC."
    )
    assert "| 2026-02-01 to 2026-02-28 | failed | 0 | 100 | What / happened. |" in told.markdown()
