"""Analysis of films and images on a Ray cluster: the rows are those of one process.

The bytes of an image are sent. A film is too large for that: its machines open it by its path, so
it lies in a folder that all of them see.
"""

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mien.errors import FilmError, ImageError, MienError
from mien.film.analyzer import Analyzer, open_analyzer
from mien.film.checkpoint import RowCheckpoint, State
from mien.film.rows import FaceRow
from mien.film.sources import add_picture, add_unreadable, in_order
from mien.media import is_film, one_thread, open_film, read_image
from mien.media.images import image_bytes
from mien.photo.cluster import Call, Cluster, Ended, Frozen, keep_contract
from mien.track import Segment
from mien.types import OnStep


class Sent(NamedTuple):
    """A source for a worker."""

    number: int
    image: bytes | None  # None: a film
    path: str = ""  # of the film
    size: int = 0  # bytes of the film


class Measured(NamedTuple):
    """The rows of a source, and the state at its end."""

    rows: list[FaceRow]
    state: State


def on_cluster(
    sources: Sequence[tuple[int, str]],
    analyzer: Analyzer,
    checkpoint: RowCheckpoint,
    on_step: OnStep,
) -> Iterator[str]:
    """Analyse sources on the cluster of the pipeline; as `in_order`.

    A film that was begun is continued in this process.

    Raises:
        MienError: the cluster is gone, or does not see a film.
    """
    assert analyzer.pipeline.cluster is not None
    begun = checkpoint.last["source"] if checkpoint.last and not checkpoint.last["done"] else None
    films = sum(is_film(name) for _, name in sources)
    done = 0

    def call(source: tuple[int, str]) -> Call | None:
        return None if source[0] == begun else _call(*source)

    cluster = Cluster(analyzer.pipeline.cluster, _recipe(analyzer), analyze_there)
    try:
        for (number, name), found in cluster.results(sources, call):
            if found is None:
                yield from in_order([(number, name)], analyzer, checkpoint, on_step)
            elif isinstance(found, Ended):
                add_unreadable(name, number, found.error, checkpoint)
                yield name
            else:
                found.state["recording"]["input"] = name
                checkpoint.add(name, found.rows, found.state)
                yield name
            if is_film(name):
                done += 1
                on_step("films", done, films)
    finally:
        cluster.close()


def _call(number: int, name: str) -> Call | None:
    """Return what a worker is given; None if the source cannot be read: this process says why."""
    try:
        if not is_film(name):
            return Call(Sent(number, image_bytes(Path(name))), name)
        open_film(name).close()
        path = os.path.abspath(name)
        return Call(Sent(number, None, path, os.path.getsize(path)), name)
    except (ImageError, FilmError):
        return None


def _recipe(analyzer: Analyzer) -> dict[str, object]:
    """Return how the workers open the same models."""
    if analyzer.recipe is None:
        raise MienError("This analyzer has models without cards, so no cluster can open it.")
    pipeline = analyzer.pipeline
    contract = pipeline.embedder.contract if pipeline.embedder else None
    calibration = pipeline.calibrated() if analyzer.names else None
    return {**analyzer.recipe, "contract": contract, "calibration": calibration}


@lru_cache(maxsize=2)
def _analyzer(recipe: Frozen) -> Analyzer:
    """Open the models once per worker."""
    options = dict(recipe)
    contract = options.pop("contract")
    analyzer = open_analyzer(**options)
    keep_contract(analyzer.pipeline, contract)
    return analyzer


def analyze_there(recipe: Frozen, source: Sent, name: str) -> Measured:
    """Analyse one source on a worker.

    Raises:
        MienError: the film is not on this machine.
    """
    found = _Found()
    with one_thread():
        analyzer = _analyzer(recipe)
        if source.image is None:
            if not os.path.isfile(source.path) or os.path.getsize(source.path) != source.size:
                raise MienError(
                    f"a machine does not see the film {source.path}; put films in a folder that "
                    "all machines see under the same path."
                )
            list(in_order([(source.number, source.path)], analyzer, found, lambda *step: None))
        else:
            try:
                image = read_image(source.image, where=f"Image {name}")
            except ImageError as error:
                add_unreadable(name, source.number, str(error), found)
            else:
                add_picture(name, source.number, image, analyzer, found)
    return found.measured()


class _Found:
    """Takes the rows of one source on a worker."""

    last = None

    def __init__(self) -> None:
        self._rows: list[FaceRow] = []
        self._states: list[State] = []

    def segments(self, source: int) -> Iterator[Segment]:
        return iter(())

    def add(self, name: str, rows: list[FaceRow], state: State) -> None:
        # The caller needs neither boxes nor meshes, which are a hundred times the measures.
        self._rows += [FaceRow(row.values, row.dense) for row in rows]
        self._states.append(state)

    def measured(self) -> Measured:
        segments = [one for state in self._states for one in state["segments"]]
        return Measured(self._rows, {**self._states[-1], "segments": segments})
