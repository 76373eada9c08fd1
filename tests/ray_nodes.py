"""A Ray cluster of several nodes on this machine for the tests; each node can be killed."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

LONGEST = 90.0  # seconds until a node answers
OURS = (b"ray::measure_there", b"ray::analyze_there", b"ray::IDLE")  # titles of worker processes


def missing() -> str | None:
    """Why there is no cluster; None if there is one."""
    return None if find_spec("ray") else "ray is not installed: pip install 'mien[ray]'"


class Nodes:
    """The head and the other nodes, with one core each."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.nodes = folder, []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        how = ["--head", f"--port={self.port}", f"--temp-dir={folder / 'ray'}"]
        self.head = self._start(*how, "--include-dashboard=false")
        self._wait(1)

    def add(self) -> subprocess.Popen:
        """Start one more node."""
        self.nodes.append(self._start(f"--address={self.address}"))
        self._wait(1 + len(self.nodes))
        return self.nodes[-1]

    def _wait(self, count: int) -> None:
        """Wait until so many nodes were started."""
        end = time.monotonic() + LONGEST
        while (self._folder / "log").read_text().count("Ray runtime started") < count:
            if time.monotonic() > end:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.2)

    def _start(self, *how: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *how, "--num-cpus=1"]
        command += [
            "--block",
            "--node-ip-address=127.0.0.1",
            "--disable-usage-stats",
            "--object-store-memory=100000000",
        ]
        path = os.pathsep.join(filter(None, sys.path))
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": path},
            )

    @staticmethod
    def kill(node: subprocess.Popen) -> None:
        """Kill all processes of a node, as if its machine had lost power."""
        with suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
        node.wait()

    def workers(self) -> list[int]:
        """The ids of the worker processes of the nodes, at work or between two tasks of ours."""
        ours = {one.pid for one in (self.head, *self.nodes)}
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                text = (entry / "cmdline").read_bytes()
                named = text.startswith(
                    (b"ray::measure_there", b"ray::analyze_there", b"ray::IDLE")
                )
                if named and os.getsid(int(entry.name)) in ours:
                    found.append(int(entry.name))
        return found


@contextmanager
def running(more: int = 1) -> Iterator[Nodes]:
    """A cluster, which is killed at the end. Nodes and programs share a token of this block."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with (
        patch.dict(os.environ, token),
        tempfile.TemporaryDirectory(prefix="mr-", ignore_cleanup_errors=True) as folder,
    ):
        nodes = Nodes(Path(folder))
        try:
            for _ in range(more):
                nodes.add()
            yield nodes
        finally:
            for one in (*nodes.nodes, nodes.head):
                nodes.kill(one)
