"""Expansion of files, folders and patterns to paths of images and films."""

import glob
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from mien.errors import ImageError
from mien.media.formats import FILMS, SUFFIXES


def find_images(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List the images of paths, folders and patterns.

    A file that is named directly is listed with any suffix. Folders are searched recursively,
    patterns ("holiday/*", "**/*.png") are expanded; in both, only names with an image suffix
    count, hidden ones are skipped, and a folder that links reach twice is searched once.

    Args:
        paths: one path or several.

    Returns:
        Paths in the order given; within a folder or pattern by name, numbers by value
        (img2 before img10). No path occurs twice. Empty if the folders have no images.

    Raises:
        ImageError: a path does not exist, a pattern matches nothing, or a folder is not readable.
    """
    return _found(paths, SUFFIXES)


def find_sources(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List the images and films of paths, folders and patterns, as `find_images` does."""
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
    """Return whether a name is that of a film, by its suffix."""
    return Path(source).suffix.lower() in FILMS


def _expand(path: Path, suffixes: Collection[str]) -> Iterator[Path]:
    """Yield the files of one argument."""
    try:
        if path.is_dir():
            yield from _walk(path, suffixes, set())
            return
        if path.exists() or path.is_symlink():
            yield path
            return
    except (OSError, ValueError) as error:  # no permission, a zero byte, or a name that is too long
        raise ImageError(f"'{path}' cannot be accessed ({error}); check the path.") from error
    if not glob.has_magic(str(path)):
        raise ImageError(f"'{path}' does not exist; check the path.")
    matches = sorted(glob.glob(str(path), recursive=True), key=_natural)
    if not matches:
        raise ImageError(f"No file matches the pattern '{path}'; check the pattern and its folder.")
    for match in map(Path, matches):
        if match.is_dir():
            yield from _walk(match, suffixes, set())
        elif match.suffix.lower() in suffixes:
            yield match


def _walk(folder: Path, suffixes: Collection[str], seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the files below a folder, those of the folder itself first."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise ImageError(
            f"Folder '{folder}' is not readable ({error.strerror}); check its permissions."
        ) from error
    visible.sort(key=lambda entry: _natural(entry.name))
    for entry in visible:
        # A broken link is listed, too: reading it raises an error, skipping it would hide it.
        if not entry.is_dir() and Path(entry.name).suffix.lower() in suffixes:
            yield Path(entry.path)
    for entry in visible:
        if entry.is_dir():
            yield from _walk(Path(entry.path), suffixes, seen)


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return a sort key that orders numbers by value; ties are broken by the name."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(p), 0, "") if p.isdecimal() else (-1, 0, p) for p in parts], name
