"""Running a server: the first key, the worker process, and uvicorn in front."""

import ipaddress
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from mien.errors import MienError
from mien.server import main as entry
from mien.server import monitor, worker
from mien.server.keys import Keys
from mien.server.pipelines import Pipelines
from mien.server.settings import DATABASE, ServerSettings
from mien.server.state import open_store, tenants_of
from mien.server.tenants import FIRST

Say = Callable[[str], None]
GALLERY = "people"  # of a new server
AGAIN = 1.0  # s after which a worker that died is started again


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(host: str, *, tls: bool, behind_proxy: bool) -> None:
    """Refuse an address that others reach, unless the way to it is encrypted.

    Raises:
        MienError: it is not.
    """
    if not (is_loopback(host) or tls or behind_proxy):
        raise MienError(
            f"{host} is reached from other machines, and keys and faces would travel in plain "
            "text. Give --tls-key and --tls-cert, or state with --behind-proxy that a proxy with "
            "TLS is the only way to it; else use --host 127.0.0.1."
        )


def prepare(settings: ServerSettings) -> str | None:
    """Make the folder, the first gallery and the admin key of a new server.

    Returns:
        The admin key, the only time that it is known; None if the server has keys already.
    """
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(settings)
    tenants = tenants_of(settings, store)
    try:
        keys = Keys(store)
        if keys.list():
            return None
        if not tenants.galleries(FIRST):
            embedder = Pipelines(settings).plain().embedder
            assert embedder is not None
            tenants.create(FIRST, GALLERY, embedder.contract, who="mien serve")
        return keys.make(FIRST, "admin", ("admin",))[1]
    finally:
        tenants.close()
        store.close()


class Child:
    """A process beside the server; it is started again if it dies."""

    def __init__(self, what: str, command: Sequence[str], say: Say) -> None:
        self._what, self._command, self._say = what, list(command), say
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._ending.is_set():
            process = subprocess.Popen(self._command)
            self._process = process
            if self._ending.is_set():  # it was asked to end meanwhile
                process.terminate()
            code = process.wait()
            if not self._ending.is_set():
                self._say(f"the {self._what} ended with code {code}; a new one continues.")
                self._ending.wait(AGAIN)

    def __enter__(self) -> "Child":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(timeout=15)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()  # its job is in the queue again when its lease ends


def children(settings: ServerSettings, say: Say) -> list[Child]:
    """Return the processes of a server: the worker, and one per camera."""
    words = (settings.packed(), str(os.getpid()))
    commands: dict[str, tuple[str, ...]] = {"worker": (worker.__name__, *words)}
    for one in settings.cameras:
        commands[f"camera {one.name}"] = (monitor.__name__, *words, one.tenant, one.name)
    return [Child(what, (sys.executable, "-m", *rest), say) for what, rest in commands.items()]


def run(
    settings: ServerSettings,
    host: str,
    port: int,
    *,
    processes: int = 1,
    tls: tuple[Path, Path] | None = None,
    behind_proxy: bool = False,
    say: Say,
) -> None:
    """Run a server until it is stopped.

    Args:
        settings: of the server.
        host: address to listen at.
        port: likewise.
        processes: that answer requests; all share one folder.
        tls: files of the private key and the certificate.
        behind_proxy: a proxy with TLS is in front; its headers name the clients.
        say: is given sentences for the person who started it.

    Raises:
        MienError: the address is refused, or the folder is damaged.
    """
    import uvicorn

    check_address(host, tls=tls is not None, behind_proxy=behind_proxy)
    key = prepare(settings)
    if key:
        say(f"admin key, shown only now: {key}")
    os.environ[entry.VARIABLE] = settings.packed()
    os.environ[DATABASE] = settings.database or ""
    # uvicorn handles the signal, and at its end raises it again, which would leave the worker.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    scheme = "https" if tls else "http"
    with ExitStack() as beside:
        for child in children(settings, say):
            beside.enter_context(child)
        say(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/v1/openapi.json")
        uvicorn.run(
            f"{entry.__name__}:app",
            factory=True,
            host=host,
            port=port,
            workers=processes if processes > 1 else None,
            ssl_keyfile=str(tls[0]) if tls else None,
            ssl_certfile=str(tls[1]) if tls else None,
            proxy_headers=behind_proxy,
            forwarded_allow_ips="*" if behind_proxy else None,  # nobody else reaches it
            server_header=False,
            date_header=True,
            access_log=False,
            log_level="warning",
            limit_concurrency=512,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=20,
        )
