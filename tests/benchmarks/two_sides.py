"""Two frames as a night compares them: orders and documents, shuffled, with as many differences of each sort."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.domain.discrepancies import DiscrepancyKind

KEY = "number"
COMPARED = ("contact", "currency", "date", "gross", "tax", "net", "status")
SORTS = (*(DiscrepancyKind[name] for name in COMPARED), DiscrepancyKind.missing, DiscrepancyKind.unmatched)
CONTACTS = 20_000
# Of so many rows one differs in a given way.
EVERY = 400
SEED = 1_000_003


def seeded(rows: int) -> int:
    """How many differences there are of each sort; no pair has two."""
    return rows // EVERY


def write(rows: int, folder: Path) -> None:
    """Write ours.parquet and theirs.parquet."""
    dice = np.random.default_rng(SEED)
    ours = _orders(rows, dice)
    theirs = ours.copy()
    odd = np.split(dice.permutation(rows)[: seeded(rows) * len(SORTS)], len(SORTS))
    for name, at in zip(COMPARED, odd, strict=False):
        theirs.loc[at, name] = _other(ours.loc[at, name])
    for name, side, away in (("ours", ours, odd[-1]), ("theirs", theirs, odd[-2])):
        shuffled = side.drop(index=away).sample(frac=1, random_state=dice)
        shuffled.to_parquet(folder / f"{name}.parquet", index=False)


def read(folder: Path) -> Iterator[pd.DataFrame]:
    """Ours, then theirs."""
    for name in ("ours", "theirs"):
        yield pd.read_parquet(folder / f"{name}.parquet")


def _orders(rows: int, dice: np.random.Generator) -> pd.DataFrame:
    gross = dice.integers(100, 10_000_000, rows)
    tax = gross // 6
    contacts = [f"{at:08x}-6f1c-4a5e-9d3b-{at * 7919:012x}" for at in range(CONTACTS)]
    days = dice.integers(0, 730, rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            KEY: pd.Series([f"MS-CO-{number:07d}" for number in range(rows)], dtype="str"),
            "contact": _some(contacts, rows, dice),
            "currency": _some(["GBP", "EUR", "USD"], rows, dice),
            "net": gross - tax,
            "tax": tax,
            "gross": gross,
            "status": _some(["DRAFT", "AUTHORISED", "PAID"], rows, dice),
            "date": np.datetime64("2025-01-01", "s") + days,
            "kind": _some(["ACCREC", "ACCPAY"], rows, dice),
            "tax_type": _some(["OUTPUT2", "ZERORATEDOUTPUT", "INPUT2", "NONE"], rows, dice),
        }
    )


def _some(texts: list[str], rows: int, dice: np.random.Generator) -> "pd.Series[Any]":
    at: npt.NDArray[np.int64] = dice.integers(0, len(texts), rows)
    return pd.Series(texts, dtype="str").take(at).reset_index(drop=True)


def _other(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Another value for each: a cent or a day more, or a text that was nowhere before."""
    match column.dtype.kind:
        case "i":
            return column + 1
        case "M":
            return column + pd.Timedelta(days=1)
        case _:
            return "not " + column
