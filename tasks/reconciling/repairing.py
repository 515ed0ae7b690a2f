"""Which discrepancies a run may end by itself, and by what."""

from dataclasses import dataclass

import pandas as pd

from tasks.domain.discrepancies import Life, Mode, Repair

BATCH = 500
_EXPORTS = (Repair.export, Repair.update, Repair.void, Repair.credit)
_STANDING = (Life.open.value, Life.seen.value)
_DRAFTED = ("DRAFT", "SUBMITTED")


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


def nothing(rows: pd.DataFrame) -> Plan:
    """The plan of a run that only reports."""
    return Plan(rows.iloc[:0], [], [])


def outcome(plan: Plan, left: pd.DataFrame | None) -> pd.DataFrame:
    """What became of each repair; `left` are the discrepancies after it, None in a dry run."""
    rows = plan.rows[["id", "kind", "order", "number", "repair"]]
    if left is None:
        return rows.assign(outcome="planned")
    there = rows["id"].isin(
        left.loc[left["state"].isin([life.value for life in Life if not life.ended]), "id"]
    )
    return rows.assign(outcome=pd.Series("ended", index=rows.index).where(~there, "still there"))
