"""Faces: who is it, is it real, what does it show, and how far can the answer be trusted.

    import mien
    mien.enroll("family/", gallery="family.mien")
    print(mien.identify("party.jpg", gallery="family.mien").faces[0].decision)

This is the front door: a few names, NumPy and nothing heavier. Models are opened when they are
first needed, and kept.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.errors import MienError
from mien.types import Answer, Decision, Face, Reading
from mien.zoo import cards, load

if TYPE_CHECKING:
    from mien.behaviour import Baseline
    from mien.gallery import Gallery
    from mien.photo import Pipeline
    from mien.service import Enrolled
    from mien.tables import Table
    from mien.types import Pixels

__all__ = [
    "Answer",
    "Decision",
    "Face",
    "MienError",
    "Reading",
    "analyze",
    "cards",
    "enroll",
    "find_faces",
    "identify",
    "load",
    "open_gallery",
    "open_pipeline",
    "read_image",
    "verify",
]

Picture = Any  # a path, the bytes of a file, or an (H, W, 3) uint8 RGB array


def read_image(source: Picture) -> "Pixels":
    """Read a picture as (H, W, 3) uint8 RGB, upright; see mien.media.read_image.

    Example:
        >>> mien.read_image("party.jpg").shape
        (512, 1024, 3)
    """
    from mien.media import read_image

    return read_image(source)


def open_gallery(path: str | PathLike[str], *, create: bool = False) -> "Gallery":
    """Open the people of a file for the default embedder; see mien.gallery.open_gallery.

    Example:
        >>> with mien.open_gallery("family.mien") as gallery:
        ...     [person.name for person in gallery.people()]
        ['Eileen', 'Grace']
    """
    from mien.gallery import open_gallery

    embedder = _default().embedder
    assert embedder is not None
    return open_gallery(path, embedder.contract, create=create)


def open_pipeline(**options: Any) -> "Pipeline":
    """Choose models, device, thresholds; see mien.photo.open_pipeline for the options.

    Example:
        >>> pipeline = mien.open_pipeline(embedder=None, turns="never")
        >>> len(pipeline(mien.read_image("party.jpg")).faces)
        2
    """
    from mien.photo import open_pipeline

    return open_pipeline(**options)


def find_faces(picture: Picture) -> Answer:
    """Find and judge the faces of one picture with the default detector; embed nothing.

    Example:
        >>> answer = mien.find_faces("party.jpg")
        >>> len(answer.faces), answer.size
        (2, (512, 1024))
    """
    return _finder()(read_image(picture))


def analyze(
    sources: "str | PathLike[str] | Sequence[str | PathLike[str]]",
    *,
    gallery: "str | PathLike[str] | Gallery | None" = None,
    baseline: "str | PathLike[str] | Baseline | None" = None,
    folder: str | PathLike[str] | None = None,
    on_step: Callable[[str, int, int], None] | None = None,
    **options: Any,
) -> "Table":
    """Measure every face in every frame of films, and in pictures; one row a face and frame.

    Args:
        sources: one film or picture, or several.
        gallery: a file or an open gallery, so that people get names; None: tracks alone.
        baseline: a person's face at rest, or the file of one; None: the film's own.
        folder: keeps rows on disk, so that a run that was stopped goes on; None keeps nothing.
        on_step: is told "film" and the seconds done and in all, or "pictures" and their number.
        options: of mien.film.open_analyzer: heads, every, points, detector, device ...

    Example:
        >>> table = mien.analyze("party.jpg")
        >>> table.data["reason"].tolist()
        ['ok', 'ok']
    """
    from mien import film
    from mien.behaviour import Baseline

    if isinstance(gallery, str | PathLike):
        with open_gallery(gallery) as known:
            return analyze(
                sources,
                gallery=known,
                baseline=baseline,
                folder=folder,
                on_step=on_step,
                **options,
            )
    if isinstance(baseline, str | PathLike):
        baseline = Baseline.load(Path(baseline))
    if baseline is not None and baseline.vector is not None:
        options.setdefault("people", True)
    names = [sources] if isinstance(sources, str | PathLike) else list(sources)
    kit = film.open_analyzer(gallery=gallery, **options)
    steps = on_step or (lambda name, done, total: None)
    return film.analyze(names, kit, baseline=baseline, folder=folder, on_step=steps)


def enroll(
    source: str | PathLike[str],
    gallery: "str | PathLike[str] | Gallery",
    *,
    on_step: Callable[[str, "Enrolled", int, int], None] | None = None,
) -> "list[Enrolled]":
    """Add people to a gallery; a second call continues where the first one stopped.

    Args:
        source: a folder with one folder a person, `Name.jpg` files, or a CSV file with the
            columns person and path.
        gallery: a file, made if it does not exist, or an open gallery.
        on_step: called with "enroll", the result, how many are done, and of how many.

    Returns:
        What became of each picture: enrolled, already there, or refused with a reason.

    Example:
        >>> for result in mien.enroll("family/", gallery="family.mien"):
        ...     print(result.item.person, result.outcome)
        Eileen enrolled
        Grace enrolled
    """
    from mien import service

    if isinstance(gallery, str | PathLike):
        with open_gallery(gallery, create=True) as known:
            return enroll(source, known, on_step=on_step)
    items, results = service.items_in(Path(source)), []
    for result in service.enroll(items, _default(), gallery):
        results.append(result)
        if on_step:
            on_step("enroll", result, len(results), len(items))
    return results


def identify(
    picture: Picture, gallery: "str | PathLike[str] | Gallery", *, fpir: float = 0.01
) -> Answer:
    """Say who is in one picture: each face gets a decision, match, review or unknown.

    Args:
        picture: a path, the bytes of a file, or an array.
        gallery: a file or an open gallery.
        fpir: share of searches for people who are not in the gallery that may give a name; the
            threshold moves with it and with the size of the gallery.

    Example:
        >>> answer = mien.identify("party.jpg", gallery="family.mien")
        >>> [(face.decision.outcome, face.decision.person) for face in answer.faces]
        [('match', 'Eileen'), ('match', 'Grace')]
    """
    from dataclasses import replace

    if isinstance(gallery, str | PathLike):
        with open_gallery(gallery) as known:
            return identify(picture, known, fpir=fpir)
    pipeline = replace(_default(), gallery=gallery, fpir=fpir)
    return pipeline(read_image(picture))


def verify(first: Picture | Face, second: Picture | Face, *, fmr: float = 1e-3) -> Decision:
    """Say whether two pictures show one person.

    Args:
        first: a picture that shows one face, or a face that was embedded before.
        second: likewise.
        fmr: false match rate to work at: share of pairs of strangers that may pass.

    Raises:
        NoFaceError: a picture shows no face, or several.
        TooFewTrialsError: the calibration cannot show so small a rate.

    Example:
        >>> mien.verify("passport.jpg", "selfie.jpg").outcome
        'match'
    """
    from mien import service

    return service.verify(first, second, _default(), fmr=fmr)


@lru_cache(maxsize=1)
def _default() -> "Pipeline":
    return open_pipeline()


@lru_cache(maxsize=1)
def _finder() -> "Pipeline":
    return open_pipeline(embedder=None)  # nobody who looks for faces waits for an embedder
