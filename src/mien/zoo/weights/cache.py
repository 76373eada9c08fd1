"""The cache on disk: location of weights, locks, and integrity checks.

HOME/models/NAME-DIGEST/      ready files and record.json, which is written last
HOME/partial/                 interrupted downloads, to be resumed
HOME/work/                    one folder per running fetch, removed with it
HOME/locks/                   one lock per model
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from mien.errors import WeightsError
from mien.zoo.card import File, FileSet

LOCK_SECONDS = 1800.0  # maximum wait for another process that fetches the same model
RECORD = "record.json"


def home() -> Path:
    """The folder for weights: MIEN_HOME, else the platform's cache folder."""
    named = os.environ.get("MIEN_HOME")
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_path  # slow import

    return user_cache_path("mien", appauthor=False, opinion=False)  # no "Cache" below it on Windows


def folder(card: FileSet) -> Path:
    """The folder of a card's ready files."""
    return home() / "models" / f"{card.name}-{card.digest}"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def ready_files(card: FileSet) -> tuple[Path, ...] | None:
    """The ready files if all exist in full length, else None. Fast: computes no hashes."""
    record = read_record(card)
    if record is None:
        return None
    paths = tuple(folder(card) / file.ready for file in card.files)
    for path in paths:
        if not path.is_file() or path.stat().st_size != record.get(path.name, {}).get("size"):
            return None
    return paths


def is_fetched(card: FileSet) -> bool:
    """Whether the model can be opened without fetching."""
    return card.ours or ready_files(card) is not None


def is_stored(card: FileSet) -> bool:
    """Whether any file of the model is on disk, complete or not."""
    return card.ours or folder(card).exists()


def own_path(file: File) -> Path:
    """Path of a repo: file inside this package; or of a beside: file, in its card's folder."""
    if file.source.startswith("beside:") and file.folder:
        return file.folder / file.source.removeprefix("beside:")
    return Path(str(resources("mien"))) / file.source.removeprefix("repo:")


def damage(card: FileSet) -> str | None:
    """Hash every stored file of a card again; return the fault, or None.

    Call it only for a card with stored files.
    """
    if not card.ours and read_record(card) is None:
        return f"{folder(card) / RECORD} is missing or unreadable"
    for path, digest in expected(card).items():
        if not path.is_file():
            return f"{path} is missing"
        got = sha256_of(path)
        if got != digest:
            return f"{path} has SHA-256 {got}, but {digest} was stored"
    return None


def expected(card: FileSet) -> dict[Path, str]:
    """Return the ready files of a card, and the SHA-256 that each must have.

    It is that of the card, not that of the record in the cache, which whoever changes a file can
    change as well. Only a card of another distribution may lack it for a converted file; the record
    then has it.
    """
    if card.ours:
        return {own_path(file): file.sha256 for file in card.files}
    record = read_record(card) or {}
    converted = {
        file.ready: file.ready_sha256 or str(record.get(file.ready, {}).get("sha256"))
        for file in card.files
    }
    return {
        folder(card) / file.ready: converted[file.ready] if card.convert else file.sha256
        for file in card.files
    }


def require_intact(card: FileSet) -> None:
    """Hash the ready files before they are loaded; each unchanged file once per process.

    Raises:
        WeightsError: a file is not the one that the card states.
    """
    for path, digest in expected(card).items():
        state = path.stat()
        got = known_sha256(path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        if got != digest:
            remedy = remedy_for(card) or (
                f"delete {path.parent}, then run: mien models pull {card.name}"
            )
            raise WeightsError(
                f"{path} has SHA-256 {got}, but card '{card.name}' expects {digest}: the file was "
                f"changed after it was stored. It was not loaded; {remedy}."
            )


def remedy_for(card: FileSet) -> str:
    """How to get intact files of a package or of a training again; "" for fetched ones."""
    if card.run:
        return f"train it again, or copy {card.run} again from an intact source"
    return "install the package again" if card.ours else ""


@lru_cache(maxsize=256)
def known_sha256(path: Path, *state: int) -> str:
    """Return the SHA-256 of a file in this state: its number, size and times."""
    return sha256_of(path)


def read_record(card: FileSet) -> dict[str, dict[str, Any]] | None:
    """The record of a card, by file name: its "sha256" and "size"; None if unreadable."""
    try:
        record = json.loads((folder(card) / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    files = record.get("files") if isinstance(record, dict) else None
    return files if isinstance(files, dict) else None


def store(card: FileSet, made: list[Path]) -> None:
    """Move finished files into the cache; the record is last, so a crash leaves no valid record."""
    target = folder(card)
    target.mkdir(parents=True, exist_ok=True)
    (target / RECORD).unlink(missing_ok=True)
    files: dict[str, dict[str, Any]] = {}
    for path in made:
        files[path.name] = {"sha256": sha256_of(path), "size": path.stat().st_size}
        os.replace(path, target / path.name)
    text = json.dumps({"card": card.name, "digest": card.digest, "files": files}, indent=1)
    part = target / f"{RECORD}.part"
    part.write_text(text + "\n", "utf-8")
    os.replace(part, target / RECORD)


@contextmanager
def locked(name: str, seconds: float | None = None) -> Iterator[None]:
    """Hold the lock of one model; wait for its current holder.

    The system frees it even when a process is killed; a lock file on disk alone does not mean that
    the lock is held.
    """
    from filelock import FileLock, Timeout  # slow import, and only a fetch needs it

    path = home() / "locks" / f"{name}.lock"
    lock = FileLock(path, timeout=LOCK_SECONDS if seconds is None else seconds)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise WeightsError(
                f"Another process has been fetching '{name}' for too long (lock {path}); "
                "wait for it or end it, then try again."
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """Convert a full disk or an unwritable folder into an error with a remedy."""
    try:
        yield
    except OSError as error:
        raise WeightsError(
            f"Cannot write to {error.filename or where} ({error.strerror or error}). Free space or "
            "give this user write access, or set another folder in the variable MIEN_HOME."
        ) from error
