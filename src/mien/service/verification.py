"""Verification: decide whether two images show the same person."""

from mien.decision import FMR
from mien.media import read_image
from mien.photo import Pipeline
from mien.types import Decision, Face, Pixels


def verify(
    first: str | bytes | Pixels | Face,
    second: str | bytes | Pixels | Face,
    pipeline: Pipeline,
    *,
    fmr: float = FMR,
) -> Decision:
    """Decide whether two images show the same person.

    Args:
        first: an image of one face: path, bytes of a file or array; or an embedded face.
        second: likewise.
        pipeline: with an embedder.
        fmr: false match rate to work at.

    Raises:
        NoFaceError: an image shows no face, or several of similar size.
        TooFewTrialsError: the calibration has too few comparisons for this rate.
    """
    a, b = (_face(one, pipeline) for one in (first, second))
    return pipeline.verify(a, b, fmr=fmr)


def _face(one: str | bytes | Pixels | Face, pipeline: Pipeline) -> Face:
    if isinstance(one, Face):
        return one
    where = one if isinstance(one, str) else "the image"
    return pipeline.only_face(read_image(one), where)
