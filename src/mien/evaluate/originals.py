"""Refuse made images in a test: synthetic, edited and restored faces are never counted as real."""

from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path

from mien.errors import ImageError, MienError
from mien.media import find_images, read_change

MENTIONED = 3  # files in the message
_accepted = ContextVar("made images are accepted", default=False)


class MadeImageError(MienError, ValueError):
    """Images of a test are declared as synthetic, edited or restored."""


def accept_made(accepted: bool) -> None:
    """State whether this process tests made images on purpose, such as rendered people."""
    _accepted.set(accepted)


def made_are_accepted() -> bool:
    """Whether made images are tested on purpose; whoever reports a result then says so."""
    return _accepted.get()


def require_originals(paths: Iterable[Path]) -> None:
    """Refuse a test with images that are declared as made; see mien.media.read_change.

    Images that cannot be read pass: the test counts them as failures.

    Args:
        paths: images, films, or folders of frames.

    Raises:
        MadeImageError: it states how many there are and names the first ones.
    """
    if made_are_accepted():
        return
    made = [(path, change) for path in dict.fromkeys(paths) if (change := _change(path))]
    if not made:
        return
    first = ", ".join(f"{path} ({change})" for path, change in made[:MENTIONED])
    raise MadeImageError(
        f"{len(made)} images of the test are declared as synthetic, edited or restored, and would "
        f"falsify its result: {first}{', ...' if len(made) > MENTIONED else ''}. Remove them from "
        "the folder or the list; to test rendered faces on purpose, write: mien eval --made ..."
    )


def _change(path: Path) -> str | None:
    """What a file is declared to be, or the first frame of a folder that is declared as made."""
    try:
        frames = find_images([path]) if path.is_dir() else [path]
        return next((change for frame in frames if (change := read_change(frame))), None)
    except ImageError:
        return None
