"""A Ray cluster that decodes and measures images and films; the caller searches and stores.

Ray runs in a process of its own: if the head of the cluster is killed, Ray ends its program without
warning, and this shall not be ours. At most AHEAD items per core of the cluster are under way, and
results come in the order of the items. A task whose worker or machine is killed runs again
elsewhere; an item that ends several workers becomes a message.
"""

import multiprocessing
import os
import queue
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, TypeVar

from mien.errors import MienError, extra
from mien.media import one_thread
from mien.photo.measuring import Measured, Source, measure
from mien.photo.opening import open_pipeline
from mien.photo.pipeline import Pipeline

T = TypeVar("T")
AHEAD = 2  # images or films per core that are under way
DEATHS = 3  # workers that may end with one of them
POLL = 2.0  # s between questions to the head while nothing arrives
GONE = 5  # polls after which a head that does not answer counts as killed
START = 120.0  # s until the cluster answers


Frozen = tuple[tuple[str, Any], ...]  # a recipe, sorted by name


class Call(NamedTuple):
    """What a worker is given."""

    data: Any
    name: str  # of the image or film, for messages


class Ended(NamedTuple):
    """The result of a call that ended DEATHS workers."""

    error: str


class Cluster:
    """A connection to a Ray cluster. It is used by one thread."""

    def __init__(
        self,
        address: str,
        recipe: Mapping[str, Any],
        work: Callable[[Frozen, Any, str], Any],
    ) -> None:
        """Connect.

        Args:
            address: HOST:PORT of the head, ray://HOST:PORT, or "local" for a cluster of all cores
                of this machine.
            recipe: how the workers open the models.
            work: a function of a module; called on a worker with the recipe and the parts of a
                `Call`.

        Raises:
            MissingExtraError: Ray is not installed.
            MienError: the cluster does not answer.
        """
        with extra("ray", "Work on a Ray cluster"):
            import_module("ray")
        self.address = address
        if ":" in address and "://" not in address and not _answers(address):
            raise MienError(f"No Ray cluster answers at {address}. Start one: ray start --head")
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        given = (other, address, dict(recipe), work, list(sys.path))
        self._driver = context.Process(target=_drive, args=given, daemon=True)
        self._driver.start()
        other.close()
        kind, value = self._receive(START)
        if kind != "ready":
            raise MienError(f"The Ray cluster {address} cannot be used: {value}")
        self.cores: int = value

    def results(self, items: Iterable[T], call: Callable[[T], Any]) -> Iterator[tuple[T, Any]]:
        """Work on items on the cluster; yield them with their results, in order.

        Args:
            items: taken one by one, when there is room.
            call: returns the `Call` of an item, or its result if no worker is needed.

        Raises:
            MienError: the cluster is gone, or its workers cannot do this.
        """
        waiting: deque[tuple[T, Any, bool]] = deque()
        try:
            for item in items:
                found = call(item)
                sent = isinstance(found, Call)
                if sent:
                    self._send(found)
                waiting.append((item, None if sent else found, sent))
                if len(waiting) > AHEAD * self.cores:
                    yield self._next(waiting)
            while waiting:
                yield self._next(waiting)
        finally:
            if waiting:  # the caller stopped: answers that nobody wants are on their way
                self.close()

    def _next(self, waiting: deque[tuple[T, Any, bool]]) -> tuple[T, Any]:
        item, known, sent = waiting.popleft()
        if not sent:
            return item, known
        kind, value = self._receive(None)
        if kind != "done":
            raise MienError(str(value))
        return item, value

    def _send(self, call: Call) -> None:
        try:
            self._pipe.send(call)
        except OSError as error:
            raise self._lost() from error

    def _receive(self, seconds: float | None) -> tuple[str, Any]:
        try:
            if not self._pipe.poll(seconds):
                self.close()
                raise MienError(f"The Ray cluster {self.address} has not answered for {seconds} s.")
            answer: tuple[str, Any] = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        return answer

    def _lost(self) -> MienError:
        return MienError(
            f"The connection to the Ray cluster {self.address} broke: its head or this machine's "
            "node was ended. All results so far are kept; start the cluster and run the same "
            "command again."
        )

    def close(self) -> None:
        """Leave the cluster; what is under way is given up."""
        with suppress(OSError):
            self._pipe.close()
        if self._driver.is_alive():
            self._driver.terminate()
        self._driver.join(10)
        if self._driver.is_alive():
            self._driver.kill()


