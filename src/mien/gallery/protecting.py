"""Protected templates: a random rotation that a key states, and quantisation.

A stored vector is the rotated vector, rounded to LEVELS steps. Rotations keep cosines, so a store
can compare protected vectors without the key, and error rates stay as they are. Without the key,
vectors of two galleries cannot be linked, and a vector cannot be used with the embedder that made
it. A new key revokes the old vectors: nobody is enrolled anew.

It is no encryption. Whoever knows some vectors both plain and protected computes the rotation: with
a quarter as many as they have dimensions, others are recovered at a cosine of 0.94 (measured by
benchmarks/protect.py). Distances between the stored people stay visible, and who has the key has
the templates.

Source: ISO/IEC 24745 (revocable, unlinkable references); random orthonormal matrices as in Teoh,
Goh and Ngo, Random Multispace Quantization, 2006.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.errors import GalleryError
from mien.gallery.keys import check_key, parsed, read_key_file
from mien.types import Doubles, Floats

ENVIRONMENT, FILE = "MIEN_PROTECT_KEY", "MIEN_PROTECT_KEY_FILE"
LEVELS = 127  # steps on either side of zero: one byte per number


class Transform:
    """The rotation of one key."""

    def __init__(self, key: bytes, contract: str) -> None:
        """Prepare a rotation.

        Args:
            key: 32 random bytes.
            contract: contract id of the gallery; another one gets another rotation.
        """
        check_key(key)
        self._key = key
        self._seed = hmac.new(key, f"rotation|{contract}".encode(), hashlib.sha256).digest()
        self.check = hmac.new(key, f"check|{contract}".encode(), hashlib.sha256).hexdigest()
        self._rotations: dict[int, Doubles] = {}

    def of(self, contract: str) -> "Transform":
        """Return the rotation of the same key for another contract."""
        return Transform(self._key, contract)

    def rotation(self, dimension: int) -> Doubles:
        """Return the (D, D) orthogonal matrix, uniform over all rotations and reflections.

        Source: Mezzadri (2007), How to generate random matrices from the classical compact groups.
        """
        if dimension not in self._rotations:
            words = np.frombuffer(self._seed, "<u8").tolist()
            random = np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))
            q, r = np.linalg.qr(random.standard_normal((dimension, dimension)))
            self._rotations[dimension] = q * np.sign(np.diag(r))
        return self._rotations[dimension]

    def protect(self, vectors: Floats) -> Floats:
        """Rotate and round (N, D) unit vectors; the result has unit length."""
        turned = vectors.astype(np.float64) @ self.rotation(vectors.shape[1]).T
        step = np.abs(turned).max(axis=1, keepdims=True) / LEVELS
        return unit(np.rint(turned / step))

    def query(self, vectors: Floats) -> Floats:
        """Rotate (N, D) unit vectors without rounding, to compare them with protected ones."""
        return unit(vectors.astype(np.float64) @ self.rotation(vectors.shape[1]).T)

    def open(self, vectors: Floats) -> Floats:
        """Rotate (N, D) protected vectors back: what the rounding has left."""
        return unit(vectors.astype(np.float64) @ self.rotation(vectors.shape[1]))


def shielded(transform: Transform | None, blob: bytes) -> bytes:
    """Return what is stored of a vector, both as little-endian float32."""
    if transform is None:
        return blob
    vector = np.frombuffer(blob, "<f4").astype(np.float32)
    return bytes(transform.protect(vector[None])[0].astype("<f4").tobytes())


def unshielded(transform: Transform | None, blobs: Sequence[bytes]) -> list[bytes]:
    """Return vectors of equal length from what is stored of them."""
    if transform is None or not blobs:
        return list(blobs)
    joined = np.frombuffer(b"".join(blobs), "<f4").astype(np.float32)
    vectors = transform.open(joined.reshape(len(blobs), -1))
    return [vector.astype("<f4").tobytes() for vector in vectors]


def unit(vectors: Floats | Doubles) -> Floats:
    """Return (N, D) float32 rows of unit length."""
    exact = vectors.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    return exact.astype(np.float32)


def find_transform(check: str, contract: str, where: str) -> Transform:
    """Return the transform of a protected gallery, with the key from the environment or a file.

    Args:
        check: what the gallery stores about its key.
        contract: its contract id.
        where: the gallery, for messages.

    Raises:
        GalleryError: there is no key, or it is that of another gallery.
    """
    if text := os.environ.get(ENVIRONMENT):
        key = parsed(text, ENVIRONMENT)
    elif path := os.environ.get(FILE):
        key = read_key_file(Path(path))
    else:
        raise GalleryError(
            f"Gallery {where} has protected templates; give their key: {ENVIRONMENT}, 64 hex "
            f"digits, or {FILE}, a file."
        )
    return opened(key, check, contract, where)


def opened(key: bytes, check: str, contract: str, where: str) -> Transform:
    """Return the transform of a key.

    Raises:
        GalleryError: it is the key of another gallery, or an old one.
    """
    transform = Transform(key, contract)
    if not hmac.compare_digest(transform.check, check):
        raise GalleryError(
            f"The key of protected templates is not that of gallery {where}, or it was revoked. "
            "Nothing was changed."
        )
    return transform
