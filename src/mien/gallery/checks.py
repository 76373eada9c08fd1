"""Checks of names, embeddings and digests before they are stored; each raises a clear error."""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

import numpy as np

from mien.errors import GalleryError, GalleryMismatchError
from mien.gallery.records import Refusal, Template
from mien.types import Doubles, Floats

LONGEST_NAME = 200  # characters, after NFC
LONGEST_SOURCE = 4096  # characters; the longest path on Linux
LONGEST_QUALITY = 16_384  # characters of JSON; those of mien take 1,500
# Permitted deviation of a length from 1. Float32 rounding of a 512-d vector deviates by 1e-6; a
# vector that was stored as float16 deviates by 1e-3, and so would its similarities.
UNIT_TOLERANCE = 1e-4
BANNED = {"Cc", "Cs", "Zl", "Zp"}  # Unicode: control, surrogate, line and paragraph separator
DIGEST = re.compile(r"[0-9a-f]{64}")
REASON = re.compile(r"[a-z0-9_-]{1,64}")


def clean_name(name: str) -> str:
    """Return a name in its stored form: NFC, without surrounding spaces.

    All other characters are kept: path separators, dots and quotes.
    """
    bad = next((c for c in name if unicodedata.category(c) in BANNED), None)
    if bad is not None:
        raise GalleryError(
            f"The name {name[:80]!r} contains the control character U+{ord(bad):04X}; remove it."
        )
    clean = unicodedata.normalize("NFC", name).strip()
    if not clean:
        raise GalleryError(f"The name {name!r} is empty; give each person a name.")
    if len(clean) > LONGEST_NAME:
        raise GalleryError(
            f"The name {clean[:40]!r}... has {len(clean)} characters; "
            f"expected at most {LONGEST_NAME}; shorten it."
        )
    return clean


def check_digest(digest: str) -> str:
    """Return a SHA-256 in hex; raise an error for other texts."""
    if not DIGEST.fullmatch(digest):
        raise GalleryError(
            f"The image digest {digest[:80]!r} is not a SHA-256; "
            "expected 64 lower-case hex digits, as from hashlib.sha256(data).hexdigest()."
        )
    return digest


def check_reason(reason: str) -> str:
    """Return the code of a refusal; raise an error for other texts."""
    if not REASON.fullmatch(reason):
        raise GalleryError(
            f"The reason {reason[:80]!r} is not a code: expected up to 64 of a-z, 0-9, '_' and "
            "'-', "
            "such as 'no_face'."
        )
    return reason


def check_source(source: str | None) -> str | None:
    """Return the source of an image; raise an error if it cannot be stored as UTF-8."""
    if source is None:
        return None
    if len(source) > LONGEST_SOURCE or any("\ud800" <= c <= "\udfff" for c in source):
        raise GalleryError(
            f"The source {source[:80]!r} is longer than {LONGEST_SOURCE} characters or is not "
            "valid Unicode; give a shorter or valid text, or None."
        )
    return source


def check_vectors(vectors: Floats, dimension: int | None, where: str) -> Floats:
    """Return (N, D) float32 unit vectors, C-contiguous; an error names the invalid row.

    Args:
        vectors: input of the caller.
        dimension: D of the gallery; None if it is empty.
        where: the gallery, for messages.
    """
    if not isinstance(vectors, np.ndarray) or vectors.dtype != np.float32 or vectors.ndim != 2:
        got = f"{vectors.dtype} {vectors.shape}" if isinstance(vectors, np.ndarray) else "a list"
        raise GalleryError(
            f"Gallery {where} expects float32 vectors of shape (N, D), got "
            f"{got if isinstance(vectors, np.ndarray | list) else type(vectors).__name__}; "
            "convert with numpy.asarray(..., numpy.float32) and use vector[None] for a single one."
        )
    if vectors.shape[1] == 0 or (dimension is not None and vectors.shape[1] != dimension):
        raise GalleryError(
            f"Gallery {where} has vectors of {dimension or 'one or more'} numbers, got vectors "
            f"of {vectors.shape[1]}; use the embedder of the gallery."
        )
    sizes = lengths(vectors)  # (N,)
    bad = np.flatnonzero(~(np.abs(sizes - 1) <= UNIT_TOLERANCE))  # "not <=" also catches NaN
    if bad.size:
        row, length = int(bad[0]), float(sizes[bad[0]])
        what = f"has length {length:.6g}" if np.isfinite(length) else "is not finite"
        raise GalleryError(
            f"Gallery {where} expects vectors of length 1 +- {UNIT_TOLERANCE:g}, but vector {row} "
            "of "
            f"{len(vectors)} {what}; divide by numpy.linalg.norm, or embed the image again."
        )
    return np.ascontiguousarray(vectors)


