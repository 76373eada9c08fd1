"""Write the tables of a proof into a page, between marks; each part has its own place."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.errors import TrainingError
from mien.media import write_bytes
from mien.zoo import System

MARKS = ("<!-- proof: written by `mien systems prove` -->", "<!-- /proof -->")


def own_page(system: System) -> Path | None:
    """The page of a system, if it lies in a source tree and can be written; else None."""
    in_source = any((folder / "pyproject.toml").is_file() for folder in system.folder.parents)
    return system.page if in_source and os.access(system.page, os.W_OK) else None


def check_page(page: Path) -> None:
    """Check that a page has the marks.

    Raises:
        TrainingError: it has none, or the file cannot be written.
    """
    _cut(page)
    if not os.access(page, os.W_OK):
        raise TrainingError(f"{page} cannot be written; name another file with --write.")


def write_page(page: Path, texts: Mapping[str, str], order: Sequence[str]) -> None:
    """Replace the parts that were run; the others of the page stay.

    Args:
        page: Markdown with the two marks.
        texts: by part.
        order: names of all parts.

    Raises:
        TrainingError: the page has no marks.
    """
    before, inside, after = _cut(page)
    parts = _parts(inside) | dict(texts)
    shown = [f"<!-- part: {name} -->\n\n{parts[name].strip()}" for name in order if name in parts]
    write_bytes(page, "\n\n".join([before, *shown, after]).encode())


def _cut(page: Path) -> tuple[str, str, str]:
    text = page.read_text("utf-8")
    start, end = (text.find(mark) for mark in MARKS)
    if not 0 <= start < end:
        raise TrainingError(f"{page} lacks the lines {MARKS[0]} and {MARKS[1]}; add them.")
    start += len(MARKS[0])
    return text[:start], text[start:end], text[end:]


def _parts(inside: str) -> dict[str, str]:
    _, *rest = re.split(r"^<!-- part: (.+) -->$", inside, flags=re.M)
    return dict(zip(rest[::2], rest[1::2], strict=True))
