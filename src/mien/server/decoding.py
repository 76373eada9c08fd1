"""The pool of decoder processes of a server."""

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

import mien.server.decoder as child
from mien.contracts import Change
from mien.errors import ImageError
from mien.server.settings import ServerLimits
from mien.types import Pixels

SOURCE = Path(child.__file__).parents[2]  # of the package, for a child that was not installed


class DecoderPool:
    """Decoders that are started on use and replaced when they die. Thread-safe."""

    def __init__(self, limits: ServerLimits, size: int) -> None:
        self._limits = limits
        self._free: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(None)  # not started yet
        self._all: set[subprocess.Popen[bytes]] = set()
        self.died = 0  # decoders that were lost, for the metrics

    def __call__(self, source: bytes, /, *, where: str) -> Pixels:
        """Decode one image; see `mien.media.read_image`."""
        return self.opened(source, where=where)[0]

    def opened(self, source: bytes, /, *, where: str) -> tuple[Pixels, Change | None]:
        """Decode one image, and return what it is declared to be: `mien.media.read_change`.

        Raises:
            ImageError: the image is damaged, too large, or ended its decoder.
        """
        pixels, change = self._decoded(source, where, "photo")
        return pixels, change

    def plane(self, source: bytes, kind: Literal["depth", "infrared"], *, where: str) -> Any:
        """Decode a depth or infrared picture: (H, W), see `mien.media.read_depth` and the other.

        Raises:
            ImageError: see `opened`.
        """
        return self._decoded(source, where, kind)[0]

    def _decoded(self, source: bytes, where: str, kind: str) -> tuple[Any, Change | None]:
        self._limits.photo.check_bytes(len(source), where)
        asked: dict[str, object] = {"where": where, "kind": kind}
        message = self._try(source, asked)
        if message is None:  # an idle decoder may have been ended by the system: one more try
            message = self._try(source, asked)
        if message is None:
            raise ImageError(
                f"{where} cannot be decoded: its decoder was ended, or took more than "
                f"{self._limits.decode_seconds:g} s. Save it again in another program."
            )
        header, body = message
        if "error" in header:
            raise ImageError(str(header["error"]))
        shape = cast(list[int], header["shape"])
        values = np.frombuffer(body, np.dtype(str(header["type"]))).reshape(shape)
        return values, cast(Change | None, header["change"])

    def _try(self, source: bytes, asked: dict[str, object]) -> Any:
        """Return the message of a decoder; None if it died."""
        process = self._free.get()
        message = None
        try:
            process = process or self._start()
            message = self._ask(process, source, asked)
        except OSError:  # it died while it was written to
            pass
        finally:
            alive = message is not None
            self.died += not alive
            if not alive:
                self._end(process)
            self._free.put(process if alive else None)
        return message

    def _ask(
        self, process: subprocess.Popen[bytes], source: bytes, asked: dict[str, object]
    ) -> Any:
        assert process.stdin
        assert process.stdout
        end = threading.Timer(self._limits.decode_seconds, process.kill)
        end.daemon = True
        end.start()
        try:
            child.send(process.stdin, asked, source)
            return child.receive(process.stdout)
        finally:
            end.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        photo = self._limits.photo
        limits = map(str, (photo.max_bytes, photo.max_pixels, photo.max_memory))
        path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
        process = subprocess.Popen(
            [sys.executable, "-m", child.__name__, *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            cwd=os.path.abspath(os.sep),
        )
        self._all.add(process)
        return process

    def _end(self, process: "subprocess.Popen[bytes] | None") -> None:
        if process is None:
            return
        self._all.discard(process)
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            try:
                if stream:
                    stream.close()
            except OSError:  # what was not written yet
                continue

    def close(self) -> None:
        """End all decoders."""
        for process in list(self._all):
            self._end(process)
