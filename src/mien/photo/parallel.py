"""Work on many images at the same time, in order and with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TypeVar

from mien.media import one_thread

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 1  # items per worker that wait, done or not: a long item does not stop the others


def in_parallel(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Map items to results in threads, and yield the results in the order of the items.

    OpenCV and ONNX Runtime run outside of Python's lock. A worker decodes and analyses one image
    after the other, each with one thread: that is faster than many threads for one image, whose
    parts are too small to be shared.

    At most `workers` + `workers` * AHEAD items are in memory at the same time. Items are taken in
    the thread of the caller, so they may come from a database.

    Args:
        work: called in a thread; its error is raised where the result would be yielded.
        items: taken one by one, when there is room.
        workers: threads, at least 1; 1: in the thread of the caller.
    """
    with one_thread() if workers > 1 else nullcontext():
        if workers == 1:
            yield from map(work, items)
            return
        waiting: deque[Future[R]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="mien-photo") as pool:
            try:
                for item in items:
                    waiting.append(pool.submit(work, item))
                    if len(waiting) > workers * AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:  # the caller stopped, or an item failed: what has not begun is left
                for one in waiting:
                    one.cancel()
