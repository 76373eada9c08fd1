"""File formats from the first bytes of a file, never from its name."""

import struct

# Suffixes that count as images when a folder is searched.
SUFFIXES = frozenset(
    {
        ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jpe", ".jpeg",
        ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
# Suffixes that count as films if a command accepts both; FFmpeg determines what is readable.
FILMS = frozenset(
    {
        ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
        ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv",
    }
)  # fmt: skip

# First bytes of the supported images. Sources: ITU-T T.81 B.1.1.3, W3C PNG 5.2, TIFF 6.0
# section 2 and its BigTIFF extension, GIF89a 17, and for the others their specifications.
_PICTURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
)
_FILM_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMV
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"}

# Files that users supply by mistake, with their descriptions.
_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM film"),
    (b"FLV\x01", "a Flash film"),
    (b"\x00\x00\x01\xba", "an MPEG film"),
    (b"\x00\x00\x01\xb3", "an MPEG film"),
    (b"8BPS", "a Photoshop file"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording or film"),
    (b"fLaC", "a FLAC recording"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x93NUMPY", "a NumPy array"),
)


def format_of(data: bytes) -> str | None:
    """Return the image format of the bytes: "jpeg", "png", ...; None if unsupported."""
    for start, name in _PICTURES:
        if data.startswith(start):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "pnm"  # Netpbm; two bytes and white space
    if data[:2] == b"BM" and len(data) >= 18 and data[6:10] == bytes(4):
        return "bmp"  # two letters are weak evidence; bytes 6 to 9 are reserved and zero
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        return "avif"
    return "heif" if brands & _HEIF_BRANDS else None


def is_film_data(data: bytes) -> bool | None:
    """Return whether the first 400 bytes of a file are those of a film; None if undecided.

    Sources: ISO/IEC 14496-12 (ftyp), RFC 8794 (EBML), ISO/IEC 13818-1 (packs, and packets of 188
    bytes), Microsoft ASF 3.1.
    """
    if format_of(data):
        return False
    if data[4:8] == b"ftyp":
        return data[8:12] not in (b"M4A ", b"M4B ", b"crx ")
    if data[:4] == b"RIFF":
        return data[8:12] == b"AVI "
    if data.startswith(_FILM_STARTS):
        return True
    packets = data[0:377:188]
    return True if len(packets) == 3 and packets == b"GGG" else None


def describe_bytes(data: bytes) -> str:
    """Describe bytes that are not a supported image: "a PDF document"."""
    for start, words in _OTHERS:
        if data.startswith(start):
            return words
    if data[:4] == b"RIFF":
        return {b"AVI ": "an AVI film", b"WAVE": "a WAV recording"}.get(data[8:12], "a RIFF file")
    if data[4:8] == b"ftyp":
        return {
            b"qt  ": "a QuickTime film",
            b"M4A ": "an MPEG-4 recording",
            b"crx ": "a Canon raw photograph",
        }.get(data[8:12], "an MP4 film")
    if is_film_data(data):
        return "a film"
    return _text(data[:4096]) or "of an unknown file type"


def webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP file in px; (0, 0) if the header is damaged.

    Source: RFC 9649, sections 2.7 (VP8X), 3.4 (VP8L) and RFC 6386, section 9.1 (VP8).
    """
    if len(data) < 30:
        return 0, 0
    kind = data[12:16]
    if kind == b"VP8X":
        wide, high = int.from_bytes(data[24:27], "little"), int.from_bytes(data[27:30], "little")
        return wide + 1, high + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        wide, high = struct.unpack("<HH", data[26:30])
        return wide & 0x3FFF, high & 0x3FFF
    return 0, 0


def _brands(data: bytes) -> set[bytes]:
    """Return all brands of an ISO base media file (ISO/IEC 14496-12, clause 4.3)."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def _text(start: bytes) -> str | None:
    if b"\x00" in start:
        return None
    try:
        words = start.decode("utf-8", errors="strict").lstrip("\ufeff \t\r\n").lower()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not only a letter that is cut at 4096 bytes
            return None
        words = start[: error.start].decode("utf-8").lower()
    if "<svg" in words:
        return "an SVG drawing"
    if words.startswith(("<!doctype html", "<html")):
        return "a web page"
    return "a text"
