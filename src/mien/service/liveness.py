"""Liveness checks of images, films and cameras."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from mien.behaviour.challenge import Challenge, ChallengeResult
from mien.contracts import Landmarker
from mien.errors import FilmError, ImageError, LivenessError
from mien.film.liveness import ChallengeRun, TrackLiveness, check_tracks
from mien.liveness import Companions, LivenessCheck, misplaced
from mien.media import Frame, is_film, is_live, open_source, read_image
from mien.photo import Pipeline, in_parallel
from mien.service.runs import Run
from mien.track import ShotBoundaryDetector
from mien.types import Answer, Liveness, Pixels

Ask = Callable[[str], None]  # is given each request of a challenge


@dataclass(frozen=True, slots=True, eq=False)
class LivenessResult:
    """The result for one source."""

    source: str  # "-" if the source is not a path
    answer: Answer | None = None  # of an image; its faces have their liveness
    image: Pixels | None = None
    tracks: tuple[TrackLiveness, ...] = ()  # of a film or camera, the largest face first
    seconds: float = 0.0  # of the film that were seen
    challenge: ChallengeResult | None = None  # None: none was asked for
    reason: str | None = None  # why there is no face: a code of mien.detect.REASONS, or "no-face"
    models: dict[str, str] = field(default_factory=dict)
    error: str | None = None  # message, if the source could not be read

    @property
    def found(self) -> list[Liveness]:
        """Return the liveness of each face."""
        faces = self.answer.faces if self.answer else ()
        return [face.liveness for face in faces if face.liveness] + [
            t.liveness for t in self.tracks
        ]

    @property
    def outcome(self) -> str:
        """Return "live" only if each face is, and the challenge was passed if there was one.

        Else "attack", or "no-response" if there is no face or none has a score.
        """
        outcomes = {one.outcome for one in self.found}
        if "attack" in outcomes or (self.challenge and not self.challenge.passed):
            return "attack"
        return "live" if outcomes == {"live"} else "no-response"


def check_liveness(
    sources: Iterable[str | bytes | Pixels],
    pipeline: Pipeline,
    *,
    chips: bool = False,
    run: Run | None = None,
) -> Iterator[LivenessResult]:
    """Check every face of images and films.

    Args:
        sources: paths of images and films; or images as file bytes or (H, W, 3) arrays.
        pipeline: with `liveness`.
        chips: keep pictures of the checked frames of films, for a report.
        run: progress and cancellation.

    Yields:
        One result per source, in order; an unreadable source has an error message.

    Raises:
        LivenessError: the pipeline checks no liveness.
    """
    _require_check(pipeline)
    run, sources = run or Run(), list(sources)
    results = in_parallel(partial(_one, pipeline=pipeline, chips=chips), sources, pipeline.workers)
    for done, result in enumerate(results, 1):
        yield result
        run.step("liveness", done, len(sources))


def check_frame(
    source: str | bytes | Pixels, companions: Companions, pipeline: Pipeline
) -> LivenessResult:
    """Check every face of one image with what other sensors saw at the same time.

    Args:
        source: path of the colour image, its bytes or (H, W, 3).
        companions: depth and infrared, aligned with it pixel by pixel.
        pipeline: with `liveness`, whose head uses them.

    Returns:
        The result; a face that infrared shows elsewhere has no score and the code "misaligned".

    Raises:
        LivenessError: the pipeline checks no liveness, its head uses colour only, or the sizes
            differ.
        ImageError: the image cannot be read.
    """
    check = _require_check(pipeline)
    check.require(companions.names)
    image = read_image(source)
    companions.check((image.shape[0], image.shape[1]))
    answer = replace(pipeline, liveness=None)(image)
    boxes = [face.box for face in answer.faces]
    elsewhere = (
        [False] * len(boxes)
        if companions.infrared is None
        else misplaced(companions.infrared, boxes, pipeline.detector)
    )
    faces = [
        replace(
            face,
            liveness=check.no_response("misaligned")
            if apart
            else check.of(image, face, answer.turned, companions),
        )
        for face, apart in zip(answer.faces, elsewhere, strict=True)
    ]
    answer = replace(answer, faces=tuple(faces), models=pipeline.models)
    name = source if isinstance(source, str) else "-"
    return LivenessResult(name, answer, image, reason=answer.reason, models=pipeline.models)


def check_camera(
    source: str,
    pipeline: Pipeline,
    *,
    seconds: float | None = None,
    challenge: Challenge | None = None,
    landmarker: Landmarker | None = None,
    ask: Ask = lambda sentence: None,
    notify: Ask = lambda sentence: None,
    chips: bool = False,
) -> LivenessResult:
    """Check the faces of a camera, a stream or a film; optionally with a challenge.

    Args:
        source: number of a camera, URL of a stream, or path of a film.
        pipeline: with `liveness`.
        seconds: after which the check ends; None: at the end of the film or of the challenge.
        challenge: steps that the person must follow; it ends the check.
        landmarker: of the mesh, for a challenge.
        ask: is given each request of the challenge.
        notify: is given a message if the source is lost or back.
        chips: keep pictures of the checked frames, for a report.

    Raises:
        LivenessError: the pipeline checks no liveness; a camera without an end; a challenge
            without a landmarker.
    """
    check = _require_check(pipeline)
    if is_live(source) and seconds is None and challenge is None:
        raise LivenessError("A camera has no end; give --seconds, or a challenge.")
    if challenge is not None and landmarker is None:
        raise LivenessError("A challenge is read from the mesh of the face; open one with it.")
    lead = (
        ChallengeRun(challenge, pipeline.detector, landmarker) if challenge and landmarker else None
    )
    last = 0.0
    opened = open_source(source, every=0.0, glance=ShotBoundaryDetector(), notify=notify)
    with closing(opened) as frames:

        def seen() -> Iterator[Frame]:
            nonlocal last
            asked = ""
            for frame in frames:
                if seconds is not None and frame.time >= seconds:
                    return
                last = frame.time
                result = lead.see(frame.image, frame.time) if lead else None
                if lead and lead.challenge.request != asked:
                    asked = lead.challenge.request
                    ask(asked)
                yield frame
                if result is not None:
                    return

        tracks = check_tracks(seen(), pipeline.detector, check, chips=chips)
    return _result(source, tracks, last, pipeline, challenge.finish() if challenge else None)


def _one(source: str | bytes | Pixels, pipeline: Pipeline, chips: bool) -> LivenessResult:
    name = source if isinstance(source, str) else "-"
    try:
        if isinstance(source, str) and is_film(source):
            return check_camera(source, pipeline, chips=chips)
        image = read_image(source)
    except (ImageError, FilmError) as error:
        return LivenessResult(name, error=str(error))
    answer = pipeline(image)
    return LivenessResult(name, answer, image, reason=answer.reason, models=answer.models)


def _result(
    source: str,
    tracks: list[TrackLiveness],
    seconds: float,
    pipeline: Pipeline,
    challenge: ChallengeResult | None,
) -> LivenessResult:
    def width(one: TrackLiveness) -> float:
        return float(one.largest.box[2] - one.largest.box[0])

    return LivenessResult(
        source,
        tracks=tuple(sorted(tracks, key=width, reverse=True)),
        seconds=seconds,
        challenge=challenge,
        reason=None if tracks else "no-face",
        models=pipeline.models,
    )


def _require_check(pipeline: Pipeline) -> LivenessCheck:
    if pipeline.liveness is None:
        raise LivenessError(
            "The pipeline checks no liveness; open it with liveness='warn' or 'refuse'."
        )
    return pipeline.liveness
