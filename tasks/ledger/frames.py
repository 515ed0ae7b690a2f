"""Rows of the ledger as typed columns: whole cents, dates, moments in UTC; texts are "" where unknown."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Select, select, type_coerce
from sqlalchemy.types import NullType

# Rows that stand in memory as tuples at once.
_AT_ONCE = 10_000
_AMOUNTS = {"net", "tax", "gross", "total", "paid", "credited", "due", "received"}
_DATES = {"date", "due_date", "paid_on", "issued", "due_on"}
_MOMENTS = {"since", "written_at", "match_since", "listed_at", "made_at"}
# Stamps of the far sides, kept as they wrote them.
_STAMPS = {"changed_at"}
_COUNTS = {"line_count", "rank", "generation"}
_FLAGS = {"sent", "unreadable"}
_PREFIXES = ("written_", "shown_")
_PRIMARY = ("sale", "purchase")
_KEYS = ["kind", "order_id", "document_id"]
_TEXT, _DATE, _MOMENT = pa.large_string(), pa.timestamp("s"), pa.timestamp("us", tz="UTC")
_LACKING = {pa.int64(): pd.Int64Dtype()}  # whole numbers of which some may be missing


class _Shown(msgspec.Struct, rename="camel"):
    """A link as Monstock shows it, as far as it is compared; what is not there is empty."""

    document_type: str = ""
    document_id: str = ""
    document_number: str = ""
    status: str = ""
    currency: str = ""
    total: str | None = None
    amount_paid: str | None = None
    amount_credited: str | None = None
    amount_due: str | None = None
    issued_on: str | None = None
    due_on: str | None = None
    fully_paid_on: str | None = None


_SHOWN = {
    "document_type": "type",
    "document_id": "id",
    "document_number": "number",
    "status": "status",
    "currency": "currency",
    "total": "total",
    "amount_paid": "paid",
    "amount_credited": "credited",
    "amount_due": "due",
    "issued_on": "issued",
    "due_on": "due_on",
    "fully_paid_on": "paid_on",
}
_read_shown = msgspec.json.Decoder(_Shown, strict=False)


def frame(tx: Connection, query: Select[Any]) -> pd.DataFrame:
    """The rows of a query, each column by what its name says it is.

    They are taken as the driver has them, some thousands at a time: a year is too much for an object a value.
    """
    told = query.subquery()
    untyped = select(*(type_coerce(one, NullType()).label(one.name) for one in told.columns))
    schema = pa.schema([pa.field(one.name, _kind(one.name)[0]) for one in told.columns])
    with tx.execute(untyped, execution_options={"stream_results": True}) as result:
        chunks = [typed(schema.names, rows) for rows in result.partitions(_AT_ONCE)]
    return _pandas(pa.Table.from_batches(chunks, schema))


def typed(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Rows as columns, each by what its name says it is."""
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.record_batch([_column(name, one) for name, one in zip(names, columns, strict=True)], names)


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns, one below the other."""
    full = [one for one in frames if len(one)]
    return pd.concat(full or list(frames)[:1], ignore_index=True) if len(full) != 1 else full[0]


def order_frame(rows: pd.DataFrame, under_way: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """Orders with what Monstock shows of them (`shown_*`).

    Those `under_way` with a run have it as `sent_in`: it never had its answer. Those with "" are `in_flight`.
    """
    runs = pd.Series(None, index=rows.index, dtype="str")
    if under_way:
        keys = zip(rows["kind"], rows["order_id"], strict=True)
        runs = pd.Series([under_way.get(key) for key in keys], index=rows.index, dtype="str")
    told = pd.concat([rows.drop(columns="shown"), _shown(rows["shown"])], axis=1)
    return told.assign(sent_in=runs.fillna(""), in_flight=runs.eq(""))


def document_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Documents, each once; `gross` is their total."""
    return rows.drop_duplicates("document_id", ignore_index=True)


