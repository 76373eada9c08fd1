"""Contact sheet of a run of a maker: each result beside its input."""

import os
from collections.abc import Iterable
from pathlib import Path

from mien.errors import MienError
from mien.media import is_film, open_film, read_change, read_image
from mien.media.writing import FORMATS
from mien.report.contact import Cell, cell, write_contact
from mien.service import MadeItem
from mien.types import Pixels

MADE = (
    "Made by a model",
    "A result is a plausible guess, not a photograph of what was there, and no evidence.",
)


def write_made_sheet(path: str | os.PathLike[str], items: Iterable[MadeItem], maker: str) -> None:
    """Write a self-contained HTML file with a thumbnail of each input and each result.

    Sound and meshes have no thumbnail; they are listed by their provenance files only.

    Args:
        path: of the HTML file.
        items: from mien.service.make; failed ones show their input only.
        maker: card of the maker, for the title.

    Raises:
        MienError: the file cannot be written.
    """
    items = list(items)
    cells = [one for item in items for one in _cells(item)]
    failed = sum(bool(item.error) for item in items)
    lead = f"{len(items) - failed} of {len(items)} inputs have results"
    write_contact(path, cells, title=f"Results of {maker}", lead=f"{lead}; {failed} failed.",
                  caution=MADE)  # fmt: skip


def _cells(item: MadeItem) -> list[Cell]:
    found = []
    for source in item.inputs:
        picture = _picture(source)
        if picture is not None:
            found.append(cell(picture, source.name, item.error or "input"))
    for file in item.files:
        picture = _picture(file)
        if picture is not None:
            found.append(cell(picture, file.name, read_change(file) or ""))
    return found


def _picture(path: Path) -> Pixels | None:
    """The image, or the first frame of the film; None if there is none that can be read."""
    try:
        if is_film(path):
            with open_film(path) as film:
                frame = next(film.frames(), None)
                return None if frame is None else frame.image
        return read_image(path) if path.suffix.lower() in FORMATS else None
    except MienError:
        return None
