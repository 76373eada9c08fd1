"""Erasure of people from a gallery and from the files that mien wrote about them."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.albums import edits
from mien.albums.groups import Groups
from mien.albums.groups_file import APPLICATION as GROUPS
from mien.errors import MienError
from mien.gallery import Gallery, Receipt, clean_name, on_server, open_gallery
from mien.gallery.schema import APPLICATION as GALLERY
from mien.gallery.schema import MAGIC
from mien.media import write_bytes
from mien.service.runs import forget_stopped

ELSEWHERE = (
    "the images themselves, and copies of them",
    "exports and backups of this gallery",
    "results, reports, drawings, groups and tables that are not named with --also",
)

SERVER = ("the write-ahead log, old segments, standby copies and backups of the server",)


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of an erasure: what is gone, and what may remain."""

    receipt: Receipt  # of the gallery
    runs: int  # stopped runs that were deleted; they hold embeddings of films
    changed: tuple[str, ...]  # other files from which the people were erased, and how
    remains: tuple[str, ...]  # where the people may still be found
    places: tuple[str, ...] = ()  # those of `remains` that were searched


def erase(people: Sequence[str], gallery: Gallery, *, also: Iterable[Path] = ()) -> Erased:
    """Erase people from a gallery, from stopped runs, and from further files of mien.

    Args:
        people: names.
        gallery: the gallery, open for changes.
        also: files and folders. Groups of `mien cluster` lose the group of that name, and result
            files lose the rows with the name. Every other text with the name is reported.

    Raises:
        GalleryError: one of the people is unknown; nothing was changed.
    """
    names = [clean_name(person) for person in people]
    files = [file for path in also for file in files_of(path)]
    receipt = gallery.forget(*names)
    runs, busy = forget_stopped()
    changed: list[str] = []
    remains = [f"{place}: the run is not stopped; repeat this command after it" for place in busy]
    unread = 0
    for file in files:
        try:
            done, left = from_file(file, names)
        except (MienError, OSError, sqlite3.Error) as error:
            done, left = "", f"{file}: {error}"
        changed += [f"{file}: {done}"] if done else []
        remains += [left] if left else []
        unread += left is None
    if unread:
        remains.append(
            f"{unread} files that are no text and were not searched, such as images, films, tables "
            "and archives"
        )
    elsewhere = ELSEWHERE + (SERVER if on_server(gallery.where) else ())
    return Erased(receipt, runs, tuple(changed), (*remains, *elsewhere), tuple(remains))


def files_of(path: Path) -> list[Path]:
    """Return a file, or all files of a folder.

    Raises:
        MienError: the path does not exist.
    """
    if not path.exists():
        raise MienError(f"'{path}' does not exist; nothing was erased. Check the path of --also.")
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.is_file() and not each.is_symlink())
    return [path]


def from_file(file: Path, names: Sequence[str]) -> tuple[str, str | None]:
    """Erase people from one file.

    Returns:
        What was erased, and what remains, as sentences: "" for nothing; None for the second if the
        file cannot be searched.
    """
    with file.open("rb") as stream:
        head = stream.read(100)
    if head.startswith(MAGIC):
        kind = int.from_bytes(head[68:72], "big")
        if kind == GROUPS:
            with Groups(file, made_by=None, read_only=False) as groups:
                faces = sum(edits.erase(groups, name) for name in names)
                paths = [path for (path,) in groups.all("SELECT path FROM paths")]
            named = sum(any(name in path for name in names) for path in paths)
            left = (
                f"{file}: {named} paths of photos contain a name; rename the folders"
                if named
                else ""
            )
            return (f"{faces} faces" if faces else ""), left
        if kind != GALLERY:
            return "", None
        with open_gallery(file, None, read_only=True) as other:
            known = sorted({person.name for person in other.people()} & set(names))
        erase_there = f"{file}: this gallery knows {', '.join(known)}; forget them there, too"
        return "", erase_there if known else ""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        return "", None
    if not any(spelt in text for name in names for spelt in spellings(name)):
        return "", ""
    kept = rows_without(text, names)
    if kept is None:
        return "", f"{file}: names one of them; delete it, or create it again"
    rewrite(file, "".join(kept).encode())
    return f"{text.count(chr(10)) - len(kept)} rows", ""


def spellings(name: str) -> tuple[str, str]:
    """Return a name as text and as JSON may escape it."""
    return name, json.dumps(name)[1:-1]


def rows_without(text: str, names: Sequence[str]) -> list[str] | None:
    """Return the lines of a result file that do not name people; None for any other text."""
    lines = text.splitlines(keepends=True) if text.endswith("\n") else []
    try:
        rows = [json.loads(line) for line in lines]
    except ValueError:
        return None
    if not rows or not all(
        isinstance(row, dict) and row.keys() & {"mien", "schema"} for row in rows
    ):
        return None
    return [
        line
        for line, row in zip(lines, rows, strict=True)
        if "mien" in row or not any(name in value for value in texts(row) for name in names)
    ]


def texts(value: Any) -> Iterator[str]:
    """Yield all texts of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def rewrite(file: Path, data: bytes) -> None:
    """Replace a file, and overwrite its old bytes with zeros."""
    with file.open("r+b") as old:
        status = os.fstat(old.fileno())
        write_bytes(file, data)
        file.chmod(status.st_mode & 0o777)
        old.write(bytes(status.st_size))
        old.flush()
        os.fsync(old.fileno())