def belongs_frame(made: pd.DataFrame, said: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """What belongs to what, by `rank`: ours first, the newest generation, the primary one, then as people made it.

    Where a document serves several orders, `weight` is the order's net and `weights` that of all of them; 1 and how
    many they are, where those nets come to nothing.
    """
    ours = made.assign(state="linked", group=0, since=made["made_at"], order="").drop(columns="made_at")
    people = said.drop_duplicates(_KEYS).assign(group=1, origin="", role="", generation=0)
    both = pd.concat(
        [one for one in (ours, people) if len(one)] or [people.assign(role="")], ignore_index=True
    )
    both = both.assign(is_primary=both["role"].isin(_PRIMARY), own=both["origin"].isin(["made", "adopted"]))
    by = ["group", "generation", "is_primary", "role", "since", "document_id"]
    both = both.sort_values(by, ascending=[True, False, False, True, True, True], kind="stable")
    both = both.drop_duplicates([*_KEYS, "state"], ignore_index=True).assign(
        rank=lambda rows: range(len(rows))
    )
    linked = shares[(shares["state"] == "linked") & shares["document_id"].duplicated(keep=False)]
    sums = linked.assign(weight=linked["net"].fillna(0))[[*_KEYS, "weight"]]
    of = sums.groupby("document_id")["weight"]
    sums = sums.assign(weights=of.transform("sum"), alike=of.transform("size"))
    nothing = sums["weights"] == 0
    sums = sums.assign(
        weight=sums["weight"].mask(nothing, 1), weights=sums["weights"].mask(nothing, sums["alike"])
    ).drop(columns="alike")
    both = both.drop(columns=["net", "group", "since"], errors="ignore").merge(sums, how="left", on=_KEYS)
    texts = [*_KEYS, "role", "origin", "state", "order"]
    return both.astype(
        dict.fromkeys(texts, "str") | dict.fromkeys(["generation", "rank", "weight", "weights"], "Int64")
    )


def _pandas(table: pa.Table) -> pd.DataFrame:
    whole: pd.DataFrame = table.combine_chunks().to_pandas(
        types_mapper=_LACKING.get, split_blocks=True, self_destruct=True
    )
    return whole


def _kind(name: str) -> tuple[pa.DataType, Callable[[Any], Any]]:
    """What a column is by its name, and how it becomes that from what the driver tells."""
    for prefix in _PREFIXES:
        name = name if name in _MOMENTS else name.removeprefix(prefix)
    for names, kind, become in (
        (_AMOUNTS, pa.int64(), _cents),
        (_DATES, _DATE, _days),
        (_MOMENTS, _MOMENT, _moments),
        (_STAMPS, _MOMENT, _stamps),
        (_COUNTS, pa.int64(), lambda told: told.cast(pa.int64())),
        (_FLAGS, pa.bool_(), lambda told: pc.fill_null(told.cast(pa.bool_()), False)),
    ):
        if name in names:
            return kind, become
    return _TEXT, _texts


def _column(name: str, told: Sequence[Any]) -> pa.Array:
    become = _kind(name)[1]
    # What is known to be text need not be looked at twice; what days and moments are, the driver says.
    told_as = _TEXT if become is _texts else pa.string() if become is _cents else None
    return become(pa.array(told, told_as))


def _texts(told: pa.Array) -> pa.Array:
    return pc.fill_null(told, "")


def _cents(told: pa.Array) -> pa.Array:
    """Amounts written as text; none stays none."""
    return pc.round(pc.multiply(_known(told).cast(pa.float64()), 100.0)).cast(pa.int64())


def _days(told: pa.Array) -> pa.Array:
    return _known(told).cast(pa.date32()).cast(_DATE)


def _moments(told: pa.Array) -> pa.Array:
    """Moments of the database: of one that knows no zones they are in UTC."""
    return told.cast(pa.timestamp("us") if pa.types.is_string(told.type) else _MOMENT).cast(_MOMENT)


def _stamps(told: pa.Array) -> pa.Array:
    moments = pd.to_datetime(_known(told).to_pandas(), utc=True, format="ISO8601")
    return pa.array(moments.astype("datetime64[us, UTC]"))


def _known(told: pa.Array) -> pa.Array:
    """Without empty texts."""
    if not pa.types.is_string(told.type):
        return told
    return pc.if_else(pc.equal(told, ""), pa.scalar(None, told.type), told)


def _shown(texts: "pd.Series[Any]") -> pd.DataFrame:
    """What Monstock shows, column by column; a link that cannot be read shows as if there was none."""
    values = list(map(attrgetter(*_SHOWN), map(_read, texts)))
    names = [f"shown_{new}" for new in _SHOWN.values()]
    return _pandas(pa.Table.from_batches([typed(names, values)])).set_axis(texts.index)


def _read(text: object) -> _Shown:
    try:
        return _read_shown.decode(text) if isinstance(text, str) and text else _Shown()
    except msgspec.MsgspecError:
        return _Shown()
