"""Many images: measured in threads of this machine, or on a Ray cluster; searched by the caller."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mien.errors import ImageError, MienError
from mien.media.images import image_bytes
from mien.photo.measuring import Measured, Source, measure
from mien.photo.parallel import in_parallel
from mien.photo.pipeline import Pipeline

T = TypeVar("T")
R = TypeVar("R")


def each_photo(
    items: Iterable[T],
    pipeline: Pipeline,
    source_of: Callable[[T], tuple[Source, str | None] | None],
    then: Callable[[T, Measured | None], R],
    here: Callable[[Source, str | None], Measured] | None = None,
) -> Iterator[R]:
    """Measure the images of items, and yield what is made of each, in order.

    The answers do not depend on where an image is measured.

    Args:
        items: taken one by one in the thread of the caller, when there is room.
        pipeline: its `cluster` measures; without one, `workers` threads of this machine.
        source_of: returns the image of an item and its name for messages; None: it has none.
        then: makes a result of an item and its measured image.
        here: measures in this process; default: `measure` with the pipeline.

    Raises:
        MienError: the cluster is gone, or the pipeline cannot be sent to it.
    """
    run = here or (lambda source, name: measure(source, pipeline, where=name))

    def work(item: T) -> R:
        source = source_of(item)
        return then(item, None if source is None else run(*source))

    if pipeline.cluster is None:
        yield from in_parallel(work, items, pipeline.workers)
        return
    from mien.photo.cluster import Cluster, Ended, measure_there

    cluster = Cluster(pipeline.cluster, _recipe(pipeline), measure_there)
    try:
        for item, found in cluster.results(items, partial(_call, source_of)):
            yield then(item, Measured(error=found.error) if isinstance(found, Ended) else found)
    finally:
        cluster.close()


def _call(source_of: Callable[[T], tuple[Source, str | None] | None], item: T) -> Any:
    """Return what is sent to another machine, which does not have our files."""
    from mien.photo.cluster import Call

    found = source_of(item)
    if found is None:
        return None
    source, name = found
    if not isinstance(source, str):
        return Call(source, name or "The image")
    try:
        return Call(image_bytes(Path(source)), name or f"Image {source}")
    except ImageError as error:
        return Measured(error=str(error))


def _recipe(pipeline: Pipeline) -> dict[str, object]:
    """Return how the workers of a cluster open the same models."""
    if pipeline.recipe is None:
        raise MienError("This pipeline has models without cards, so no cluster can open it.")
    if pipeline.trial:
        raise MienError(
            "The gallery tries a new model, which needs the pixels of each image here: search "
            "without --ray, or stop the trial: mien gallery model try --off"
        )
    contract = pipeline.embedder.contract if pipeline.embedder else None
    return {**pipeline.recipe, "contract": contract, "quality": pipeline.quality}
