"""Results of a film as files for other programs: JSON, CSV, WebVTT chapters, contact sheet."""

import csv
import json
from io import StringIO
from itertools import pairwise
from pathlib import Path

import numpy as np

from mien.media import thumbnail, write_bytes, write_image
from mien.media.fonts import text_mask
from mien.service.schema import film_row
from mien.tables.formulas import harmless
from mien.types import FilmAnswer, Pixels

PAPER, INK, SOFT = 250, (28, 33, 39), (89, 97, 106)  # of the sheet
TILE, GAP, TEXT = 168, 18, 17.0  # px


def write_tables(folder: Path, answer: FilmAnswer, film: str, pictures: dict[str, Pixels]) -> None:
    """Write `appearances.json`, `.csv`, `chapters.vtt` and `people.png` into a folder.

    Raises:
        MienError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(film_row(answer, film), ensure_ascii=False, allow_nan=False, indent=1)
    write_bytes(folder / "appearances.json", text.encode("utf-8", "replace"))
    write_bytes(folder / "appearances.csv", appearances_csv(answer).encode("utf-8", "replace"))
    write_bytes(folder / "chapters.vtt", chapters(answer).encode("utf-8", "replace"))
    write_image(folder / "people.png", sheet(answer, pictures))


def appearances_csv(answer: FilmAnswer) -> str:
    """Return one line per appearance: person, start and end in seconds, outcome, probability."""
    decisions = {one.person: one.decision for one in answer.people}
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(
        [
            "person",
            "start_s",
            "end_s",
            "outcome",
            "probability",
            "score",
            "candidate",
            "tracks",
        ]
    )
    for one in answer.appearances:
        known = decisions[one.person]
        lines.writerow(
            [
                harmless(one.person),
                f"{one.start:.3f}",
                f"{one.end:.3f}",
                known.outcome if known else "",
                _number(known.probability if known else None),
                _number(known.score if known else None),
                harmless((known and known.likely) or ""),
                " ".join(map(str, one.tracks)),
            ]
        )
    return text.getvalue()


def chapters(answer: FilmAnswer) -> str:
    """Return WebVTT chapters: a new one at each change of the people on screen.

    Source: W3C WebVTT, section 1.1; players list them next to the film.
    """
    moments = sorted({t for one in answer.appearances for t in (one.start, one.end)})
    lines = ["WEBVTT", ""]
    for start, end in pairwise(moments):
        here = [one.person for one in answer.appearances if one.start <= start < one.end]
        if here:
            names = ", ".join(dict.fromkeys(here)).replace("-->", "→").replace("\n", " ")
            escaped = names.replace("&", "&amp;").replace("<", "&lt;")
            lines += [f"{_stamp(start)} --> {_stamp(end)}", escaped, ""]
    return "\n".join(lines)


def sheet(answer: FilmAnswer, pictures: dict[str, Pixels], columns: int = 6) -> Pixels:
    """Return a contact sheet (H, W, 3): image, name and time on screen of each person."""
    people = [one for one in answer.people if one.person in pictures]
    rows = max(1, -(-len(people) // columns))
    tall = TILE + 62
    width, height = columns * (TILE + GAP) + GAP, rows * (tall + GAP) + GAP
    page = np.full((height, width, 3), PAPER, np.uint8)
    for place, person in enumerate(people):
        top = GAP + place // columns * (tall + GAP)
        left = GAP + place % columns * (TILE + GAP)
        picture = thumbnail(pictures[person.person], TILE)
        page[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        under = top + TILE + 6
        _write(page, person.person, left, under, TEXT, INK)
        _write(page, f"{person.seconds:.1f} s on screen", left, under + 26, 0.8 * TEXT, SOFT)
    if not people:
        _write(page, "No face was found.", GAP, GAP, TEXT, INK)
    return page


def _write(
    page: Pixels, text: str, left: int, top: int, size: float, colour: tuple[int, int, int]
) -> None:
    mask = text_mask(text, size)
    while mask.shape[1] > TILE and len(text) > 1:
        text = text[:-2].rstrip() + "…"
        mask = text_mask(text, size)
    area = page[top : top + mask.shape[0], left : left + mask.shape[1]]
    share = mask[: area.shape[0], : area.shape[1], None].astype(np.float32) / 255
    area[:] = np.rint(area + (np.array(colour, np.float32) - area) * share).astype(np.uint8)


def _stamp(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
