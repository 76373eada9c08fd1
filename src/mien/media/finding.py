"""Which photos and films a user means: files, folders and patterns, to a list of paths."""

import glob
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from mien.errors import ImageError
from mien.media.formats import FILMS, SUFFIXES, is_film_data


def find_images(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List the pictures that paths, folders and patterns name.

    A file named outright is listed whatever its suffix. Folders are searched to the bottom,
    patterns ("holiday/*", "**/*.png") are filled in; in both only names with a picture's suffix
    count, hidden ones are left out, and a folder reached twice through links is searched once.

    Args:
        paths: one path or several.

    Returns:
        Paths in the order given; within a folder or pattern by name, numbers by value
        (img2 before img10). No path twice. Empty if the folders hold no pictures.

    Raises:
        ImageError: a path does not exist, a pattern fits nothing, or a folder may not be read.
    """
    return _found(paths, SUFFIXES)


def find_sources(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List the photos and films that paths, folders and patterns name; as `find_images` does."""
    return _found(paths, SUFFIXES | FILMS)


def _found(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], suffixes: Collection[str]
) -> list[Path]:
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    found: dict[Path, None] = {}
    for path in several:
        found.update(dict.fromkeys(_expand(Path(path), suffixes)))
    return list(found)


def is_film(source: str | os.PathLike[str]) -> bool:
    """Whether a source is a film rather than a photo: by its first bytes, else by its suffix."""
    path = Path(source)
    try:
        if path.is_file():
            with path.open("rb") as file:
                told = is_film_data(file.read(400))
            if told is not None:
                return told
    except (OSError, ValueError):  # not readable, or no name of a file: the suffix remains
        pass
    return path.suffix.lower() in FILMS


def _expand(path: Path, suffixes: Collection[str]) -> Iterator[Path]:
    """The files of one argument."""
    try:
        if path.is_dir():
            yield from _walk(path, suffixes, set())
            return
        if path.exists() or path.is_symlink():
            yield path
            return
    except (OSError, ValueError) as error:  # no permission; or a zero byte, a name too long
        raise ImageError(f"{path} cannot be looked up ({error}); check the path.") from error
    if not glob.has_magic(str(path)):
        raise ImageError(f"{path} does not exist; check the path.")
    matches = sorted(glob.glob(str(path), recursive=True), key=_natural)
    if not matches:
        raise ImageError(f"No file fits the pattern {path}; check it, and the folder it is in.")
    for match in map(Path, matches):
        if match.is_dir():
            yield from _walk(match, suffixes, set())
        elif match.suffix.lower() in suffixes:
            yield match


def _walk(folder: Path, suffixes: Collection[str], seen: set[tuple[int, int]]) -> Iterator[Path]:
    """The files below a folder, those of the folder itself first."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise ImageError(
            f"Folder {folder} may not be read ({error.strerror}); check its permissions."
        ) from error
    visible.sort(key=lambda entry: _natural(entry.name))
    for entry in visible:
        # A link to a file that is gone is listed too: reading it says so, hiding it would not.
        if not entry.is_dir() and Path(entry.name).suffix.lower() in suffixes:
            yield Path(entry.path)
    for entry in visible:
        if entry.is_dir():
            yield from _walk(Path(entry.path), suffixes, seen)


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that reads numbers as numbers; the name itself settles ties."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(p), 0, "") if p.isdecimal() else (-1, 0, p) for p in parts], name
