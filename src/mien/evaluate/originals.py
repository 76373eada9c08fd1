"""Refuse made images in a test: synthetic, edited and restored faces are never counted."""

from collections.abc import Iterable
from pathlib import Path

from mien.errors import ImageError, MienError
from mien.media import read_change

MENTIONED = 3  # files in the message


class MadeImageError(MienError, ValueError):
    """Images of a test are declared as synthetic, edited or restored."""


def require_originals(paths: Iterable[Path]) -> None:
    """Refuse a test with images that are declared as made; see mien.media.read_change.

    Images that cannot be read pass: the test counts them as failures.

    Raises:
        MadeImageError: it states how many there are and names the first ones.
    """
    made = [(path, change) for path in dict.fromkeys(paths) if (change := _change(path))]
    if not made:
        return
    first = ", ".join(f"{path} ({change})" for path, change in made[:MENTIONED])
    raise MadeImageError(
        f"{len(made)} images of the test are declared as synthetic, edited or restored, and would "
        f"falsify its result: {first}{', ...' if len(made) > MENTIONED else ''}. Remove them from "
        "the folder or the list."
    )


def _change(path: Path) -> str | None:
    try:
        return read_change(path)
    except ImageError:
        return None
