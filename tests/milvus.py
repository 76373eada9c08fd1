"""A Milvus server for the tests: that of the package milvus-lite, in a process of its own."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

LONGEST = 60.0  # seconds until it answers


def missing() -> str | None:
    """Why there is no server; None if there is one."""
    if find_spec("pymilvus") is None:
        return "pymilvus is not installed: pip install 'mien[milvus]'"
    return None if find_spec("milvus_lite") else "no Milvus: pip install milvus-lite"


class Milvus:
    """A running server with its data in a folder; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-c", "from milvus_lite.cmdline import main; main()", "server"]
        command += [
            "--data-dir",
            str(self._folder / "data"),
            "--port",
            str(self.port),
            "--host",
            "127.0.0.1",
        ]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + LONGEST
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                if self._answers():
                    return
            time.sleep(0.05)
        raise RuntimeError((self._folder / "log").read_text())

    def _answers(self) -> bool:
        """Whether it speaks gRPC; a client of Milvus would remember that it did not, and wait."""
        import grpc

        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=5)
            except grpc.FutureTimeoutError:
                return False
        return True

    def kill(self) -> None:
        """End it without warning, as in a power failure."""
        self.process.kill()
        self.process.wait()

    def url(self, gallery: str, records: object, more: str = "") -> str:
        """The address of a gallery."""
        return f"milvus://127.0.0.1:{self.port}?gallery={gallery}&records={records}{more}"


@contextmanager
def running() -> Iterator[Milvus]:
    """A server, which is stopped and deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="mien-milvus-") as folder:
        server = Milvus(Path(folder))
        try:
            yield server
        finally:
            server.kill()
