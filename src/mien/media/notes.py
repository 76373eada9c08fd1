"""Notes in the metadata of generated images, films and recordings, and what others declare."""

import json
import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import cast, get_args

from PIL import Image, UnidentifiedImageError

from mien.contracts import Change
from mien.errors import ImageError
from mien.media.finding import is_film
from mien.media.limits import LIMITS

CHANGES: tuple[Change, ...] = get_args(Change)
# Source: IPTC NewsCodes, Digital Source Type; C2PA manifests use the same terms.
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SOURCE_TYPE: dict[Change, str] = {
    "synthetic": "compositeSynthetic",
    "edited": "compositeSynthetic",
    "restored": "algorithmicallyEnhanced",
}
# What other programs declare, and what it is called here.
DECLARED: dict[bytes, Change] = {
    b"trainedalgorithmicmedia": "synthetic",
    b"algorithmicmedia": "synthetic",
    b"compositesynthetic": "synthetic",
    b"compositewithtrainedalgorithmicmedia": "edited",
    b"algorithmicallyenhanced": "restored",
}
_DECLARED = re.compile(rb"digitalsourcetype/([a-z]+)", re.IGNORECASE)
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="mien">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="{}"/></rdf:RDF></x:xmpmeta>'
)

# Tags of EXIF. Source: CIPA DC-008, Exif 2.32, table 3; ISO 16684-1 for XMP.
DESCRIPTION, SOFTWARE, XMP = 0x010E, 0x0131, 0x02BC
COMMENT = b"ICMT"  # chunk of a WAV file. Source: Microsoft, RIFF INFO list, 1991


def exif_note(note: str, packet: bytes = b"") -> bytes:
    """Encode a note as EXIF, for PNG, JPEG, WebP, AVIF and TIFF; TIFF has its XMP packet there."""
    tags = Image.Exif()
    if note:
        tags[DESCRIPTION], tags[SOFTWARE] = note, "mien"
    if packet:
        tags[XMP] = packet
    return tags.tobytes()


def source_packet(change: Change) -> bytes:
    """Return an XMP packet that declares a change to other programs, in the terms of IPTC."""
    return PACKET.format(SOURCE_TYPES + SOURCE_TYPE[change]).encode()


def read_change(source: str | os.PathLike[str] | bytes) -> Change | None:
    """Return what an image, film or recording is declared to be; None: nothing is declared.

    A note of mien counts, and the digital source type of IPTC, which other programs write.
    A file whose metadata was removed declares nothing.

    Args:
        source: a path, or the bytes of an image; the header is read, or of a format that Pillow
            does not know, the whole file.

    Raises:
        ImageError: the file cannot be read.
    """
    if not isinstance(source, bytes):
        path = Path(source)
        if is_film(path) or path.suffix.lower() == ".wav":
            return _stated(read_note(path))
        LIMITS.check_bytes(_size(path), f"Image {path}")
    try:
        with _opened(BytesIO(source) if isinstance(source, bytes) else Path(source)) as image:
            packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
            note = _note(image)
    except UnidentifiedImageError:  # a file that only OpenCV decodes, such as TIFF of three floats
        packet = source if isinstance(source, bytes) else Path(source).read_bytes()
        note = None
    except Exception as error:  # damaged files: decoders raise many types
        where = "The image in bytes" if isinstance(source, bytes) else f"Image {source}"
        raise ImageError(f"{where} cannot be read for its origin ({error}).") from error
    packet = packet.encode() if isinstance(packet, str) else packet
    found = _DECLARED.search(packet)
    return _stated(note) or (DECLARED.get(found[1].lower()) if found else None)


@contextmanager
def _opened(source: Path | BytesIO) -> Iterator[Image.Image]:
    """Open an image for its metadata; damaged tags raise no warning, as in decoding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(source) as image:
            yield image


def _stated(note: str | None) -> Change | None:
    """The change that a note of mien states."""
    try:
        row = json.loads(note or "null")
    except ValueError:
        return None
    change = row.get("change") if isinstance(row, dict) else None
    return cast(Change, change) if change in CHANGES else None


def _note(image: Image.Image) -> str | None:
    tags = image.getexif()
    ours = tags.get(SOFTWARE) == "mien"
    return str(tags[DESCRIPTION]) if ours and DESCRIPTION in tags else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise ImageError(f"Image {path} cannot be read ({error.strerror}).") from error


def wav_note(wav: bytes, note: str) -> bytes:
    """Append a note to a WAV file, at its end, which players ignore."""
    text = note.encode("ascii", "backslashreplace") + b"\0"
    text += b"\0" * (len(text) % 2)
    listed = b"INFO" + COMMENT + struct.pack("<I", len(text)) + text
    added = b"LIST" + struct.pack("<I", len(listed)) + listed
    return wav[:4] + struct.pack("<I", len(wav) - 8 + len(added)) + wav[8:] + added


def read_note(path: str | os.PathLike[str]) -> str | None:
    """Read the note of an image, film or recording of mien; None if there is none.

    Raises:
        ImageError: the file cannot be read.
    """
    import av  # slow import
    import av.error

    path = Path(path)
    try:
        if is_film(path):
            with av.open(str(path)) as container:
                return container.metadata.get("comment")
        if path.suffix.lower() == ".wav":
            _, found, rest = path.read_bytes().rpartition(COMMENT)
            return rest[4:].rstrip(b"\0").decode("ascii") if found else None
        with _opened(path) as image:
            return _note(image)
    except (OSError, av.error.FFmpegError) as error:
        raise ImageError(f"{path} cannot be read for its note ({error}).") from error
