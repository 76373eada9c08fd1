"""XMP packets of images: in the file, or in a sidecar beside it; and the EXIF orientation.

Source: ISO 16684-1 (XMP, part 1) and Adobe's XMP Specification, part 3 (storage in files).
"""

import os
from pathlib import Path

from mien.errors import ImageError
from mien.media.decoding import orientation, packet
from mien.media.limits import LIMITS

MARK = b"http://ns.adobe.com/xap/1.0/\0"  # begins the APP1 segment of a JPEG that holds XMP
MOST = 65_533 - len(MARK)  # bytes: a segment states its length in 16 bits, which it counts too
LARGEST = 16 << 20  # bytes of a sidecar; an edit history has some hundred kB
_APP1, _SCAN = 0xE1, 0xDA


def sidecars(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Return the two usual names of the sidecar of an image.

    `NAME.jpg.xmp` is that of digiKam, Immich and darktable, `NAME.xmp` that of Lightroom and
    Camera Raw. Programs that read both prefer the first one.
    """
    path = Path(path)
    return path.with_name(f"{path.name}.xmp"), path.with_suffix(".xmp")


def read_sidecar(path: Path) -> bytes | None:
    """Return the bytes of a sidecar; None if there is none.

    Raises:
        ImageError: it cannot be read, or is too large for a sidecar.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ImageError(f"Sidecar {path} cannot be read ({error.strerror}).") from error
    if len(data) > LARGEST:
        raise ImageError(f"Sidecar {path} has more than {LARGEST >> 20} MB; it is not an XMP file.")
    return data


def read_packet(path: str | os.PathLike[str]) -> bytes | None:
    """Return the XMP packet in an image; None if there is none.

    Raises:
        ImageError: the file cannot be read, or is not an image.
    """
    return packet(_bytes(path), f"Image {path}")


def read_orientation(path: str | os.PathLike[str]) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if there is none.

    Raises:
        ImageError: the file cannot be read, or is not an image.
    """
    return orientation(_bytes(path), f"Image {path}")


def with_packet(data: bytes, xmp: bytes, where: str) -> bytes:
    """Return a JPEG file with this XMP packet instead of its own; the pixels keep their bytes.

    Args:
        data: the whole file.
        xmp: the packet.
        where: names the file in errors.

    Raises:
        ImageError: the file is not a JPEG, or the packet is too large for one segment.
    """
    if not data.startswith(b"\xff\xd8"):
        raise ImageError(f"{where} is not a JPEG file, the only one that is changed; use sidecars.")
    if len(xmp) > MOST:
        raise ImageError(f"{where}: {len(xmp):,} bytes of XMP exceed the {MOST:,} of a JPEG.")
    new = b"\xff\xe1" + (len(MARK) + len(xmp) + 2).to_bytes(2, "big") + MARK + xmp
    kept, place, at = [data[:2]], 1, 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SCAN:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at:end]
        if data[at + 1] != _APP1 or not segment[4:].startswith(MARK):
            kept.append(segment)
        if data[at + 1] in (0xE0, _APP1):  # JFIF and EXIF come first
            place = len(kept)
        at = end
    if at + 4 > len(data) or data[at] != 0xFF:
        raise ImageError(f"{where} is damaged: its segments do not lead to an image.")
    kept.insert(place, new)
    return b"".join(kept) + data[at:]


def _bytes(path: str | os.PathLike[str]) -> bytes:
    where = f"Image {path}"
    try:
        LIMITS.check_bytes(Path(path).stat().st_size, where)
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{where} cannot be read ({error.strerror}).") from error
