"""Measure protected templates on real faces: errors, linkability, and inversion.

Pairs are all pairs of the given images, compared by their cosines. Errors: FNMR at FMR 1e-3 of
plain vectors, and of protected ones against rotated queries. Linkability: D_sys of protected
vectors of two keys, all pairs of images. Inversion: how similar what an attacker computes is to the
plain vector, with the key, without it, and with a rotation that is computed from as many known
pairs of plain and protected vectors of other people.

Example: python benchmarks/protect.py lfw_gray/images --vectors lfw.npz
"""

import argparse
import re
from pathlib import Path

import numpy as np

from mien.datasets.people import Picture
from mien.evaluate.verification.vectors import embed_pictures
from mien.gallery.protecting import Transform, unit
from mien.metrics import threshold_at_fmr
from mien.metrics.linkability import linkability
from mien.photo import open_pipeline
from mien.types import Floats

FMR = 1e-3
RESAMPLES = 200  # of people
KEYS = 5  # pairs of keys


def split(cosines: Floats, people: np.ndarray, whole: bool) -> tuple[Floats, Floats]:
    """Cosines of one person and of two; of a whole matrix, or of its upper triangle."""
    same = people[:, None] == people
    upper = np.ones_like(same) if whole else np.triu(np.ones_like(same), 1)
    return cosines[same & upper], cosines[~same & upper]


def missed(cosines: Floats, people: np.ndarray) -> float:
    """FNMR at FMR."""
    same, other = split(cosines, people, whole=False)
    return float((same <= threshold_at_fmr(other, FMR)).mean())


def errors(vectors: Floats, hidden: Floats, asked: Floats, people: np.ndarray) -> None:
    """Print the FNMR of both, and the difference by a bootstrap of people."""
    plain, protected = vectors @ vectors.T, asked @ hidden.T
    before, after = missed(plain, people), missed(protected, people)
    random, names = np.random.default_rng(0), np.unique(people)
    rows = {name: np.flatnonzero(people == name) for name in names}
    changes = []
    for _ in range(RESAMPLES):
        # Each draw of a person is a person of its own, so that copies are no mated pairs.
        drawn = random.choice(names, len(names))
        chosen = np.concatenate([rows[name] for name in drawn])
        whom = np.repeat(np.arange(len(drawn)), [len(rows[name]) for name in drawn])
        grid = np.ix_(chosen, chosen)
        changes.append(missed(protected[grid], whom) - missed(plain[grid], whom))
    low, high = np.quantile(changes, [0.025, 0.975])
    print(f"FNMR at FMR {FMR:g}: plain {before:.4f}, protected {after:.4f}; ", end="")
    print(f"change {after - before:+.5f} ({low:+.5f} to {high:+.5f})")


def inversion(vectors: Floats, hidden: Floats, turn: Transform) -> None:
    """Print how similar a vector is that was computed from a protected one."""
    dimension = vectors.shape[1]
    half = len(vectors) // 2
    rows = {"with the key": turn.open(hidden[half:]), "without it, as it is": hidden[half:]}
    random = np.random.default_rng(0)
    for known in (dimension // 4, dimension // 2, dimension, 2 * dimension):
        chosen = random.choice(half, known, replace=False)
        # Orthogonal Procrustes: Schoenemann (1966).
        u, _, v = np.linalg.svd(hidden[chosen].T @ vectors[chosen])
        rows[f"from {known} known pairs"] = unit(hidden[half:] @ (u @ v))
    for name, found in rows.items():
        cosines = (found * vectors[half:]).sum(axis=1)
        low, middle, high = np.quantile(cosines, [0.05, 0.5, 0.95])
        print(f"inversion {name}: cosine {middle:.3f} ({low:.3f} to {high:.3f})")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--vectors", type=Path, help="file that keeps the embeddings")
    parser.add_argument("--most", type=int, default=3000, help="images")
    given = parser.parse_args()
    pipeline = open_pipeline()
    pictures = [
        Picture(path, re.sub(r"_\d+$", "", path.stem), 0) for path in sorted(given.images.iterdir())
    ]
    found, _ = embed_pictures(pictures[: given.most], pipeline, vectors=given.vectors)
    vectors = unit(np.stack(list(found.values())))
    people = np.unique([one.person for one in found], return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(len(vectors))
    vectors, people = vectors[order], people[order]
    print(f"{len(vectors)} images of {people.max() + 1} people, {vectors.shape[1]} numbers")
    contract = pipeline.embedder.contract
    turns = [Transform(bytes([i]) * 32, contract) for i in range(2 * KEYS)]
    hidden = [turn.protect(vectors) for turn in turns]
    errors(vectors, hidden[0], turns[0].query(vectors), people)
    linked = [
        linkability(*split(hidden[i] @ hidden[i + 1].T, people, whole=True))
        for i in range(0, 2 * KEYS, 2)
    ]
    control = linkability(*split(hidden[0] @ hidden[0].T, people, whole=False))
    print(f"D_sys of two keys: {np.mean(linked):.4f} ({min(linked):.4f} to {max(linked):.4f})")
    print(f"D_sys of one key, as a control: {control:.4f}")
    inversion(vectors, hidden[0], turns[0])


if __name__ == "__main__":
    main()
