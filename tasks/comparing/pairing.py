"""Joins two frames by a text key, column-wise: which row stands beside which, and which stand alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Positions = npt.NDArray[np.intp]
NOBODY = -1


@dataclass(frozen=True)
class Pairing:
    """Where each row of both sides stands, by position.

    Row `ours[i]` pairs with row `theirs[i]`, in the order of `ours`. `ours_alone` and `theirs_alone` have a key that is
    empty or not on the other side. `ours_again` and `theirs_again` bear a key that stands further up already;
    `ours_facing` and `theirs_facing` are the rows of the *other* side that have it, -1 where none has.
    """

    ours: Positions
    theirs: Positions
    ours_alone: Positions
    theirs_alone: Positions
    ours_again: Positions
    ours_facing: Positions
    theirs_again: Positions
    theirs_facing: Positions


def pairing(ours: "pd.Series[Any]", theirs: "pd.Series[Any]") -> Pairing:
    """Pair the first row of each key in `ours` with the first in `theirs`; "" and NA are no keys."""
    codes, count = _codes(ours, theirs)
    one, other = codes[: len(ours)], codes[len(ours) :]
    first_ours, first_theirs = _first(one, count), _first(other, count)
    facing_ours, facing_theirs = first_theirs[one], first_ours[other]
    again_ours, again_theirs = _again(one, first_ours), _again(other, first_theirs)
    paired = np.flatnonzero((facing_ours != NOBODY) & ~again_ours)
    return Pairing(
        ours=paired,
        theirs=facing_ours[paired],
        ours_alone=np.flatnonzero((facing_ours == NOBODY) & ~again_ours),
        theirs_alone=np.flatnonzero((facing_theirs == NOBODY) & ~again_theirs),
        ours_again=np.flatnonzero(again_ours),
        ours_facing=facing_ours[again_ours],
        theirs_again=np.flatnonzero(again_theirs),
        theirs_facing=facing_theirs[again_theirs],
    )


def _codes(ours: "pd.Series[Any]", theirs: "pd.Series[Any]") -> tuple[Positions, int]:
    """A number below `count` for each key, ours before theirs, and that count, which stands for no key."""
    keys = pd.concat([ours.astype("str"), theirs.astype("str")], ignore_index=True)
    codes, texts = pd.factorize(keys)
    count = len(texts)
    for empty in np.flatnonzero(np.asarray(texts == "")):
        codes[codes == empty] = NOBODY
    codes[codes == NOBODY] = count
    return codes, count


def _first(codes: Positions, count: int) -> Positions:
    """The first row of each code; none has the code `count`, which stands for no key."""
    first = np.full(count + 1, NOBODY, dtype=np.intp)
    # Of several values for one place the last one stays.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    first[count] = NOBODY
    return first


def _again(codes: Positions, first: Positions) -> npt.NDArray[np.bool_]:
    kept = first[codes]
    return np.asarray((kept != NOBODY) & (kept != np.arange(len(codes))))