# ---------------------------------------------------------------- on a worker


@lru_cache(maxsize=2)
def _pipeline(recipe: Frozen) -> Pipeline:
    """Open the models once per worker."""
    options = dict(recipe)
    contract, quality = options.pop("contract"), options.pop("quality")
    pipeline = open_pipeline(**options, threads=1, workers=2)  # two: each model has one thread
    pipeline.quality = quality
    keep_contract(pipeline, contract)
    return pipeline


def keep_contract(pipeline: Pipeline, contract: str | None) -> None:
    """Make a worker embed as the caller does.

    Raises:
        MienError: its embedder is another one.
    """
    embedder = pipeline.embedder
    if embedder is None or embedder.contract == contract:
        return
    pipeline.embedder = getattr(embedder, "as_in", lambda contract: None)(contract)
    if pipeline.embedder is None:
        raise MienError(
            f"A machine of the cluster has another embedder, '{embedder.contract}' instead of "
            f"'{contract}'; install the same version of mien on all."
        )


def measure_there(recipe: Frozen, source: Source, name: str) -> Measured:
    """Measure one image on a worker; its pixels stay there."""
    with one_thread():
        return measure(source, _pipeline(recipe), where=name)._replace(image=None, seen=None)


# ---------------------------------------------------------------- in the process of Ray


def _drive(
    pipe: Connection,
    address: str,
    recipe: dict[str, Any],
    work: Callable[[Frozen, Any, str], Any],
    path: list[str],
) -> None:
    """Pass calls to Ray, and results back, until the other end of the pipe is closed."""
    with open(os.devnull, "w") as nothing:  # Ray writes to both; our words go through the pipe
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    ray = import_module("ray")
    local = address == "local"
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if local:
        how |= {"include_dashboard": False, "num_cpus": recipe.pop("cores", None)}
    else:
        recipe.pop("cores", None)
    with suppress(OSError):
        try:
            if local:
                os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
            ray.init(address=address, **how)
            cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
            head = None if "://" in address else ray.get_runtime_context().gcs_address
        except Exception as error:  # of many kinds: what matters is the message
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            pipe.send(("failed", f"{first[:300]}"))
            return
        pipe.send(("ready", cores))
        task = ray.remote(num_cpus=1, max_retries=DEATHS - 1)(work)
        frozen = _frozen(recipe)
        references: queue.Queue[Any] = queue.Queue()

        def submit() -> None:
            with suppress(EOFError, OSError):
                while True:
                    data, name = pipe.recv()
                    references.put((task.remote(frozen, data, name), name))
            os._exit(0)  # the caller is gone

        threading.Thread(target=submit, daemon=True).start()
        while True:
            reference, name = references.get()
            pipe.send(_result(ray, reference, name, head))


def _result(ray: Any, reference: Any, name: str, head: str | None) -> tuple[str, Any]:
    """Wait for one result."""
    silent = 0
    while True:
        ready, _ = ray.wait([reference], timeout=POLL)
        if ready:
            break
        silent = 0 if head is None or _answers(head) else silent + 1
        if silent >= GONE:
            return "lost", (
                f"The head of the Ray cluster at {head} does not answer any more. All results so "
                "far are kept; start it and run the same command again."
            )
    try:
        return "done", ray.get(reference)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        why = "ran out of memory" if "Memory" in type(error).__name__ else "ended"
        return "done", Ended(f"{name}: {DEATHS} workers {why} at it; it is left out.")
    except ray.exceptions.RayTaskError as error:
        cause = error.as_instanceof_cause()
        return "failed", f"A worker of the Ray cluster cannot do this: {cause}".splitlines()[0]
    except ray.exceptions.RayError as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return "failed", f"The Ray cluster has failed ({first[:300]}); run the same command again."


def _answers(head: str) -> bool:
    """Return whether the head of a cluster accepts a connection."""
    host, _, port = head.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), 1):
            return True
    except (OSError, ValueError, OverflowError):
        return False


def _frozen(recipe: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(recipe.items()))
