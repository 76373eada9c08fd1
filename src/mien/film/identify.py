"""Identification in films: people and their appearances."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mien.contracts import Detector
from mien.detect.views import OTHER_TURNS
from mien.errors import CancelledError, FilmError, MienError
from mien.film.engine import FilmEngine
from mien.film.identities import Search, appearances, identify_tracks, open_search, prominent
from mien.film.scanner import EVERY, SEGMENT, FilmScanner
from mien.film.segment_log import SegmentLog
from mien.film.trial import try_people
from mien.geometry import Quarter
from mien.media import Film, Frame, open_film, read_change
from mien.media import turn as turned
from mien.photo.pipeline import Pipeline, Watch
from mien.track import Segment, ShotBoundaryDetector, TrackBuilder, fewest_observations
from mien.types import FilmAnswer, OnStep

PROBES = 5  # frames of a film without known faces that are searched in all orientations
ALL_TURNS: tuple[Quarter, ...] = (*OTHER_TURNS, 0)  # of equal scores the last one counts


def identify_film(
    source: str | os.PathLike[str],
    pipeline: Pipeline,
    *,
    every: float = EVERY,
    journal: str | os.PathLike[str] | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> FilmAnswer:
    """Identify the people of a film, and their appearances.

    Faces are tracked over sampled frames; the key faces of each track are embedded and averaged;
    tracks of one person are merged; people are searched for in the pipeline's gallery.

    Args:
        source: the film.
        pipeline: detector, embedder, and the gallery if people are to be named.
        every: seconds between sampled frames; 0 samples every frame.
        journal: segment log that stores intermediate results, so that a stopped run can
            continue; None stores nothing. It holds embeddings: delete it when the film is done.
        on_step: called with seconds done and total (0 if unknown).

    Returns:
        People, appearances and tracks. If the film breaks off, or the run is stopped with Ctrl-C,
        the results up to that point, with the reason.

    Raises:
        FilmError: the file is not a film, or has no images.
    """
    check_every(every)
    watch = Watch()
    calibration = pipeline.calibrated() if pipeline.embedder else None
    with open_film(source) as film:
        between = every or film.interval
        builder = TrackBuilder(fewest=fewest_observations(between))
        scanner = FilmScanner(
            pipeline.detector,
            pipeline.embedder,
            calibration,
            every=every,
            liveness=pipeline.liveness,
        )
        log = SegmentLog(journal, settings(film, source, pipeline, every)) if journal else None
        with log or nullcontext():
            start = scanner.replay(_taken(log.segments(), builder)) if log else 0.0
            frames = _frames(film, every, start)
            segments = _taken(FilmEngine(scanner).segments(frames), builder)
            reason = _run(segments, log, film, on_step)
        reason = reason or film.reason
        whole = reason not in {"interrupted", "full", "lost"}
        if whole:
            last = builder.seconds + between
            builder.finish(min(last, film.until or last))
        counts = asdict(film.counts)
    watch.lap("scan")
    search = open_search(pipeline, read_change(source))
    answer = _answer(builder, pipeline, search, counts, reason, whole)
    if whole and reason is None and pipeline.turns != "never" and not _named(answer):
        answer = replace(answer, reason=find_turn(source, pipeline.detector))
    watch.lap("identify")
    if pipeline.trial and whole:  # a film that goes on later is compared once, at its end
        people = try_people(source, answer.people, answer.tracks, pipeline.trial, on_step)
        answer = replace(answer, people=people)
        watch.lap("try")
    answer.times.update(watch.seconds)
    return answer


def _taken(segments: Iterable[Segment], builder: TrackBuilder) -> Iterator[Segment]:
    """Yield each segment after the track builder has added it."""
    for segment in segments:
        builder.take(segment)
        yield segment


def _named(answer: FilmAnswer) -> bool:
    """Return whether somebody is identified: a film that is not upright shows nobody known."""
    return any(one.decision and one.decision.outcome == "match" for one in answer.people)


def find_turn(source: str | os.PathLike[str], detector: Detector) -> str | None:
    """Return the reason of a film that shows upright faces once it is turned; None: it is upright.

    Weak faces are also found on their side, so the orientation of the most certain face counts,
    in the majority of a few frames.
    """
    seen: Counter[int] = Counter()
    with open_film(source) as film:
        length = film.duration or 0.0
        for number in range(PROBES):
            frame = next(film.frames(start=length * number / PROBES), None)
            if frame is not None:
                found = {degrees: detector(turned(frame.image, degrees)) for degrees in ALL_TURNS}
                scores = {degrees: faces[0].score for degrees, faces in found.items() if faces}
                seen.update(sorted(scores, key=scores.__getitem__)[-1:])
    [(degrees, _)] = seen.most_common(1) or [(0, 0)]
    return f"turned-{degrees}" if degrees else None


def check_every(every: float) -> None:
    """Raise an error for an invalid sampling interval."""
    if not 0 <= every <= 60:
        raise MienError(
            f"Sampling interval {every:g} s is not valid: expected 0 (every frame) to 60 s."
        )


def settings(
    film: Film, source: str | os.PathLike[str], pipeline: Pipeline, every: float
) -> dict[str, Any]:
    """Return the settings that the results depend on; a journal belongs to one set."""
    path = Path(source)
    size = path.stat().st_size if path.is_file() else None
    return {
        "film": path.name,
        "size": size,
        "duration": film.duration,
        "every": every,
        "segment": SEGMENT,
        "models": pipeline.models,
    }


def _frames(film: Film, every: float, start: float) -> Iterator[Frame]:
    # One segment is read again, to detect a cut at the start.
    early = max(0.0, start - SEGMENT)
    return film.frames(start=early, every=every, glance=ShotBoundaryDetector())


def _run(
    segments: Iterator[Segment], journal: SegmentLog | None, film: Film, on_step: OnStep
) -> str | None:
    """Scan to the end of the film; return the reason if the end is not reached."""
    total = round(film.duration or 0)
    try:
        for segment in segments:
            if journal and not _saved(journal, segment):
                return "full"
            on_step("scan", min(round((segment.index + 1) * SEGMENT), total or 1 << 60), total)
    except (KeyboardInterrupt, CancelledError):
        return "interrupted"
    except FilmError:  # it stalled
        return "lost"
    on_step("scan", total, total)
    return None


def _saved(journal: SegmentLog, segment: Segment) -> bool:
    try:
        journal.append(segment)
    except FilmError:
        return False
    return True


def _answer(
    builder: TrackBuilder,
    pipeline: Pipeline,
    search: Search | None,
    counts: dict[str, int | None],
    reason: str | None,
    whole: bool,
) -> FilmAnswer:
    calibration = pipeline.calibrated() if pipeline.embedder else None
    tracks, people = identify_tracks(builder.tracks(), builder.together, search, calibration)
    return FilmAnswer(
        tuple(people),
        tuple(appearances(people, tracks)),
        tuple(prominent(builder.largest, people)),
        tuple(tracks),
        tuple(builder.cuts),
        builder.seconds,
        counts,
        reason,
        whole,
        pipeline.models,
    )
