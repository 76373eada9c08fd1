"""A file of which one descriptor is kept: closing any would release the locks of SQLite."""

import os
import subprocess
import sys

import pytest

from mien.gallery import open_gallery
from mien.gallery.held import descriptor_of, held, hold, read_at, release
from mien.gallery.pages import has_remains

CONTRACT = "toy-16:0f0f"
# Another process takes an exclusive lock of the whole file, as the last user does at its end.
PROBE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # SQLite's shared bytes
        print("free")
    except OSError:
        print("held")
"""


def locked(path):
    done = subprocess.run([sys.executable, "-c", PROBE, path], capture_output=True, text=True)
    return done.stdout.strip()


def test_a_file_is_read_where_asked_and_closed_after_its_last_user(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    first, second = hold(path), hold(path)
    assert first == second
    descriptor = descriptor_of(first)
    assert read_at(descriptor, 3, 4) == b"456"
    release(second)
    with held(path) as same:
        assert same == descriptor
    assert read_at(descriptor, 3, 8) == b"89"
    release(first)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_the_locks_of_an_open_gallery_outlive_reads_of_its_file(tmp_path, face):
    path = tmp_path / "people.mien"
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ada", 1), face("Ben", 2)])
        assert locked(path) == "held"
        gallery.forget("Ada")  # reads all pages of the file
        assert not has_remains(path)
        open_gallery(path, CONTRACT, read_only=True).close()  # reads its header
        assert locked(path) == "held"
    assert locked(path) == "free"
