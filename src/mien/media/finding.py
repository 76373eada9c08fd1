"""Expansion of files, folders and patterns to paths of images and films."""

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from mien.errors import ImageError
from mien.media.formats import FILMS, SUFFIXES, is_film_data

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
Skipped = Callable[[str], None]
BESIDE = {".xmp"}  # files that belong to an image


def ignore(sentence: str) -> None:
    """Report nothing."""


def find_images(paths: Paths, *, skipped: Skipped = ignore) -> list[Path]:
    """List the images of paths, folders and patterns.

    A file that is named directly is listed with any suffix. Folders are searched recursively,
    patterns ("holiday/*", "**/*.png") are expanded; in both, only names with an image suffix
    count, hidden ones are skipped, and a folder that links reach twice is searched once.

    Args:
        paths: one path or several.
        skipped: is given a sentence about each entry of a folder that is left out: it cannot be
            read, or it is a link to a folder outside the one that was named.

    Returns:
        Paths in the order given; within a folder or pattern by name, numbers by value
        (img2 before img10). No path occurs twice. Empty if the folders have no images.

    Raises:
        ImageError: a path does not exist, a pattern matches nothing, or a folder is not readable.
    """
    return _found(paths, SUFFIXES, skipped)


def find_sources(
    paths: Paths, *, skipped: Skipped = ignore, others: Skipped = ignore
) -> list[Path]:
    """List the images and films of paths, folders and patterns, as `find_images` does.

    `others` is given a sentence if folders hold files that are neither; sidecars (.xmp) do not
    count.
    """
    seen: Counter[str] = Counter()
    found = _found(paths, SUFFIXES | FILMS, skipped, seen)
    if seen:
        kinds = ", ".join(
            f"{count} {kind or 'without a suffix'}" for kind, count in sorted(seen.items())
        )
        several = [paths] if isinstance(paths, str | os.PathLike) else paths
        others(
            f"{', '.join(map(str, several))}: files that are neither images nor films by their "
            f"names are left out ({kinds})."
        )
    return found


def _found(
    paths: Paths, suffixes: Collection[str], skipped: Skipped, others: Counter[str] | None = None
) -> list[Path]:
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    found: dict[Path, None] = {}
    others = Counter() if others is None else others
    for path in several:
        found.update(dict.fromkeys(_expand(Path(path), suffixes, skipped, others)))
    return list(found)


def is_film(source: str | os.PathLike[str]) -> bool:
    """Return whether a source is a film: by its first bytes, else by its suffix."""
    path = Path(source)
    try:
        if path.is_file():
            with path.open("rb") as file:
                found = is_film_data(file.read(400))
            if found is not None:
                return found
    except (OSError, ValueError):  # not readable, or no name of a file: the suffix remains
        pass
    return path.suffix.lower() in FILMS


def _expand(
    path: Path, suffixes: Collection[str], skipped: Skipped, others: Counter[str]
) -> Iterator[Path]:
    """Yield the files of one argument."""
    try:
        if path.is_dir():
            yield from _Walk(path, suffixes, skipped, others)(path)
            return
        if path.exists() or path.is_symlink():
            yield path
            return
    except ImageError:  # of a folder: it is a ValueError, too
        raise
    except (OSError, ValueError) as error:  # no permission, a zero byte, or a name that is too long
        raise ImageError(f"'{path}' cannot be accessed ({error}); check the path.") from error
    if not glob.has_magic(str(path)):
        raise ImageError(f"'{path}' does not exist; check the path.")
    matches = sorted(glob.glob(str(path), recursive=True), key=_natural)
    if not matches:
        raise ImageError(f"No file matches the pattern '{path}'; check the pattern and its folder.")
    for match in map(Path, matches):
        if match.is_dir():
            yield from _Walk(match, suffixes, skipped, others)(match)
        elif match.suffix.lower() in suffixes:
            yield match


class _Walk:
    """The files below one folder, those of each folder itself first."""

    def __init__(
        self, root: Path, suffixes: Collection[str], skipped: Skipped, others: Counter[str]
    ) -> None:
        self._root, self._suffixes, self._skipped = root, suffixes, skipped
        self._others = others
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
            sentence = f"Folder {folder} is not readable ({error.strerror})"
            if folder == self._root:
                raise ImageError(f"{sentence}; check its permissions.") from error
            self._skipped(f"{sentence}; it is left out.")
            return
        visible.sort(key=lambda entry: _natural(entry.name))
        folders = [entry for entry in visible if self._is_folder(entry)]
        for entry in visible:
            if entry in folders:
                continue
            # A broken link is listed, too: reading it raises an error, skipping it would hide it.
            suffix = Path(entry.name).suffix.lower()
            if suffix in self._suffixes:
                yield Path(entry.path)
            elif suffix not in BESIDE:
                self._others[suffix] += 1
        for entry in folders:
            if self._may_enter(entry):
                yield from self(Path(entry.path))

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir()
        except OSError as error:  # a link to itself
            self._skipped(f"{entry.path} cannot be resolved ({error.strerror}); it is left out.")
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
    """Return a sort key that orders numbers by value; ties are broken by the name."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(p), 0, "") if p.isdecimal() else (-1, 0, p) for p in parts], name
