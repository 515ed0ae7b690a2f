"""Nights made by hand, and a large one that looks like life."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tasks.domain.discrepancies import MEANINGS, Life, Mode
from tasks.reconciling.night import AMOUNTS, COLUMNS, DAYS, TOTALS, Night

BEGAN = datetime(2026, 10, 2, 2, 0, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=7)
SIDES = ("ours", "theirs", "difference")
CENTS = [f"{side}_{amount}" for amount in AMOUNTS for side in SIDES]
KNOWN = [f"known_{amount}" for amount in AMOUNTS]
_DEFAULTS = {
    "kind": "gross amount", "state": "open", "order_kind": "customer", "document_type": "ACCREC", "currency": "EUR",
    "contact": "Nordlicht Handels GmbH", "cause": "The total was changed in Xero.", "repair": "a person must decide",
}  # fmt: skip


def discrepancies(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """A frame of COLUMNS; what a row does not say has a likely value."""
    full = [_row(number, row) for number, row in enumerate(rows, 1)]
    # Column by column: a frame of whole rows would make floats of cents where some are missing.
    return pd.DataFrame({name: _column([row[name] for row in full], kind) for name, kind in COLUMNS.items()})


def totals(*rows: Sequence[Any]) -> pd.DataFrame:
    """A row is month, currency, kind, tax type, then Monstock's and Xero's net and tax in cents.

    No discrepancy explains what differs; `explained` makes one of totals where some do.
    """
    made = []
    for month, currency, kind, tax_type, net, their_net, tax, their_tax in rows:
        cents = {
            "net": (net, their_net),
            "tax": (tax, their_tax),
            "gross": (net + tax, their_net + their_tax),
        }
        amounts = {
            f"{side}_{name}": value
            for name, (ours, theirs) in cents.items()
            for side, value in zip((*SIDES, "known"), (ours, theirs, ours - theirs, 0), strict=True)
        }
        made.append({**dict(zip(TOTALS, (month, currency, kind, tax_type), strict=True)), **amounts})
    kinds = dict.fromkeys(TOTALS, "str") | dict.fromkeys([*CENTS, *KNOWN], "int64")
    return pd.DataFrame(made, columns=list(kinds)).astype(kinds)


def explained(frame: pd.DataFrame, *rows: int) -> pd.DataFrame:
    """What differs in these rows, discrepancies explain."""
    known = {
        f"known_{name}": frame[f"difference_{name}"].where(frame.index.isin(rows), 0) for name in AMOUNTS
    }
    return frame.assign(**known)


def days(*rows: tuple[date, str, int, int]) -> pd.DataFrame:
    """A row is a day, a currency, and cents that agree and that do not."""
    kinds = {"date": "datetime64[s]", "currency": "str", "matched": "int64", "unmatched": "int64"}
    return pd.DataFrame(list(rows), columns=list(DAYS)).astype(kinds)


def repairs(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    """A row is id, kind, order, repair, outcome."""
    return pd.DataFrame(list(rows), columns=["id", "kind", "order", "repair", "outcome"], dtype="str")


def night(*rows: Mapping[str, Any], **facts: Any) -> Night:
    """A night of these discrepancies; all else is in order unless it is said."""
    given: dict[str, Any] = {
        "connection": "shop", "organisation": "Nordlicht Ltd", "window": "orders from 1 April 2026 on",
        "mode": Mode.safe, "dry_run": False, "run_id": "5b2f3c1e", "began": BEGAN, "ended": ENDED,
        "orders": 4_812, "documents": 4_790, "compared": 4_780, "matched": 4_780, "calls": 61, "forecast": 64,
        "discrepancies": discrepancies(*rows), "totals": totals(), "days": days(), "repairs": repairs(),
    }  # fmt: skip
    return Night(**{**given, **facts})


def many(count: int, seed: int = 1) -> pd.DataFrame:
    """Discrepancies by the number, made by columns."""
    random = np.random.default_rng(seed)
    kinds = random.choice([kind.value for kind in MEANINGS], count)
    states = random.choice([life.value for life in Life], count, p=[0.15, 0.6, 0.1, 0.1, 0.05])
    numbers = np.arange(count).astype(str)
    since = pd.Timestamp(ENDED) - pd.to_timedelta(
        random.exponential(12 * 86_400, count).astype(int), unit="s"
    )
    cents = pd.array(random.integers(-500_000, 500_000, count), dtype="Int64")
    cents[random.random(count) < 0.3] = pd.NA
    meanings = {kind.value: meaning for kind, meaning in MEANINGS.items()}
    contacts = [
        "Nordlicht Handels GmbH", "Ølsted & Søn A/S", "Brasserie du Lac", "Hill Street Grocers", "Käserei Ü. Müller AG",
        "Finca Los Ángeles, Coop. Agrícola", "Aoyama Trading 株式会社",
    ]  # fmt: skip
    frame = pd.DataFrame(
        {
            "id": [f"{number:06x}" for number in random.permutation(count * 7)[:count]],
            "kind": kinds,
            "state": states,
            "order_kind": random.choice(["customer", "supplier"], count, p=[0.7, 0.3]),
            "order_id": numbers,
            "order": "CO-2026-" + pd.Series(numbers).str.zfill(5),
            "document_id": "d" + pd.Series(numbers),
            "document_type": random.choice(["ACCREC", "ACCPAY", "PURCHASEORDER"], count, p=[0.6, 0.2, 0.2]),
            "number": "INV-" + pd.Series(numbers).str.zfill(5),
            "contact": random.choice(contacts, count),
            "currency": random.choice(["EUR", "GBP"], count, p=[0.75, 0.25]),
            "date": since.tz_localize(None).normalize(),
            "ours": pd.Series(random.integers(1_000, 900_000, count) / 100).map("{:.2f}".format),
            "theirs": pd.Series(random.integers(1_000, 900_000, count) / 100).map("{:.2f}".format),
            "difference": cents,
            "since": since,
            "first_seen": since,
            "cause": [meanings[kind].sentence for kind in kinds],
            "repair": [meanings[kind].repair.value for kind in kinds],
            "reason": np.where(states == Life.accepted.value, "Rounding agreed with the auditor.", ""),
            "order_url": "https://app.monstock.example/customer/" + pd.Series(numbers),
            "document_url": "https://go.xero.example/view/" + pd.Series(numbers),
        }
    )
    return frame.astype(COLUMNS)


def _row(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    named = {
        "id": f"d{number}", "order_id": f"o{number}", "order": f"CO-2026-{number:05}", "document_id": f"x{number}",
        "number": f"INV-{number:05}", "date": date(2026, 9, 30), "since": ENDED, "first_seen": ENDED,
        "order_url": f"https://monstock.test/customer/o{number}", "document_url": f"https://xero.test/x{number}",
    }  # fmt: skip
    rest = {name: "" for name, kind in COLUMNS.items() if kind == "str"} | {"difference": None}
    return {**rest, **_DEFAULTS, **named, **row}


def _column(values: Sequence[Any], kind: str) -> "pd.Series[Any]":
    return (
        pd.Series(values, dtype=object).astype(kind) if kind != "Int64" else pd.Series(values, dtype="Int64")
    )
