"""The key under which the ledger keeps what must not be read: tokens, and the key of the audit trail.

It comes from MONSTOCK_XERO_KEY, else from a file that only its owner can read (MONSTOCK_XERO_KEY_FILE, default
`~/.monstock-xero/key`), made at first use. Either holds one key, or several with commas between: the first one
seals, the others still open what they sealed.
"""

import os
import secrets
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, select, text, update

from tasks.domain.errors import LedgerError
from tasks.ledger.database import Database, upsert
from tasks.ledger.schema import consents, keys

KEY_VARIABLE = "MONSTOCK_XERO_KEY"
FILE_VARIABLE = "MONSTOCK_XERO_KEY_FILE"
HOW = f"Every machine needs the same key: set {KEY_VARIABLE}, or copy the key file ({FILE_VARIABLE})."

V = TypeVar("V")

_SEALED = ((keys, ("sealed",)), (consents, ("access", "refresh", "previous")))
_LOCK = 7_106_001


class OtherKey(LedgerError):
    """A value is sealed under a key that is not here."""


def once_more(read: Callable[[], V]) -> V:
    """Read and open what is sealed; a second time, if a rotation came between the value and its key."""
    try:
        return read()
    except OtherKey:
        return read()


class Keyring:
    """Seals and opens values of one ledger. The keys are read anew each time, so that a rotation is seen at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seal(self, tx: Connection, value: bytes) -> bytes:
        """Encrypt under the first key; `tx` is the transaction that stores it, which no rotation overtakes.

        Raises `LedgerError` where there is no key, or it cannot be used.
        """
        _hold_rotations_up(tx)
        return MultiFernet(_fernets(self._texts())).encrypt(value)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt. Raises `OtherKey` if it was sealed under a key that is not here."""
        try:
            return MultiFernet(_fernets(self._texts())).decrypt(sealed)
        except InvalidToken:
            raise OtherKey(f"The ledger's secrets are sealed under another key. {HOW}") from None

    def named(self, name: str) -> bytes:
        """A key of 32 bytes that lies in the ledger itself, sealed; made at its first use, and the same ever after."""
        return once_more(lambda: self.open(self._kept(name) or self._made(name)))

    def _kept(self, name: str) -> bytes | None:
        with self._database.engine.connect() as tx:
            return _named(tx, name)

    def _made(self, name: str) -> bytes:
        with self._database.begin() as tx:
            fresh = self.seal(tx, secrets.token_bytes(32))
            upsert(tx, keys, [{"name": name, "sealed": fresh}], update=())
            return _named(tx, name) or fresh

    def rotate(self) -> int:
        """Seal everything in the ledger under a new key; returns how many values that were.

        A key file gets the new key itself: first beside the old one, and alone when all is sealed, so that what
        is cut short can be opened, and done again. From the environment, the new key must stand first, before the old.
        """
        with self._database.begin() as tx:
            _lock_out(tx)
            old = self._texts()
            if from_environment():
                if len(old) < 2:
                    raise LedgerError(f"Put the new key first in {KEY_VARIABLE}, a comma, then the old one.")
                return _seal_anew(tx, old)
            texts = [Fernet.generate_key().decode(), *old]
            _write(key_file(), texts)
            count = _seal_anew(tx, texts)
        with self._database.begin() as tx:
            _lock_out(tx)
            _write(key_file(), [text for text in self._texts() if text not in old])
        return count

    def _texts(self) -> list[str]:
        """The keys; a key file is made where there is neither one nor anything that another one sealed."""
        if given := from_environment():
            return _split(given)
        try:
            return self._from_file(key_file())
        except OSError as error:
            raise LedgerError(
                f"The key file {key_file()} cannot be read or made: {error.strerror}."
            ) from None

    def _from_file(self, file: Path) -> list[str]:
        if not file.exists():
            # In this order: another process makes the file before it seals anything.
            if self._has_sealed() and not file.exists():
                raise LedgerError(f"The key of the ledger's secrets is not on this machine. {HOW}")
            with suppress(FileExistsError):
                _write(file, [Fernet.generate_key().decode()], new=True)
        return _split(_read(file))

    def _has_sealed(self) -> bool:
        with self._database.engine.connect() as tx:
            return any(
                tx.execute(select(table.c[name]).where(table.c[name].is_not(None))).first()
                for table, columns in _SEALED
                for name in columns
            )


def key_file() -> Path:
    """Where the key lies unless it is in the environment."""
    given = os.environ.get(FILE_VARIABLE)
    return Path(given).expanduser() if given else Path.home() / ".monstock-xero" / "key"


def from_environment() -> str | None:
    """MONSTOCK_XERO_KEY, which wins over a file."""
    return os.environ.get(KEY_VARIABLE) or None


def _hold_rotations_up(tx: Connection) -> None:
    """Until the transaction ends. On SQLite it writes alone anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("select pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})


def _lock_out(tx: Connection) -> None:
    """Keep all others from sealing until the transaction ends."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _seal_anew(tx: Connection, texts: Sequence[str]) -> int:
    ring, count = MultiFernet(_fernets(texts)), 0
    for table, columns in _SEALED:
        # Locked: one that ends meanwhile would be given its tokens back. One that was deleted is not there any more.
        for row in tx.execute(select(table).with_for_update()).mappings().all():
            try:
                changed = {name: ring.rotate(row[name]) for name in columns if row[name]}
            except InvalidToken:
                raise LedgerError(
                    f"Some of the ledger's secrets are sealed under another key. {HOW}"
                ) from None
            this = [column == row[column.name] for column in table.primary_key.columns]
            if changed:
                tx.execute(update(table).where(*this).values(**changed))
            count += len(changed)
    return count


def _named(tx: Connection, name: str) -> bytes | None:
    row = tx.execute(select(keys.c.sealed).where(keys.c.name == name)).one_or_none()
    return row.sealed if row else None


def _read(file: Path) -> str:
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LedgerError(f"{file} can be read by others: chmod 600 it, then run `monstock-xero rotate-key`.")
    return file.read_text("ascii", errors="replace")


def _split(texts: str) -> list[str]:
    return [part.strip() for part in texts.split(",") if part.strip()]


def _fernets(texts: Sequence[str]) -> list[Fernet]:
    try:
        found = [Fernet(text) for text in texts]
    except ValueError:
        found = []
    if not found:
        place = KEY_VARIABLE if from_environment() else key_file()
        raise LedgerError(f"{place} holds no key: that is 32 random bytes in URL-safe base64.")
    return found


def _write(file: Path, texts: Sequence[str], *, new: bool = False) -> None:
    """Put the keys there whole or not at all, so that a power cut does not take them back.

    With `new`, raises `FileExistsError` where somebody was first.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(",".join(texts))
        out.flush()
        os.fsync(out.fileno())
    try:
        if new:
            os.link(draft, file)
        else:
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
        _sync(file.parent)


def _sync(folder: Path) -> None:
    """Bring a folder's names to the disk: a file's own fsync does not keep the name by which it is found."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
