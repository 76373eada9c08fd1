"""Score pictures and films of live faces and attacks, with a liveness head and a matcher."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.contracts import silent
from mien.datasets import BONA_FIDE, Attempt
from mien.decision.decide import FMR
from mien.errors import FilmError, ImageError, LivenessError, MienError, TooFewTrialsError
from mien.evaluate.liveness import Presentation
from mien.evaluate.originals import require_originals
from mien.film.liveness import EVERY, check_tracks
from mien.media import is_film, open_film, read_image
from mien.photo import Pipeline
from mien.photo.pipeline import main_face
from mien.types import Face, Floats, OnStep


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The presentations, and why some have no score."""

    presentations: tuple[Presentation, ...]
    silent: dict[str, int]  # reason -> presentations without a response
    references: int = 0  # people whose first live picture is the reference of the matcher


def score_attempts(
    attempts: Sequence[Attempt],
    pipeline: Pipeline,
    *,
    matcher: bool = False,
    fmr: float = FMR,
    on_step: OnStep = silent,
) -> Scored:
    """Score every presentation; a picture without a face, or without a score, is a non-response.

    Args:
        attempts: from a reader of mien.datasets.
        pipeline: with `liveness`; for a matcher with an embedder.
        matcher: compare each face with the first live picture of the person it shows, which is
            then no presentation of the test. The whole system accepts a face that is live and
            matches.
        fmr: false match rate of the matcher.
        on_step: called after each presentation.

    Raises:
        LivenessError: the pipeline checks no liveness.
        TooFewTrialsError: nobody has a reference, so there is no matcher.
        MadeImageError: a presentation is declared as made by a program.
        MienError: the matcher gives no number.
    """
    require_originals(Path(one.path) for one in attempts)
    if pipeline.liveness is None:
        raise LivenessError("The pipeline checks no liveness; open it with a liveness head.")
    references = _references(attempts, pipeline) if matcher else {}
    if matcher and not references:
        raise TooFewTrialsError(
            "No person has a live picture as reference; name the person of each presentation, or "
            "leave out --matcher."
        )
    found, silences = [], dict[str, int]()
    used = {path for path, _ in references.values()}
    todo = [one for one in attempts if str(one.path) not in used]
    for done, one in enumerate(todo, 1):
        face, score, reason = _checked(one, pipeline)
        if reason:
            silences[reason] = silences.get(reason, 0) + 1
        accepted = None
        if matcher and one.person in references:
            reference = references[one.person][1]
            accepted = score > pipeline.liveness.threshold and _matches(
                pipeline, reference, face, fmr
            )
        found.append(
            Presentation(
                one.species, one.subject, score, accepted, one.domain, one.setting, one.group
            )
        )
        on_step("presentations", done, len(todo))
    return Scored(tuple(found), silences, len(references))


def _references(attempts: Sequence[Attempt], pipeline: Pipeline) -> dict[str, tuple[str, Face]]:
    """Person -> path and embedded face of the first live picture of that person."""
    found: dict[str, tuple[str, Face]] = {}
    for one in attempts:
        if one.species == BONA_FIDE and one.person and one.person not in found:
            try:
                face = None if is_film(str(one.path)) else pipeline.main_face(read_image(one.path))
            except ImageError:
                continue
            if face is not None:
                found[one.person] = str(one.path), face
    return found


def _checked(one: Attempt, pipeline: Pipeline) -> tuple[Face | None, float, str | None]:
    """The largest face, its score (NaN: no response) and the reason for no response."""
    assert pipeline.liveness is not None
    try:
        if is_film(str(one.path)):
            return _film(str(one.path), pipeline)
        image = read_image(one.path)
    except (ImageError, FilmError):
        return None, float("nan"), "unreadable"
    answer = pipeline(image)
    if not answer.faces:
        return None, float("nan"), f"no-face-{answer.reason}"
    face = main_face(answer.faces, image)
    liveness = face.liveness
    if liveness is None or liveness.score is None:
        return face, float("nan"), liveness.reason if liveness else "no-answer"
    return face, liveness.score, None


def _film(path: str, pipeline: Pipeline) -> tuple[Face | None, float, str | None]:
    assert pipeline.liveness is not None
    with open_film(path) as film:
        tracks = check_tracks(film.frames(every=EVERY), pipeline.detector, pipeline.liveness)
    if not tracks:
        return None, float("nan"), "no-face"
    longest = max(tracks, key=lambda one: len(one.checks))
    found = longest.liveness
    score = float("nan") if found.score is None else found.score
    return longest.largest, score, found.reason


def _matches(pipeline: Pipeline, reference: Face, face: Face | None, fmr: float) -> bool:
    if face is None or face.embedding is None:  # no face, or a film: the matcher refuses
        return False
    _require_vector(face.embedding, pipeline)
    return pipeline.verify(reference, face, fmr=fmr).outcome == "match"


def _require_vector(vector: Floats, pipeline: Pipeline) -> None:
    name = pipeline.embedder.name if pipeline.embedder else "the matcher"
    if vector.dtype.kind != "f" or not np.isfinite(vector).all():
        raise MienError(
            f"'{name}' answers with {vector.dtype} or NaN instead of finite numbers, so nothing "
            "is known about the whole system; leave out --matcher."
        )
