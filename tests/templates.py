"""Synthetic templates for the tests of galleries and albums."""

import hashlib

import numpy as np

from mien.gallery import Template
from mien.types import Floats

CONTRACT = "toy-16:0f0f"


def unit(count: int, seed: int = 0, dimension: int = 16) -> Floats:
    """(count, dimension) float32 unit vectors."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def face(person: str, seed: int, picture: str | None = None, **more: object) -> Template:
    digest = None if picture is None else sha(picture)
    return Template(person, unit(1, seed)[0], CONTRACT, picture, digest, **more)
