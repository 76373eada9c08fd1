"""Identification of people in images and films."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from mien.errors import CancelledError, FilmError, MienError
from mien.film import identify_film
from mien.film.identify import check_every
from mien.film.scanner import EVERY
from mien.media import is_film
from mien.photo import Pipeline, each_photo
from mien.photo.measuring import Measured
from mien.service.runs import Run, forget, resumable, stamp
from mien.types import Answer, FilmAnswer, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Identified:
    """The result for one source."""

    source: str  # "-" if the source is not a path
    answer: Answer | None = None  # of a photo
    image: Pixels | None = None  # of an image source, for drawing
    film: FilmAnswer | None = None
    segments: Path | None = None  # segment log of a film; deleted when the next source is requested
    error: str | None = None  # message, if the source could not be read

    @property
    def complete(self) -> bool:
        """Return whether the whole source was searched."""
        return self.answer is not None or (self.film is not None and self.film.complete)


def identify(
    sources: Iterable[str | bytes | Pixels],
    pipeline: Pipeline,
    *,
    every: float = EVERY,
    keep: Path | None = None,
    run: Run | None = None,
) -> Iterator[Identified]:
    """Identify the people of images and films, one source after another.

    The same call resumes a stopped film within one week.

    Args:
        sources: paths of images and films; or images as file bytes or (H, W, 3) arrays.
        pipeline: with an embedder, and the gallery that is searched.
        every: films: seconds between sampled frames; 0 samples every frame.
        keep: films: path at which the segment log is kept; it holds embeddings.
        run: progress and cancellation.

    Yields:
        One result per source, in order; an unreadable source has an error message.
        After a cancelled film no further results follow.

    Raises:
        CancelledError: the run was cancelled between two images.
        MienError: another process works on the same film.
    """
    check_every(every)
    run = run or Run()
    sources = list(sources)
    photos = sum(not _is_film(one) for one in sources)
    done = 0
    for films, group in groupby(sources, key=_is_film):
        if films:
            for source in group:
                found = None
                for found in _film(str(source), pipeline, every, keep, run):
                    yield found
                if found and found.film and found.film.reason == "interrupted":
                    return
            continue
        run.step("photos", done, photos)
        found_photos = each_photo(
            group, pipeline, lambda one: (one, None), partial(_photo, pipeline)
        )
        for one in found_photos:
            yield one
            done += 1
            run.step("photos", done, photos)


def _is_film(source: str | bytes | Pixels) -> bool:
    return isinstance(source, str) and is_film(source)


def _photo(pipeline: Pipeline, source: str | bytes | Pixels, found: Measured | None) -> Identified:
    name = source if isinstance(source, str) else "-"
    if found is None or found.answer is None:
        return Identified(name, error=found.error if found else None)
    answer = pipeline.matched(found.answer, found.change, found.seen)
    return Identified(name, answer, found.image)


def _film(
    source: str, pipeline: Pipeline, every: float, keep: Path | None, run: Run
) -> Iterator[Identified]:
    """Yield one result; the segment log exists until the next one is requested."""
    if pipeline.turns == "always":
        raise MienError(
            f"Turns 'always' is for photos, and {source} is a film; leave it at 'when-needed': a "
            "film whose faces are turned is reported with the turn."
        )
    with resumable("identify", [stamp(source), pipeline.models, every]) as place:
        log = keep or place
        try:
            answer = identify_film(source, pipeline, every=every, journal=log, on_step=run.step)
        except (FilmError, CancelledError) as error:
            yield Identified(source, error=str(error))
            return
        yield Identified(source, film=answer, segments=log)
        if answer.complete:
            forget(place)
