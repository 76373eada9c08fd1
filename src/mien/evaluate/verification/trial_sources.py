"""Turn a user's source (folder, list, data set, table) into comparisons of images."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.datasets import PAIRS, TEMPLATES, unpacked_bin
from mien.datasets.pairs import lfw
from mien.datasets.people import Picture, people_in
from mien.datasets.trial_pairs import Pair, few, our_pairs, pictures_of
from mien.decision import Calibration
from mien.errors import MienError
from mien.evaluate.verification.trial_set import (
    Compared,
    compare_everybody,
    compare_pairs,
    compared_in,
)
from mien.evaluate.verification.vectors import Failure, embed_pictures
from mien.photo import Pipeline
from mien.types import Floats, OnStep

BIN = "bin"


@dataclass(frozen=True, slots=True)
class Source:
    """The source that a user named."""

    place: Path  # folder, root of a data set, .bin file, or CSV of similarities
    pairs: Path | None = None  # list of pairs of files of that folder
    layout: str = ""  # name of an original layout
    folds: str = ""  # such as "0-3"; "": all
    everybody: bool = False  # compare every image with every other

    @property
    def scored(self) -> bool:
        """Whether it is a table of similarities, which needs no models."""
        return self.place.is_file() and self.layout != BIN


def scores_of(source: Source) -> Compared:
    """Comparisons of a table of similarities."""
    return compared_in(source.place)


def pairs_in(source: Source, work: Path) -> list[Pair]:
    """The pairs of a list or of a data set in its original layout, of the requested folds.

    Args:
        source: with a list or a layout.
        work: empty folder, for images that are extracted from one file.

    Raises:
        MienError: there is no such layout, or the files do not match the layout.
    """
    layouts = {**PAIRS, **TEMPLATES}
    if source.layout == BIN:
        found = unpacked_bin(source.place, work)
    elif source.layout:
        if source.layout not in layouts:
            raise MienError(
                f"There is no layout '{source.layout}'; there are {', '.join([*layouts, BIN])}. "
                "Other lists can be written as CSV (--pairs)."
            )
        found = layouts[source.layout](source.place)
    elif source.pairs is None:
        raise MienError("Name a list of pairs (--pairs) or a layout (--layout).")
    elif source.pairs.suffix == ".txt":
        found = lfw(source.place, source.pairs)
    else:
        found = our_pairs(source.pairs, source.place)
    if not source.folds:
        return found
    wanted = folds_of(source.folds, {pair.fold for pair in found if pair.fold is not None})
    return [pair for pair in found if pair.fold in wanted]


def people_of(source: Source, work: Path) -> list[Picture]:
    """Images with their people: of a folder of people, or of a list."""
    if source.pairs or source.layout:
        return pictures_of(pairs_in(source, work))
    pictures = people_in(source.place)
    if not source.folds:
        return pictures
    wanted = folds_of(source.folds, {picture.fold for picture in pictures})
    return [picture for picture in pictures if picture.fold in wanted]


def compared_of(
    source: Source,
    pipeline: Pipeline,
    work: Path,
    *,
    vectors: Path | None = None,
    calibration: Calibration | None = None,
    on_step: OnStep | None = None,
) -> tuple[Compared, list[Failure]]:
    """Compare the images of a source; in a folder of people each is compared with all others.

    With a calibration of the embedder the trials have scores, otherwise cosines.
    """
    listed = bool(source.pairs or source.layout)
    pairs = pairs_in(source, work) if listed else []
    pictures = pictures_of(pairs) if listed else people_of(source, work)
    found, failures = embed_pictures(pictures, pipeline, vectors=vectors, on_step=on_step)
    _require_faces(found, failures)
    if source.everybody or not listed:
        return compare_everybody(found, failures, calibration=calibration), failures
    known = source.layout != BIN
    return compare_pairs(pairs, found, known=known, calibration=calibration), failures


def folds_of(text: str, known: set[int]) -> set[int]:
    """Fold numbers from text such as "0-3" or "0,2".

    Raises:
        MienError: it names no folds, or some that do not exist.
    """
    chosen: set[int] = set()
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if not ends:
            raise MienError(f"'{text}' names no folds; write 0-3 or 0,2.")
        chosen |= set(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    if chosen - known or not chosen:
        raise MienError(
            f"Folds '{text}' do not all exist; these images are in folds "
            f"{', '.join(map(str, sorted(known))) or '(none)'}."
        )
    return chosen


def _require_faces(found: Mapping[Picture, Floats], failures: Sequence[Failure]) -> None:
    if not found:
        some = few([str(failure.picture.path) for failure in failures])
        raise MienError(
            f"None of {len(failures)} images shows a face ({some}), so nothing can be "
            "measured; check them with: mien detect"
        )
