"""The audit trail: a row for every write and every decision, each sealed together with the row before it.

A row's code (HMAC-SHA256, keyed by a key that lies sealed in the ledger) covers the row and the code before it, so
that nobody without the master key can change, remove or put in a row unseen. Its content has a code of its own,
which alone goes into the chain: so contents can be erased, and the chain still holds.
"""

import hmac
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, func, select, tuple_, update

from tasks.domain.errors import LedgerError
from tasks.ledger.database import Database, upsert
from tasks.ledger.keyring import Keyring
from tasks.ledger.schema import deflate, keys, trail, trail_heads

KEY = "trail"
# The events that say whose contents are gone; their own never are.
GONE = ("erased", "expired")
CHAINED = (
    "connection",
    "number",
    "at",
    "event",
    "run_id",
    "subject",
    "subject_id",
    "revision",
    "rules",
    "document_id",
    "content_mac",
)
_json = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row is to say. `content` holds all that may be a person's data, and no secret."""

    event: str
    subject: str
    subject_id: str
    revision: str | None = None
    rules: str | None = None
    document_id: str | None = None
    content: Mapping[str, Any] = field(default_factory=dict)


class Head(NamedTuple):
    """The chain's last number and its code. Whoever keeps a head can tell later that nothing before it is gone."""

    number: int
    mac: str

    def __str__(self) -> str:
        return f"{self.number}:{self.mac}"


class Trail:
    """The trail of one connection."""

    def __init__(self, database: Database, connection: str) -> None:
        self.database = database
        self.connection = connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that may append. The key is fetched before it begins, since its first use writes."""
        self.key()
        with self.database.begin() as tx:
            yield tx

    def append(self, tx: Connection, entries: Sequence[Entry], run_id: str) -> None:
        """Write rows as part of a transaction, as the last thing in it: it holds up everybody who appends.

        `run_id` is the run, or "person: NAME".
        """
        if not entries:
            return
        contents = [deflate(_json.encode(entry.content)) for entry in entries]
        key, (number, before) = self.key(), self.lock(tx)
        at, rows = datetime.now(UTC), []
        for entry, content in zip(entries, contents, strict=True):
            number += 1
            row = {
                "connection": self.connection,
                "number": number,
                "at": at,
                "event": entry.event,
                "run_id": run_id,
                "subject": entry.subject,
                "subject_id": entry.subject_id,
                "revision": entry.revision,
                "rules": entry.rules,
                "document_id": entry.document_id,
                "content": content,
                "content_mac": content_mac(key, self.connection, number, content),
            }
            before = row["mac"] = row_mac(key, row, before)
            rows.append(row)
        tx.execute(_INSERT, rows)
        tx.execute(_MOVE, {"ours": self.connection, "number": number, "mac": before})

    def note(self, entry: Entry, run_id: str) -> None:
        """Append a row in a transaction of its own: for what changes nothing else in the ledger."""
        with self.begin() as tx:
            self.append(tx, [entry], run_id)

    def head(self) -> Head:
        """The chain's head as it is now; number 0 while there is no row."""
        with self.database.engine.connect() as tx:
            return read_head(tx, self.connection) or Head(0, "")

    def of(self, subjects: Collection[tuple[str, str]]) -> list[RowMapping]:
        """All rows about these subjects (each a kind and an id), oldest first."""
        these = tuple_(trail.c.subject, trail.c.subject_id).in_(list(subjects))
        query = select(trail).where(trail.c.connection == self.connection, these).order_by(trail.c.number)
        with self.database.engine.connect() as tx:
            return list(tx.execute(query).mappings())

    def lock(self, tx: Connection) -> Head:
        """The head, which nobody else can move until the transaction ends."""
        row = tx.execute(_LOCK, {"ours": self.connection}).one_or_none()
        if row is None:
            upsert(tx, trail_heads, [{"connection": self.connection, "number": 0, "mac": ""}], update=())
            row = tx.execute(_LOCK, {"ours": self.connection}).one()
        return Head(row.number, row.mac)

    def key(self) -> bytes:
        """The key of all codes. Raises `LedgerError` where it cannot be had, and where it is gone from the ledger."""
        if self.database not in _keys:
            self._refuse_a_second_key()
            _keys[self.database] = Keyring(self.database).named(KEY)
        return _keys[self.database]

    def _refuse_a_second_key(self) -> None:
        """A new key beside rows of an old one would make all of them look forged."""
        with self.database.engine.connect() as tx:
            known = tx.execute(select(keys.c.name).where(keys.c.name == KEY)).first()
            if known is None and tx.execute(select(func.count()).select_from(trail_heads)).scalar():
                raise LedgerError(
                    "The audit trail's key is gone from the ledger's table `keys`, while there are rows of it. "
                    "Restore that table from a backup; without it the trail can be neither checked nor continued."
                )


_INSERT = trail.insert()
_OURS = trail_heads.c.connection == bindparam("ours")
_LOCK = select(trail_heads.c.number, trail_heads.c.mac).where(_OURS).with_for_update()
_MOVE = update(trail_heads).where(_OURS).values(number=bindparam("number"), mac=bindparam("mac"))
_keys: WeakKeyDictionary[Database, bytes] = WeakKeyDictionary()


def told(connection: str, head: Head) -> str:
    """The head as runs publish it; kept by somebody, it shows later that nothing before it is gone."""
    rows = f"{head.number:,} rows, head {head}" if head.number else "no rows yet"
    return f"Audit trail of {connection}: {rows}."


def read_head(tx: Connection, connection: str) -> Head | None:
    """The head as it stands in the ledger."""
    row = tx.execute(select(trail_heads).where(trail_heads.c.connection == connection)).one_or_none()
    return Head(row.number, row.mac) if row else None


def inflated(content: bytes) -> Any:
    """What a content says. Raises `LedgerError` where it is none any more."""
    try:
        return msgspec.json.decode(zlib.decompress(content))
    except (zlib.error, msgspec.DecodeError) as error:
        raise LedgerError(f"A content of the audit trail cannot be read: {error}.") from None


def content_mac(key: bytes, connection: str, number: int, content: bytes) -> str:
    """The code of a content as it is stored, bound to its place: no row's content passes for another's."""
    return hmac.digest(key, msgspec.json.encode(["content", connection, number]) + content, "sha256").hex()


def row_mac(key: bytes, row: Mapping[str, Any], before: str) -> str:
    """The code of a row that follows the row whose code is `before` (the first one follows "")."""
    facts = [row[name] for name in CHAINED]
    return hmac.digest(key, msgspec.json.encode(["row", *facts, before]), "sha256").hex()
