"""Which discrepancies a run may end by itself, and by what."""

from dataclasses import dataclass

import pandas as pd

from tasks.domain.discrepancies import Life, Mode, Repair
from tasks.reconciling.night import PLANNED
from tasks.reconciling.settling import Settled

BATCH = 500
_EXPORTS = (Repair.export, Repair.update, Repair.void, Repair.credit)
_STANDING = (Life.open.value, Life.seen.value)
_DRAFTED = ("DRAFT", "SUBMITTED")
_REPAIR = ["id", "kind", "order", "number", "repair"]
_OUTCOMES = {life.value: "ended" if life.ended else "still there" for life in Life}


@dataclass(frozen=True)
class Plan:
    """What is to be repaired: rows of discrepancies; the orders to export, by kind and references; those to show."""

    rows: pd.DataFrame
    exports: list[tuple[str, list[str]]]
    shows: list[tuple[str, str]]

    def __bool__(self) -> bool:
        return len(self.rows) > 0


def plan(rows: pd.DataFrame, mode: Mode) -> Plan:
    """What the mode allows of what stands and was not accepted.

    `safe` exports what is missing, writes to Monstock, and updates drafts: nothing is lost by that, and no approved
    amount changes. `all` also updates, voids and credits what is approved; the export itself asks a person about
    everything that somebody else changed.
    """
    standing = rows[rows["state"].isin(_STANDING)]
    gentle = standing["repair"].isin([Repair.export, Repair.import_])
    gentle |= (standing["repair"] == Repair.update) & standing["document_status"].isin(_DRAFTED)
    everything = standing["repair"].isin([*_EXPORTS, Repair.import_])
    chosen = standing[{Mode.none: gentle & False, Mode.safe: gentle, Mode.all: everything}[mode]]
    exported = chosen[chosen["repair"].isin(_EXPORTS)]
    exports = []
    for kind, of in exported.groupby("order_kind"):
        names = sorted(set(of["order"]))
        exports += [(str(kind), names[start : start + BATCH]) for start in range(0, len(names), BATCH)]
    shown = chosen[chosen["repair"] == Repair.import_]
    return Plan(
        chosen,
        exports,
        sorted(set(zip(shown["order_kind"], shown["order_id"], strict=True))),
    )


def only_planned(plan: Plan) -> pd.DataFrame:
    """What became of repairs that no run made."""
    return plan.rows[_REPAIR].assign(outcome=PLANNED)


def outcome(plan: Plan, left: Settled | None) -> pd.DataFrame:
    """What became of each repair, by the comparison after it; None where there was none.

    It is not known where that comparison neither found the discrepancy nor saw that it had ended.
    """
    rows = plan.rows[_REPAIR]
    states = left.rows.set_index("id")["state"] if left else pd.Series(dtype="str")
    return rows.assign(outcome=rows["id"].map(states).map(_OUTCOMES).fillna("not known").astype("str"))
