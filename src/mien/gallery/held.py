"""Read the file of a gallery beside its connections, without harm to their locks.

POSIX releases all locks that a process has on a file when it closes any descriptor of it, also
those that SQLite took through another one. Another process then takes itself for the last user,
and removes the write-ahead log with changes in it. So each file has one descriptor of this process
for reading, which stays open until the last connection is closed.

Source: sqlite.org/howtocorrupt.html, section 2.2.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Key = tuple[int, int]  # device and number of a file


@dataclass(slots=True)
class _File:
    descriptors: list[int]
    users: int = 0


_files: dict[Key, _File] = {}
_lock = threading.Lock()


def hold(path: Path) -> Key:
    """Open a file for reading until `release`; the descriptor is `descriptor_of`."""
    with _lock:
        stat = path.stat()
        key = stat.st_dev, stat.st_ino
        if key not in _files:
            opened = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            stat = os.fstat(opened)
            key = stat.st_dev, stat.st_ino  # another file may lie there by now
            _files.setdefault(key, _File([])).descriptors.append(opened)
        _files[key].users += 1
    return key


def release(key: Key) -> None:
    """End a `hold`, after the connection is closed."""
    with _lock:
        file = _files[key]
        file.users -= 1
        if not file.users:
            del _files[key]
            for descriptor in file.descriptors:
                os.close(descriptor)


def descriptor_of(key: Key) -> int:
    """Return the descriptor of a held file."""
    return _files[key].descriptors[0]


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Hold a file while the block runs, and yield its descriptor."""
    key = hold(path)
    try:
        yield descriptor_of(key)
    finally:
        release(key)


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Read up to `size` bytes at a place."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, offset)
    with _lock:  # Windows has no pread; its locks do not depend on other descriptors
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, size)
