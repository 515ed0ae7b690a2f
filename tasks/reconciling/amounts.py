"""Whole cents as people and programs read them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

DECIMAL = pa.decimal128(18, 2)


def shown(cents: int) -> str:
    """An amount for people: -123450 is "-1,234.50"."""
    return f"{Decimal(int(cents)).scaleb(-2):,.2f}"


def plain(cents: int) -> str:
    """An amount for programs: -123450 is "-1234.50"."""
    return f"{Decimal(int(cents)).scaleb(-2):.2f}"


def listed(money: Mapping[str, int]) -> str:
    """Cents by currency in a line: "EUR 12.50, USD 3.00"; "" of nothing."""
    return ", ".join(f"{currency} {shown(cents)}".strip() for currency, cents in sorted(money.items()))


def decimals(cents: "pd.Series[Any]") -> pa.Array:
    """A column of cents as decimal128(18,2), exactly; a missing one stays missing."""
    missing = cents.isna().to_numpy(dtype=bool)
    whole = cents.fillna(0).to_numpy(dtype=np.int64)
    # Arrow's decimal is the unscaled number in 128 bits, the lower half first: the upper one repeats the sign.
    wide = np.stack([whole, whole >> 63], axis=1)
    everything = pa.Array.from_buffers(DECIMAL, len(whole), [None, pa.py_buffer(wide.tobytes())])
    return pa.compute.if_else(pa.array(missing), pa.scalar(None, DECIMAL), everything)
