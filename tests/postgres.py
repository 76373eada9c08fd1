"""A PostgreSQL server with pgvector for the tests: the package pgserver, or that of Debian."""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

NEEDED = ("psycopg", "psycopg_pool", "pgvector")
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # of Debian


def missing() -> str | None:
    """Why there is no server; None if there is one."""
    lacking = [name for name in NEEDED if find_spec(name) is None]
    if lacking:
        return f"{lacking[0]} is not installed: pip install 'mien[pgvector]'"
    if find_spec("pgserver") or debian() is not None:
        return None
    return "no PostgreSQL with pgvector: pip install pgserver, or Debian's postgresql-*-pgvector"


def debian() -> Path | None:
    """The programs of an installed server that has pgvector."""
    for folder in reversed(BINARIES):
        share = Path("/usr/share/postgresql") / folder.parent.name / "extension"
        if (share / "vector.control").exists():
            return folder
    return None


class Server:
    """A running server in a folder of its own; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.data, self._sockets = folder / "data", folder / "sockets"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of platformdirs, without XDG_RUNTIME_DIR
            self._bin = _programs()
        folder.chmod(0o755)
        for path in (self.data, self._sockets):
            path.mkdir()
            _own(path)
        self._do("initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        how = f"-k {self._sockets} -h ''"
        log = self._sockets / "log"
        self._do("pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", log, "-o", how, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; immediate: as in a power failure, its connections break."""
        self._do("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def url(self, gallery: str, database: str = "postgres", user: str = "postgres") -> str:
        """The address of a gallery."""
        return f"postgresql://{user}@/{database}?host={self._sockets}&gallery={gallery}"

    def _do(self, program: str, *args: object) -> None:
        command = [str(self._bin / program), *map(str, args)]
        if os.name == "posix" and os.geteuid() == 0:  # the server refuses to run as root
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/"
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")


def _programs() -> Path:
    found = find_spec("pgserver")
    if found is None or found.origin is None:
        folder = debian()
        assert folder is not None
        return folder
    return Path(found.origin).parent / "pginstall" / "bin"


def _own(path: Path) -> None:
    path.chmod(0o700 if path.name == "data" else 0o777)
    if os.name == "posix" and os.geteuid() == 0:
        shutil.chown(path, "nobody", "nogroup")


@contextmanager
def running() -> Iterator[Server]:
    """A server, which is stopped and deleted at the end. Sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="mien-pg-") as folder:
        server = Server(Path(folder))
        try:
            yield server
        finally:
            server.stop()