def lengths(vectors: Floats) -> Doubles:
    """Return the (N,) lengths of (N, D) vectors, in double precision."""
    squares: Doubles = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    return np.sqrt(squares)


def check_template(template: Template, embedder: str, where: str) -> Template:
    """Raise an error for a template of another embedder or with invalid fields."""
    if template.embedder != embedder:
        raise GalleryMismatchError(holds=embedder, got=template.embedder, where=where)
    check_source(template.source)
    if template.source_digest is not None:
        check_digest(template.source_digest)
    box = template.box
    if box is not None and not (
        isinstance(box, np.ndarray)
        and box.shape == (4,)
        and box.dtype == np.float32
        and bool(np.isfinite(box).all())
    ):
        raise GalleryError(
            f"The box of a template of {template.person!r} is {box!r}; "
            "expected four finite float32 numbers: left, top, right, bottom, or None."
        )
    return template


def stack(templates: list[Template], dimension: int | None, where: str) -> Floats:
    """Return the (N, D) float32 vectors of templates, N >= 1, checked."""
    shapes = set()
    for template in templates:
        vector = template.vector
        if not isinstance(vector, np.ndarray) or vector.ndim != 1 or vector.dtype != np.float32:
            got = getattr(vector, "dtype", type(vector).__name__), getattr(vector, "shape", "?")
            raise GalleryError(
                f"The vector of a template of {template.person!r} is {got[0]} {got[1]}; "
                f"gallery {where} expects float32 of shape (D,)."
            )
        shapes.add(vector.shape[0])
    if len(shapes) > 1:
        raise GalleryError(
            f"The vectors for gallery {where} have {sorted(shapes)} numbers; "
            "all vectors of one embedder have the same dimension; embed the images again."
        )
    return check_vectors(np.stack([t.vector for t in templates]), dimension, where)


def quality_text(quality: Mapping[str, float] | None) -> str | None:
    """Encode quality components as JSON, which has no NaN."""
    if quality is None:
        return None
    try:
        text = json.dumps({str(k): float(v) for k, v in quality.items()}, allow_nan=False)
    except (TypeError, ValueError):
        raise GalleryError(
            f"The quality {str(dict(quality))[:200]} has a component that is not a finite number; "
            "omit missing components."
        ) from None
    if len(text) > LONGEST_QUALITY:
        raise GalleryError(
            f"The quality has {len(quality):,} components of {len(text):,} characters; expected at "
            f"most {LONGEST_QUALITY:,}; keep the components of mien."
        )
    return text


def split_address(url: str) -> SplitResult:
    """Split the address of a gallery; it may hold a password, so no message shows it."""
    try:
        return urlsplit(url)
    except ValueError as error:
        raise GalleryError(
            f"The address of the gallery cannot be read ({error}); expected ENGINE://HOST:PORT."
        ) from None


def utc(time: datetime | None) -> str:
    """Format a time as ISO 8601 in UTC with microseconds; None is now."""
    if time is None:
        time = datetime.now(UTC)
    elif time.tzinfo is None:
        raise GalleryError(
            f"The time {time.isoformat()} has no time zone; "
            "give one, such as datetime.now(datetime.UTC)."
        )
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def check_refusal(refusal: Refusal) -> Refusal:
    """Raise an error for a refusal with invalid digest, reason or source."""
    check_digest(refusal.source_digest)
    check_reason(refusal.reason)
    check_source(refusal.source)
    return refusal
