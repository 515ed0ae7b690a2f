"""The key of the ledger's secrets: made once, kept to its owner, and changed without losing anything."""

import os
import stat
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from pydantic import SecretStr

from tasks.domain.errors import LedgerError
from tasks.ledger import keyring
from tasks.ledger.consents import App, Consents, Tokens
from tasks.ledger.database import Database
from tasks.ledger.keyring import FILE_VARIABLE, KEY_VARIABLE, Keyring

ROOT = Path(__file__).parents[2]
PIPES: dict[str, Any] = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
SECRET = b"refresh-token-in-clear"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key will lie."""
    path = tmp_path / "keys" / "key"
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    return path


def sealed(database: Database) -> bytes:
    """A secret, kept in the ledger."""
    with database.begin() as tx:
        value = Keyring(database).seal(tx, SECRET)
        tx.execute(keyring.keys.insert().values(name="test", sealed=value))
    return value


def kept(database: Database) -> bytes:
    """What the ledger has by now."""
    with database.engine.connect() as tx:
        found = keyring._named(tx, "test")
    assert found is not None
    return found


def test_a_key_is_made_at_first_use_for_its_owner_alone(database: Database, file: Path) -> None:
    value = sealed(database)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert Keyring(database).open(value) == SECRET


def test_processes_that_need_a_first_key_at_once_use_the_same_one(database: Database, file: Path) -> None:
    script = (
        "import sys; from tasks.ledger.database import Database; from tasks.ledger.keyring import Keyring\n"
        "database = Database(sys.argv[1]); print(flush=True); sys.stdin.read()\n"
        "print(Keyring(database).named('trail').hex())"
    )
    url = database.engine.url.render_as_string(hide_password=False)
    with ExitStack() as racers:
        started = [
            racers.enter_context(Popen([sys.executable, "-c", script, url], cwd=ROOT, **PIPES))
            for _ in range(4)
        ]
        for racer in started:
            racer.stdout.readline()
        for racer in started:
            racer.stdin.close()
        said = [(racer.stdout.read(), racer.stderr.read()) for racer in started]
    assert said == [(f"{Keyring(database).named('trail').hex()}\n".encode(), b"")] * 4
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(database: Database, file: Path, mode: int) -> None:
    value = sealed(database)
    file.chmod(mode)
    with pytest.raises(LedgerError, match=r"can be read by others: chmod 600 it"):
        Keyring(database).open(value)


def test_sealed_values_without_their_key_say_so_and_no_new_key_is_made(
    database: Database, file: Path
) -> None:
    value = sealed(database)
    file.unlink()
    for work in (Keyring(database).rotate, lambda: Keyring(database).open(value)):
        with pytest.raises(LedgerError, match=r"is not on this machine\. Every machine needs the same key"):
            work()
    assert not file.exists()


def test_another_key_than_the_one_that_sealed_says_so(database: Database, file: Path) -> None:
    value = sealed(database)
    file.write_text(Fernet.generate_key().decode())
    for work in (Keyring(database).rotate, lambda: Keyring(database).open(value)):
        with pytest.raises(LedgerError, match="sealed under another key"):
            work()
    assert kept(database) == value


@pytest.mark.parametrize("text", ["", "nonsense", ",", "ä"])
def test_what_is_no_key_is_named_with_its_place(database: Database, file: Path, text: str) -> None:
    value = sealed(database)
    file.write_text(text, "utf-8")
    with pytest.raises(LedgerError, match=f"{file} holds no key"):
        Keyring(database).open(value)


def test_a_place_where_no_key_can_be_made_is_named(database: Database, file: Path) -> None:
    file.parent.write_text("a file where a folder should be")
    with pytest.raises(LedgerError, match=f"The key file {file} cannot be read or made: "):
        sealed(database)


def test_the_environment_wins_over_the_file(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    value = sealed(database)
    assert Keyring(database).open(value) == SECRET
    assert not file.exists()


def test_a_rotation_by_file_leaves_one_new_key_under_which_all_is_sealed(
    database: Database, file: Path
) -> None:
    trail, old = Keyring(database).named("trail"), sealed(database)
    first = file.read_text()
    assert Keyring(database).rotate() == 2
    second = file.read_text()
    assert "," not in second
    assert first != second
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Keyring(database).open(kept(database)) == SECRET
    assert Keyring(database).named("trail") == trail
    with pytest.raises(LedgerError, match="sealed under another key"):
        Keyring(database).open(old)


@pytest.mark.parametrize("rotates", [False, True])
def test_the_name_of_a_new_key_is_on_the_disk_before_anything_is_sealed_under_it(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch, rotates: bool
) -> None:
    steps: list[str] = []
    sync, encrypt, turn = os.fsync, MultiFernet.encrypt, MultiFernet.rotate

    def synced(opened: int) -> None:
        folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        steps.append(f"folder of {file.read_text()}" if folder else "file")
        sync(opened)

    def sealing(work: Any) -> Any:
        return lambda *args: steps.append(f"seals under {file.read_text()}") or work(*args)

    if rotates:
        sealed(database)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(MultiFernet, "encrypt", sealing(encrypt))
    monkeypatch.setattr(MultiFernet, "rotate", sealing(turn))
    Keyring(database).rotate() if rotates else sealed(database)
    keys = steps[1].removeprefix("folder of ")
    assert steps[:3] == ["file", f"folder of {keys}", f"seals under {keys}"]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_rotation_that_is_cut_short_loses_nothing_and_can_be_done_again(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    sealed(database)
    first = file.read_text()
    steps = iter(range(1, 10))

    def dying(work: Any) -> Any:
        def does(*args: Any, **kwargs: Any) -> Any:
            if next(steps) == step:
                raise KeyboardInterrupt
            return work(*args, **kwargs)

        return does

    with monkeypatch.context() as patched:
        patched.setattr(keyring, "_write", dying(keyring._write))
        patched.setattr(keyring, "_seal_anew", dying(keyring._seal_anew))
        with pytest.raises(KeyboardInterrupt):
            Keyring(database).rotate()
    assert Keyring(database).open(kept(database)) == SECRET
    Keyring(database).rotate()
    assert Keyring(database).open(kept(database)) == SECRET
    assert first not in file.read_text()
    assert "," not in file.read_text()


def test_rotations_and_seals_at_once_lose_nothing(database: Database, file: Path) -> None:
    sealed(database)

    def seal(number: int) -> None:
        with database.begin() as tx:
            value = Keyring(database).seal(tx, SECRET)
            tx.execute(keyring.keys.insert().values(name=f"test-{number}", sealed=value))

    with ThreadPoolExecutor(6) as pool:
        rotations = [pool.submit(Keyring(database).rotate) for _ in range(5)]
        seals = [pool.submit(seal, number) for number in range(10)]
        for work in (*rotations, *seals):
            work.result()
    assert "," not in file.read_text()
    with database.engine.connect() as tx:
        values = tx.execute(keyring.select(keyring.keys.c.sealed)).scalars().all()
    assert [Keyring(database).open(value) for value in values] == [SECRET] * 11


@pytest.mark.parametrize("ended", ["dies", "is deleted"])
def test_a_consent_that_ends_during_a_rotation_gets_no_token_back(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    consents = Consents(database, App("https://id.example", "our-id", "authorization_code"))
    now = datetime.now(UTC)
    with database.begin() as tx:
        one = consents.add(tx, Tokens(SecretStr("access"), now, now, "", SecretStr("refresh")))
    found = consents.get(one)
    assert found is not None
    lease = consents.lease(found)
    assert lease is not None

    def end() -> None:
        if ended == "dies":
            consents.end(lease, "revoked")
        else:
            with database.begin() as tx:
                consents.forget(tx, one)

    turn = MultiFernet.rotate
    with ThreadPoolExecutor(1) as pool:
        works: list[Future[None]] = []

        def rotate(ring: MultiFernet, sealed: bytes) -> bytes:
            if not works:
                works.append(pool.submit(end))
                wait(works, 0.3)
            return turn(ring, sealed)

        monkeypatch.setattr(MultiFernet, "rotate", rotate)
        Keyring(database).rotate()
        works[0].result()
    after = consents.get(one)
    assert (after and (after.access, after.refresh)) == ((None, None) if ended == "dies" else None)


def test_who_reads_while_a_rotation_ends_reads_again(database: Database, file: Path) -> None:
    read = [sealed(database)]
    Keyring(database).rotate()

    def opened() -> bytes:
        return Keyring(database).open(read.pop() if read else kept(database))

    assert keyring.once_more(opened) == SECRET


def test_a_rotation_by_environment_needs_the_new_key_before_the_old(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    monkeypatch.setenv(KEY_VARIABLE, old)
    sealed(database)
    with pytest.raises(LedgerError, match=f"Put the new key first in {KEY_VARIABLE}"):
        Keyring(database).rotate()
    monkeypatch.setenv(KEY_VARIABLE, f"{new}, {old}")
    assert Keyring(database).open(kept(database)) == SECRET
    assert [Keyring(database).rotate() for _ in range(2)] == [1, 1]
    monkeypatch.setenv(KEY_VARIABLE, new)
    assert Keyring(database).open(kept(database)) == SECRET
    monkeypatch.setenv(KEY_VARIABLE, old)
    with pytest.raises(LedgerError, match="sealed under another key"):
        Keyring(database).open(kept(database))


def test_nothing_is_in_clear_in_the_ledgers_files(tmp_path: Path, file: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    sealed(database)
    database.close()
    files = [path.read_bytes() for path in tmp_path.glob("ledger.db*")]
    assert files
    assert not any(SECRET in content for content in files)
