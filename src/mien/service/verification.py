"""Verification: decide whether two images show the same person."""

from typing import TypeGuard

from mien.decision import FMR
from mien.decision.decide import question_origin
from mien.media import read_change, read_image
from mien.photo import Pipeline
from mien.types import Decision, Face, Pixels


def verify(
    first: str | bytes | Pixels | Face,
    second: str | bytes | Pixels | Face,
    pipeline: Pipeline,
    *,
    fmr: float = FMR,
    changes: tuple[str | None, ...] = (),
) -> Decision:
    """Decide whether two images show the same person.

    Args:
        first: an image of one face: path, bytes of a file or array; or an embedded face.
        second: likewise.
        pipeline: with an embedder.
        fmr: false match rate to work at.
        changes: what images that are given as arrays are declared to be; see
            mien.media.read_change. Of paths and bytes it is read here. A match is then for review.

    Raises:
        NoFaceError: an image shows no face, or several of similar size.
        TooFewTrialsError: the calibration has too few comparisons for this rate.
    """
    a, b = (_face(one, pipeline) for one in (first, second))
    decision = pipeline.verify(a, b, fmr=fmr)
    for change in (*changes, *(read_change(one) for one in (first, second) if _is_file(one))):
        decision = question_origin(decision, change)
    return decision


def _is_file(one: str | bytes | Pixels | Face) -> TypeGuard[str | bytes]:
    return isinstance(one, str | bytes)


def _face(one: str | bytes | Pixels | Face, pipeline: Pipeline) -> Face:
    if isinstance(one, Face):
        return one
    where = one if isinstance(one, str) else "the image"
    return pipeline.only_face(read_image(one), where)
