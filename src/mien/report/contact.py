"""Contact sheet: thumbnails with one line of text each, in one HTML file."""

import base64
import os
from collections.abc import Iterable
from dataclasses import dataclass

from mien.media import encode_image, thumbnail, write_bytes
from mien.report.templates import render
from mien.types import Pixels

SIDE = 192  # px of a thumbnail
RENDERED = (
    "Synthetic", "The images show no real people. Results on them are not accuracy on people.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One thumbnail of the sheet."""

    image: str  # data: URL
    title: str
    note: str = ""


def cell(image: Pixels, title: str, note: str = "") -> Cell:
    """Return a thumbnail for the sheet."""
    data = base64.b64encode(encode_image(thumbnail(image, SIDE), "jpeg", 86)).decode()
    return Cell(f"data:image/jpeg;base64,{data}", title, note)


def write_contact(
    path: str | os.PathLike[str],
    cells: Iterable[Cell],
    *,
    title: str,
    lead: str,
    caution: tuple[str, str] = RENDERED,
) -> None:
    """Write the sheet as one complete, self-contained file.

    Args:
        path: of the HTML file.
        cells: the thumbnails.
        title: heading.
        lead: one sentence below it.
        caution: a word and a sentence that every reader must see.

    Raises:
        MienError: the file cannot be written.
    """
    mark, sentence = caution
    content = {"cells": list(cells), "title": title, "lead": lead, "mark": mark,
               "caution": sentence}  # fmt: skip
    html = render("contact.html.jinja", content)
    write_bytes(path, html.encode("utf-8", "replace"))
