"""Score pictures and films of live faces and attacks, with a liveness head and a matcher."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.contracts import silent
from mien.datasets import BONA_FIDE, Attempt, planes_of
from mien.decision.decide import FMR
from mien.errors import FilmError, ImageError, LivenessError, MienError, TooFewTrialsError
from mien.evaluate.liveness import Presentation
from mien.evaluate.originals import require_originals
from mien.film.liveness import check_tracks
from mien.liveness import LivenessCheck, read_companions
from mien.media import is_film, open_film, read_image
from mien.photo import Pipeline
from mien.photo.pipeline import main_face
from mien.service.liveness import check_frame
from mien.types import Face, Floats, Liveness, OnStep


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The presentations, and why some have no score."""

    presentations: tuple[Presentation, ...]
    silent: dict[str, int]  # reason -> presentations without a response
    threshold: float  # of the operating point, for the sensors that the attempts name
    references: int = 0  # people whose first live picture is the reference of the matcher
    modalities: dict[str, int] = field(default_factory=dict)  # "rgb+depth" -> presentations


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
        LivenessError: the pipeline checks no liveness, its head does not use the sensors, or
            only some presentations have them.
        TooFewTrialsError: nobody has a reference, so there is no matcher.
        MadeImageError: a presentation is declared as made by a program.
        MienError: the matcher gives no number.
    """
    require_originals(Path(one.path) for one in attempts)
    if pipeline.liveness is None:
        raise LivenessError("The pipeline checks no liveness; open it with a liveness head.")
    threshold = _threshold(attempts, pipeline.liveness)
    references = _references(attempts, pipeline) if matcher else {}
    if matcher and not references:
        raise TooFewTrialsError(
            "No person has a live picture as reference; name the person of each presentation, or "
            "leave out --matcher."
        )
    found, silences, parts = [], dict[str, int](), dict[str, int]()
    used = {path for path, _ in references.values()}
    todo = [one for one in attempts if str(one.path) not in used]
    for done, one in enumerate(todo, 1):
        seen = _checked(one, pipeline)
        # With less than the others, such as empty depth, it is judged by a threshold of its own.
        face, score = seen.face, seen.score + (threshold - seen.threshold)
        if seen.reason:
            silences[seen.reason] = silences.get(seen.reason, 0) + 1
        else:
            parts["+".join(seen.parts)] = parts.get("+".join(seen.parts), 0) + 1
        accepted = None
        if matcher and one.person in references:
            reference = references[one.person][1]
            accepted = score > threshold and _matches(pipeline, reference, face, fmr)
        found.append(
            Presentation(
                one.species, one.subject, score, accepted, one.domain, one.setting, one.group
            )
        )
        on_step("presentations", done, len(todo))
    return Scored(tuple(found), silences, threshold, len(references), parts)


def _threshold(attempts: Sequence[Attempt], check: LivenessCheck) -> float:
    """The threshold for the sensors of all attempts."""
    sets = {planes_of(one) for one in attempts}
    if len(sets) > 1:
        raise LivenessError(
            "Only some presentations have depth or infrared, so no threshold fits all; evaluate "
            "them apart."
        )
    planes = next(iter(sets), ())
    check.require(planes)
    return check.head.points["+".join((check.point, *planes))]


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


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The largest face of one presentation, and its score (NaN: no response, with a reason)."""

    face: Face | None
    reason: str | None
    score: float = float("nan")
    parts: tuple[str, ...] = ()  # modalities that the score rests on
    threshold: float = float("nan")  # of these modalities


def _seen(face: Face | None, found: Liveness | None) -> _Seen:
    if found is None or found.score is None:
        return _Seen(face, found.reason if found else "no-answer")
    return _Seen(face, None, found.score, found.modalities, found.threshold)


def _checked(one: Attempt, pipeline: Pipeline) -> _Seen:
    try:
        if is_film(str(one.path)):
            return _film(one, pipeline)
        image = read_image(one.path)
        if planes_of(one):
            seen = read_companions(one.depth, one.infrared)
            answer = check_frame(image, seen, pipeline).answer
        else:
            answer = pipeline(image)
    except (ImageError, FilmError):
        return _Seen(None, "unreadable")
    assert answer is not None
    if not answer.faces:
        return _Seen(None, f"no-face-{answer.reason}")
    face = main_face(answer.faces, image)
    return _seen(face, face.liveness)


def _film(one: Attempt, pipeline: Pipeline) -> _Seen:
    assert pipeline.liveness is not None
    if planes_of(one):
        raise LivenessError(f"{one.path} is a film; depth and infrared belong to pictures.")
    with open_film(one.path) as film:
        tracks = check_tracks(film.frames(), pipeline.detector, pipeline.liveness)
    if not tracks:
        return _Seen(None, "no-face")
    longest = max(tracks, key=lambda track: track.checked)
    return _seen(longest.largest, longest.liveness)


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
