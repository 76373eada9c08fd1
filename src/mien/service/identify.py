"""Identify: who is in photos, and who is in films and when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.errors import CancelledError, FilmError, ImageError, MienError
from mien.film import identify_film
from mien.film.identify import check_every
from mien.film.scanner import EVERY
from mien.media import is_film, read_image
from mien.photo import Pipeline
from mien.service.runs import Run, forget, resumable, stamp
from mien.types import Answer, FilmAnswer, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Identified:
    """What became of one source."""

    source: str  # "-" of what is no path
    answer: Answer | None = None  # of a photo
    image: Pixels | None = None  # of a photo, for drawing
    film: FilmAnswer | None = None
    segments: Path | None = None  # segment log of a film; deleted when the next source is asked for
    error: str | None = None  # a sentence: the source could not be read

    @property
    def complete(self) -> bool:
        """Whether the whole source was searched."""
        return self.answer is not None or (self.film is not None and self.film.complete)


def identify(
    sources: Iterable[str | bytes | Pixels],
    pipeline: Pipeline,
    *,
    every: float = EVERY,
    keep: Path | None = None,
    run: Run | None = None,
) -> Iterator[Identified]:
    """Identify the people of photos and films, one source after another.

    A film that was stopped resumes where it was when the same call is made again, within a week.

    Args:
        sources: paths of photos and films; the bytes of a file, or an (H, W, 3) array, is a photo.
        pipeline: with an embedder, and the gallery that is searched.
        every: films: seconds between sampled frames; 0 samples every frame.
        keep: films: segment log that is kept; it holds vectors of faces.
        run: progress and cancellation.

    Yields:
        One result per source, in their order; a source that cannot be read gives its sentence.
        After a cancelled film nothing more is given.

    Raises:
        CancelledError: the run was cancelled between two photos.
        MienError: another process works on the same film.
    """
    check_every(every)
    run = run or Run()
    sources = list(sources)
    photos = sum(not (isinstance(one, str) and is_film(one)) for one in sources)
    done = 0
    for source in sources:
        if isinstance(source, str) and is_film(source):
            found = None
            for found in _film(source, pipeline, every, keep, run):
                yield found
            if found and found.film and found.film.reason == "interrupted":
                return
        else:
            run.step("photos", done, photos)
            yield _photo(source, pipeline)
            done += 1
            run.step("photos", done, photos)


def _photo(source: str | bytes | Pixels, pipeline: Pipeline) -> Identified:
    name = source if isinstance(source, str) else "-"
    try:
        image = read_image(source)
    except ImageError as error:
        return Identified(name, error=str(error))
    return Identified(name, pipeline(image), image)


def _film(
    source: str, pipeline: Pipeline, every: float, keep: Path | None, run: Run
) -> Iterator[Identified]:
    """One result; the segment log exists until the caller asks for more."""
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
