"""Zero-order ascent of a score in a linear space of faces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mien.types import Doubles

SIGMA = 0.3  # spread of a probe, in standard deviations of a component
STEP = 3.0  # eta D at 128 components; constant times their number. arXiv:2506.09777: 0.376 at 1024
AT = 128

Score = Callable[[Doubles], Doubles]  # (T, q) coefficients of T targets -> (T,) scores


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Faces as a mean and scaled components: mean + components' c, with c ~ N(0, 1)."""

    mean: Doubles  # (D,)
    components: Doubles  # (q, D), scaled by standard deviations; (D,): each pixel is a component

    @property
    def count(self) -> int:
        """Return the number q of components."""
        return len(self.components)

    def faces(self, coefficients: Doubles) -> Doubles:
        """(T, q) -> (T, D) grey values, not clipped."""
        if self.components.ndim == 1:
            return np.asarray(self.mean + coefficients * self.components)
        return np.asarray(self.mean + coefficients @ self.components)


def eigenfaces(faces: Doubles, count: int) -> Basis:
    """The components of most variance; at most half as many as faces.

    Args:
        faces: (N, D) grey values.
        count: wanted number of components.
    """
    count = max(1, min(count, len(faces) // 2))
    mean = faces.mean(0)
    _, spread, rows = np.linalg.svd(faces - mean, full_matrices=False)
    return Basis(mean, spread[:count, None] / np.sqrt(max(len(faces) - 1, 1)) * rows[:count])


def random_basis(basis: Basis, seed: int) -> Basis:
    """A basis of random directions with the total variance of another one, evenly spread."""
    rng = np.random.default_rng([seed, 32])
    rows = np.linalg.qr(rng.normal(size=basis.components.shape[::-1]))[0].T
    total = np.sum(basis.components**2) / len(rows)
    return Basis(basis.mean, np.sqrt(total) * rows)


def pixel_basis(basis: Basis) -> Basis:
    """Every pixel a component of its own, with the mean variance of a pixel."""
    spread = np.sqrt(np.sum(basis.components**2) / basis.mean.size)
    return Basis(basis.mean, np.full(basis.mean.size, spread))


def climb(
    score: Score,
    targets: int,
    components: int,
    queries: int,
    checkpoints: Sequence[int],
    seed: int,
) -> dict[int, Doubles]:
    """Follow the score of each target with two queries per step.

    Args:
        score: called with all targets at once.
        targets: T.
        components: q.
        queries: of each target; an odd one is not used.
        checkpoints: numbers of queries at which the coefficients are kept.
        seed: of the probes.

    Returns:
        Queries -> (T, q) coefficients; 0 queries are the mean face.

    Source: Razzhigaev et al., arXiv:2506.09777: antithetic probes, fixed step.
    """
    rng = np.random.default_rng([seed, 33])
    at: Doubles = np.zeros((targets, components))
    kept = {0: at.copy()}
    step = STEP * AT / components
    for done in range(2, queries + 1, 2):
        probe = rng.normal(0, SIGMA, at.shape)
        change = score(at + probe) - score(at - probe)
        at = at + step * (change / (2 * SIGMA))[:, None] * probe
        if done in checkpoints or done >= queries - 1:
            kept[done] = at.copy()
    return kept
