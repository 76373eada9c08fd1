"""Notes in the metadata of generated images, films and recordings."""

import os
import struct
from pathlib import Path

from PIL import Image

from mien.errors import ImageError
from mien.media.finding import is_film

DESCRIPTION, SOFTWARE = 0x010E, 0x0131  # tags of EXIF; Source: CIPA DC-008, Exif 2.32, table 3
COMMENT = b"ICMT"  # chunk of a WAV file. Source: Microsoft, RIFF INFO list, 1991


def exif_note(note: str) -> bytes:
    """Encode a note as EXIF, for PNG, JPEG, WebP, AVIF and TIFF."""
    tags = Image.Exif()
    tags[DESCRIPTION], tags[SOFTWARE] = note, "mien"
    return tags.tobytes()


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
        with Image.open(path) as image:
            tags = image.getexif()
            ours = tags.get(SOFTWARE) == "mien"
            return str(tags[DESCRIPTION]) if ours and DESCRIPTION in tags else None
    except (OSError, av.error.FFmpegError) as error:
        raise ImageError(f"{path} cannot be read for its note ({error}).") from error
