"""Face analysis: identity, liveness, behaviour, and how reliable each answer is.

    import mien
    mien.enroll("family/", gallery="family.mien")
    print(mien.identify("party.jpg", gallery="family.mien").faces[0].decision)

The public interface. It imports NumPy and nothing heavier; models are loaded when they are
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
    from mien.gallery import Gallery, GuardedGallery
    from mien.liveness import Action, LivenessCheck
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
    "check_liveness",
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
    """Read an image as upright (H, W, 3) uint8 RGB; see mien.media.read_image.

    Example:
        >>> mien.read_image("party.jpg").shape
        (512, 1024, 3)
    """
    from mien.media import read_image

    return read_image(source)


def open_gallery(
    path: str | PathLike[str],
    *,
    create: bool = False,
    who: str | None = None,
    purpose: str | None = None,
) -> "GuardedGallery":
    """Open a gallery for the default embedder; see mien.gallery.open_gallery.

    Example:
        >>> with mien.open_gallery("family.mien") as gallery:
        ...     [person.name for person in gallery.people()]
        ['Eileen', 'Grace']
    """
    from mien.gallery import open_gallery

    embedder = _default().embedder
    assert embedder is not None
    return open_gallery(path, embedder.contract, create=create, who=who, purpose=purpose)


def open_pipeline(**options: Any) -> "Pipeline":
    """Open a pipeline with chosen models and thresholds; see mien.photo.open_pipeline.

    Example:
        >>> pipeline = mien.open_pipeline(embedder=None, turns="never")
        >>> len(pipeline(mien.read_image("party.jpg")).faces)
        2
    """
    from mien.photo import open_pipeline

    return open_pipeline(**options)


def find_faces(picture: Picture) -> Answer:
    """Find the faces of one image and assess their quality; embed nothing.

    Example:
        >>> answer = mien.find_faces("party.jpg")
        >>> len(answer.faces), answer.size
        (2, (512, 1024))
    """
    return _finder()(read_image(picture))


def check_liveness(picture: Picture, *, head: str | None = None, at: str | None = None) -> Answer:
    """Check whether the faces of one image are live; each gets a `liveness`.

    Args:
        picture: a path, the bytes of a file, or an array.
        head: card of the head; default: minifasnet, whose weights `mien models pull` fetches.
        at: name of its operating point; default: bpcer5.

    Raises:
        LivenessError: the weights of the head are not on this machine.

    Example:
        >>> answer = mien.check_liveness("party.jpg", head="liveness-texture")
        >>> [face.liveness.model.split("@")[0] for face in answer.faces]
        ['liveness-texture', 'liveness-texture']
    """
    from dataclasses import replace

    return replace(_finder(), liveness=_check("warn", head, at))(read_image(picture))


def analyze(
    sources: "str | PathLike[str] | Sequence[str | PathLike[str]]",
    *,
    gallery: "str | PathLike[str] | Gallery | None" = None,
    baseline: "str | PathLike[str] | Baseline | None" = None,
    folder: str | PathLike[str] | None = None,
    on_step: Callable[[str, int, int], None] | None = None,
    **options: Any,
) -> "Table":
    """Measure every face in films and images: one row per face per frame.

    Args:
        sources: one film or image, or several.
        gallery: a file or an open gallery, to name people; None: tracks have numbers only.
        baseline: a person's baseline, or its file; None: it is fitted to the film.
        folder: stores the rows; None: a stopped run is stored for a week, and the same call
            resumes it.
        on_step: called with "film" and seconds, or "pictures" and counts: done, total.
        options: of mien.film.open_analyzer: heads, every, points, detector, device ...

    Example:
        >>> table = mien.analyze("party.jpg")
        >>> table.data["reason"].tolist()
        ['ok', 'ok']
    """
    from mien import film, service
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
    names = [sources] if isinstance(sources, str | PathLike) else sources
    analyzer = film.open_analyzer(gallery=gallery, **options)
    return service.analyze(
        [str(name) for name in names],
        analyzer,
        baseline=baseline,
        folder=folder,
        run=service.Run(on_step) if on_step else None,
    )


def enroll(
    source: str | PathLike[str],
    gallery: "str | PathLike[str] | Gallery",
    *,
    on_step: Callable[[str, "Enrolled", int, int], None] | None = None,
    liveness: "Action" = "off",
) -> "list[Enrolled]":
    """Add people to a gallery; a second call continues where the first one stopped.

    Args:
        source: a folder with one folder a person, `Name.jpg` files, or a CSV file with the
            columns person and path. A line that cannot be used is left out with a warning.
        gallery: a file, created if it does not exist, or an open gallery.
        on_step: called with "enroll", the result, the number done and the total.
        liveness: "refuse" refuses faces that are not live; see `check_liveness`.

    Returns:
        The result for each image: enrolled, already there, or refused with a reason.

    Example:
        >>> for result in mien.enroll("family/", gallery="family.mien"):
        ...     print(result.item.person, result.outcome)
        Eileen enrolled
        Grace enrolled
    """
    import warnings

    from mien import service

    if isinstance(gallery, str | PathLike):
        with open_gallery(gallery, create=True) as known:
            return enroll(source, known, on_step=on_step, liveness=liveness)
    items, results = service.items_in(Path(source), skipped=warnings.warn), []
    for result in service.enroll(items, _checking(liveness), gallery):
        results.append(result)
        if on_step:
            on_step("enroll", result, len(results), len(items))
    return results


def identify(
    picture: Picture,
    gallery: "str | PathLike[str] | Gallery",
    *,
    fpir: float = 0.01,
    liveness: "Action" = "off",
) -> Answer:
    """Identify the faces of one image: each gets a decision, match, review or unknown.

    Args:
        picture: a path, the bytes of a file, or an array.
        gallery: a file or an open gallery.
        fpir: share of searches of people outside the gallery that may return a name. The
            threshold depends on it and on the size of the gallery.
        liveness: "warn" or "refuse": check that faces are live; see `check_liveness`.

    Example:
        >>> answer = mien.identify("party.jpg", gallery="family.mien")
        >>> [(face.decision.outcome, face.decision.person) for face in answer.faces]
        [('match', 'Eileen'), ('match', 'Grace')]
    """
    from dataclasses import replace

    from mien.media import read_change

    if isinstance(gallery, str | PathLike):
        with open_gallery(gallery) as known:
            return identify(picture, known, fpir=fpir, liveness=liveness)
    pipeline = replace(_checking(liveness), gallery=gallery, fpir=fpir)
    change = read_change(picture) if isinstance(picture, str | bytes | PathLike) else None
    return pipeline(read_image(picture), change)


def verify(
    first: Picture | Face,
    second: Picture | Face,
    *,
    fmr: float = 1e-3,
    liveness: "Action" = "off",
) -> Decision:
    """Decide whether two images show one person.

    Args:
        first: an image that shows one face, or a face that is embedded already.
        second: likewise.
        fmr: false match rate to work at: share of non-mated comparisons that may match.
        liveness: "warn" or "refuse": check that the second face is live; see `check_liveness`.

    Raises:
        NoFaceError: an image shows no face, or several.
        TooFewTrialsError: the calibration has too few comparisons for this rate.

    Example:
        >>> mien.verify("passport.jpg", "selfie.jpg").outcome
        'match'
    """
    from mien import service

    return service.verify(first, second, _checking(liveness), fmr=fmr)


@lru_cache(maxsize=1)
def _default() -> "Pipeline":
    return open_pipeline()


def _checking(liveness: "Action") -> "Pipeline":
    from dataclasses import replace

    return replace(_default(), liveness=_check(liveness))


@lru_cache(maxsize=4)
def _check(
    action: "Action", head: str | None = None, at: str | None = None
) -> "LivenessCheck | None":
    from mien.liveness import open_check

    return open_check(action, head=head, point=at)


@lru_cache(maxsize=1)
def _finder() -> "Pipeline":
    return open_pipeline(embedder=None)  # detection does not load an embedder
