"""Who is on screen, when: a film in, people and their appearances out."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mien.errors import FilmError, MienError
from mien.film.identities import appearances, identify_tracks, open_search, prominent
from mien.film.scanner import SEGMENT, FilmScanner
from mien.film.segment_log import SegmentLog
from mien.media import Film, open_film
from mien.photo.pipeline import Pipeline, Watch
from mien.track import Segment, ShotBoundaryDetector, TrackBuilder
from mien.types import FilmAnswer, OnStep

EVERY = 0.1  # s between looks: people are missed for less than they can be noticed
FLEETING = 0.3  # s in sight: less is a flicker of the detector


def identify_film(
    source: str | os.PathLike[str],
    pipeline: Pipeline,
    *,
    every: float = EVERY,
    journal: str | os.PathLike[str] | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> FilmAnswer:
    """Say who can be seen in a film, and when.

    Each face is followed from look to look; the best looks of each track are embedded and
    averaged; tracks are joined to people; people are looked up in the pipeline's gallery.

    Args:
        source: the film.
        pipeline: detector, embedder, and the gallery if people are to be named.
        every: seconds between looks; 0 looks at every frame.
        journal: file that keeps what was seen, so that a run that was stopped goes on from
            there; None keeps nothing. It holds vectors of faces: delete it when done.
        on_step: is told the seconds done, and all there are (0 if nobody knows).

    Returns:
        People, appearances and tracks. If the film breaks off, or the run is stopped with Ctrl-C,
        what was seen until then, with the reason.

    Raises:
        FilmError: the file is no film, or has no pictures.
    """
    check_every(every)
    watch = Watch()
    calibration = pipeline.calibrated() if pipeline.embedder else None
    with open_film(source) as film:
        between = every or 1 / (film.rate or 25)
        gathering = TrackBuilder(fewest=max(1, round(FLEETING / between)))
        looking = FilmScanner(pipeline.detector, pipeline.embedder, calibration, gathering)
        kept = SegmentLog(journal, settings(film, source, pipeline, every)) if journal else None
        with kept or nullcontext():
            start = looking.replay(kept.stretches()) if kept else 0.0
            reason = _run(_frames(film, looking, every, start), kept, film, on_step)
        reason = reason or film.reason
        whole = reason not in {"interrupted", "full", "lost"}
        if whole:
            gathering.finish(gathering.seconds + between)
        counts = asdict(film.counts)
    watch.lap("look")
    answer = _answer(gathering, pipeline, counts, reason, whole)
    watch.lap("name")
    answer.times.update(watch.seconds)
    return answer


def check_every(every: float) -> None:
    """Refuse a distance between looks that cannot be meant."""
    if not 0 <= every <= 60:
        raise MienError(f"Looks {every:g} s apart are not possible; give 0 (every frame) to 60.")


def settings(
    film: Film, source: str | os.PathLike[str], pipeline: Pipeline, every: float
) -> dict[str, Any]:
    """All that decides what is seen; a journal belongs to one set of them."""
    path = Path(source)
    size = path.stat().st_size if path.is_file() else None
    return {
        "film": path.name,
        "size": size,
        "duration": film.duration,
        "every": every,
        "stretch": SEGMENT,
        "models": pipeline.models,
    }


def _frames(film: Film, looking: FilmScanner, every: float, start: float) -> Iterator[Segment]:
    # One stretch is read again, so that a cut right at the start is seen.
    early = max(0.0, start - SEGMENT)
    yield from looking(film.frames(start=early, every=every, glance=ShotBoundaryDetector()))


def _run(
    stretches: Iterator[Segment], journal: SegmentLog | None, film: Film, on_step: OnStep
) -> str | None:
    """Look until the film is over; give the reason if it was not reached."""
    total = round(film.duration or 0)
    try:
        for stretch in stretches:
            if journal and not _saved(journal, stretch):
                return "full"
            on_step("look", min(round((stretch.index + 1) * SEGMENT), total or 1 << 60), total)
    except KeyboardInterrupt:
        return "interrupted"
    except FilmError:  # it stalled
        return "lost"
    on_step("look", total, total)
    return None


def _saved(journal: SegmentLog, stretch: Segment) -> bool:
    try:
        journal.append(stretch)
    except FilmError:
        return False
    return True


def _answer(
    gathering: TrackBuilder,
    pipeline: Pipeline,
    counts: dict[str, int | None],
    reason: str | None,
    whole: bool,
) -> FilmAnswer:
    calibration = pipeline.calibrated() if pipeline.embedder else None
    tracks, people = identify_tracks(
        gathering.tracks(), gathering.together, open_search(pipeline), calibration
    )
    return FilmAnswer(
        tuple(people),
        tuple(appearances(people, tracks)),
        tuple(prominent(gathering.largest, people)),
        tuple(tracks),
        tuple(gathering.cuts),
        gathering.seconds,
        counts,
        reason,
        whole,
        pipeline.models,
    )
