"""Which photos and films a user means: files, folders and patterns, to a list of paths."""

import glob
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from mien.errors import ImageError
from mien.media.formats import FILMS, SUFFIXES, is_film_data

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
Skipped = Callable[[str], None]


def ignore(sentence: str) -> None:
    """Report nothing."""


def find_images(paths: Paths, *, skipped: Skipped = ignore) -> list[Path]:
    """List the pictures that paths, folders and patterns name.

    A file named outright is listed whatever its suffix. Folders are searched to the bottom,
    patterns ("holiday/*", "**/*.png") are filled in; in both only names with a picture's suffix
    count, hidden ones are left out, and a folder reached twice through links is searched once.

    Args:
        paths: one path or several.
        skipped: is given a sentence about each entry of a folder that is left out: it cannot be
            read, or it is a link to a folder outside the one that was named.

    Returns:
        Paths in the order given; within a folder or pattern by name, numbers by value
        (img2 before img10). No path twice. Empty if the folders hold no pictures.

    Raises:
        ImageError: a path does not exist, a pattern fits nothing, or a folder may not be read.
    """
    return _found(paths, SUFFIXES, skipped)


def find_sources(paths: Paths, *, skipped: Skipped = ignore) -> list[Path]:
    """List the photos and films that paths, folders and patterns name; as `find_images` does."""
    return _found(paths, SUFFIXES | FILMS, skipped)


def _found(paths: Paths, suffixes: Collection[str], skipped: Skipped) -> list[Path]:
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    found: dict[Path, None] = {}
    for path in several:
        found.update(dict.fromkeys(_expand(Path(path), suffixes, skipped)))
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


def _expand(path: Path, suffixes: Collection[str], skipped: Skipped) -> Iterator[Path]:
    """The files of one argument."""
    try:
        if path.is_dir():
            yield from _Walk(path, suffixes, skipped)(path)
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
            yield from _Walk(match, suffixes, skipped)(match)
        elif match.suffix.lower() in suffixes:
            yield match


class _Walk:
    """The files below one folder, those of each folder itself first."""

    def __init__(self, root: Path, suffixes: Collection[str], skipped: Skipped) -> None:
        self._root, self._suffixes, self._skipped = root, suffixes, skipped
        self._inside = root.resolve()
        self._seen: set[tuple[int, int]] = set()

    def __call__(self, folder: Path) -> Iterator[Path]:
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return
            self._seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            sentence = f"Folder {folder} may not be read ({error.strerror})"
            if folder == self._root:
                raise ImageError(f"{sentence}; check its permissions.") from error
            self._skipped(f"{sentence}; it is left out.")
            return
        visible.sort(key=lambda entry: _natural(entry.name))
        folders = [entry for entry in visible if self._is_folder(entry)]
        for entry in visible:
            # A link to a file that is gone is listed too: reading it says so, hiding it would not.
            if entry not in folders and Path(entry.name).suffix.lower() in self._suffixes:
                yield Path(entry.path)
        for entry in folders:
            if self._may_enter(entry):
                yield from self(Path(entry.path))

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir()
        except OSError as error:  # a link to itself
            self._skipped(f"{entry.path} cannot be looked up ({error.strerror}); it is left out.")
            return False

    def _may_enter(self, entry: os.DirEntry[str]) -> bool:
        """Whether a folder lies within the one that was named; a link may lead anywhere."""
        if not entry.is_symlink():
            return True
        target = Path(entry.path).resolve()
        if target.is_relative_to(self._inside):
            return True
        self._skipped(
            f"{entry.path} is a link to {target}, outside the folder; it is left out. Name that "
            "folder to search it."
        )
        return False


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that reads numbers as numbers; the name itself settles ties."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(p), 0, "") if p.isdecimal() else (-1, 0, p) for p in parts], name
