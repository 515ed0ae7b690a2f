"""One comparison of two frames in this process; a line of JSON about it: seconds, peak memory, what was found.

Imports, the reading of the frames and a first round with a few rows are over before the clock starts. Memory is what
the process holds at its peak beyond what it held with both frames read.
"""

import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.comparing.control_totals import control_totals, month_of
from tasks.comparing.differences import differences
from tasks.comparing.wording import worded
from tasks.domain.discrepancies import DiscrepancyKind
from tests.benchmarks.two_sides import COMPARED, KEY, read

STATUS = Path("/proc/self/status")
Found = dict[str, int]


def ours(one: pd.DataFrame, other: pd.DataFrame) -> Found:
    """All that we find, what both sides say about it, and the control totals."""
    result = differences(one, other, KEY)
    texts = worded(result.discrepancies, one, other)
    assert len(texts) == len(result.discrepancies)
    totals(one, other)
    return {kind: number for kind, number in result.discrepancies["kind"].value_counts().items() if number}


def totals(one: pd.DataFrame, other: pd.DataFrame) -> Found:
    """The control totals alone, with the months that they need."""
    found = control_totals(*(side.assign(month=month_of(side["date"])) for side in (one, other)))
    return {"orders": int(found["ours_count"].sum()), "documents": int(found["theirs_count"].sum())}


def datacompy(one: pd.DataFrame, other: pd.DataFrame) -> Found:
    """The unequal cells, and the rows of one side only, as datacompy finds them: what its constructor does.

    It gets only the columns that are compared, compares exactly, and leaves the names of columns alone. Its report is
    not asked for, nor `all_mismatch`, which would compare everything again.
    """
    from datacompy import PandasCompare

    columns = [KEY, *COMPARED]
    result = PandasCompare(one[columns], other[columns], join_columns=KEY, cast_column_names_lower=False)
    pairs = result.intersect_rows
    return {
        **{DiscrepancyKind[name].value: int((~pairs[f"{name}_match"]).sum()) for name in COMPARED},
        DiscrepancyKind.missing.value: len(result.df1_unq_rows),
        DiscrepancyKind.unmatched.value: len(result.df2_unq_rows),
    }


WAYS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], Found]] = {
    way.__name__: way for way in (ours, totals, datacompy)
}


def main() -> None:
    compare, folder = WAYS[sys.argv[1]], Path(sys.argv[2])
    one, other = read(folder)
    compare(one.head(1_000), other.head(1_000))
    _settle()
    held, begun = _peak_mb(), time.perf_counter()
    found = compare(one, other)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb() - held, "found": found}))


def _settle() -> None:
    """Give back what is free, and count the peak from here."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    [line] = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
