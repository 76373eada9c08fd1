"""Styles of virtual people: each person has a usual pose, expression and light, and a range.

Source: the idea of subject-aware styles, "Data Synthesis with Diverse Styles for Face Recognition
via 3DMM-Guided Diffusion", CVPR 2025 (only the abstract was read); the distributions are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.errors import MienError, TooFewTrialsError
from mien.synth.render.camera import Camera, Pose
from mien.synth.render.light import Lamp, Light
from mien.synth.render.scene import Scene
from mien.types import Doubles

StyleKind = Literal["subject", "pooled", "none"]
KINDS: tuple[StyleKind, ...] = ("subject", "pooled", "none")
# Degrees, degrees, degrees; strength of AU12 and AU26; degrees; degrees; logarithm of exposure.
NAMES = ("yaw", "pitch", "roll", "smile", "jaw", "light_turn", "light_rise", "exposure")
LEAST_SUBJECTS, LEAST_IMAGES = 20, 5
FARTHEST = 3.0  # Mahalanobis distance at which a style is cut
SHRINKAGE = 0.1  # of covariances of few subjects towards their diagonal


@dataclass(frozen=True, slots=True, eq=False)
class StylePrior:
    """How people differ in their usual style, and in the range around it."""

    middle: Doubles  # (D,) mean over people
    between: Doubles  # (D, D) covariance of the means of people
    basis: Doubles  # (D, D) columns: axes of the pooled covariance within people
    spread: Doubles  # (D,) mean over people of the log variance on each axis
    spread_between: Doubles  # (D, D) covariance of those

    @property
    def within(self) -> Doubles:
        """(D, D) mean covariance of the images of one person."""
        mean = np.exp(self.spread + np.diag(self.spread_between) / 2)
        return np.asarray(self.basis * mean @ self.basis.T)

    @property
    def between_share(self) -> float:
        """Share of the variance of styles that lies between people, mean over the styles."""
        own = np.diag(self.between)
        return float(np.mean(own / (own + np.diag(self.within))))


@dataclass(frozen=True, slots=True, eq=False)
class StyleRange:
    """The styles of one person."""

    middle: Doubles  # (D,)
    basis: Doubles  # (D, D)
    log_variance: Doubles  # (D,); -inf: no variance


def fit_styles(values: Doubles, subjects: Sequence[str]) -> StylePrior:
    """Fit the prior to measured styles.

    Args:
        values: (N, D), such as angles and strengths.
        subjects: (N,) whose they are; people with fewer than 5 images are left out.

    Raises:
        TooFewTrialsError: fewer than 20 people remain.
        MienError: a value is not finite.
    """
    table, who = np.asarray(values, np.float64), np.asarray(subjects, str)
    if not np.isfinite(table).all():
        raise MienError("A measured style is not finite; leave such images out.")
    names, counts = np.unique(who, return_counts=True)
    names = names[counts >= LEAST_IMAGES]
    if len(names) < LEAST_SUBJECTS:
        raise TooFewTrialsError(
            f"{len(names)} people have {LEAST_IMAGES} images or more; a prior of styles needs "
            f"{LEAST_SUBJECTS}."
        )
    own = [table[who == name] for name in names]
    means = np.stack([one.mean(0) for one in own])
    scatter = sum((one - one.mean(0)).T @ (one - one.mean(0)) for one in own)
    count = sum(len(one) for one in own)
    within = np.asarray(scatter) / (count - len(own))
    _, basis = np.linalg.eigh(within)
    logs = np.stack([np.log(((one - one.mean(0)) @ basis).var(0, ddof=1) + 1e-9) for one in own])
    # The means of few images vary by the range of a person, too: that part is taken off.
    mean_size = 1 / np.mean([1 / len(one) for one in own])
    between = _shrunk(np.cov(means.T) - within / mean_size)
    return StylePrior(means.mean(0), between, basis, logs.mean(0), _shrunk(np.cov(logs.T)))


def draw_range(prior: StylePrior, rng: np.random.Generator, kind: StyleKind) -> StyleRange:
    """Draw the styles of a new person.

    Args:
        prior: of all people.
        rng: random source.
        kind: "subject": an own middle and range; "pooled": the same wide range for everybody;
            "none": always the same style.
    """
    size = len(prior.middle)
    if kind == "none":
        return StyleRange(prior.middle, np.eye(size), np.full(size, -np.inf))
    if kind == "pooled":
        values, basis = np.linalg.eigh(prior.between + prior.within)
        return StyleRange(prior.middle, basis, np.log(np.maximum(values, 1e-12)))
    middle = rng.multivariate_normal(prior.middle, prior.between)
    spread = rng.multivariate_normal(prior.spread, prior.spread_between)
    return StyleRange(middle, prior.basis, spread)


def draw_styles(own: StyleRange, count: int, rng: np.random.Generator) -> Doubles:
    """(count, D) styles of images of one person, cut at a Mahalanobis distance of 3."""
    noise = rng.normal(size=(count, len(own.middle)))
    far = np.linalg.norm(noise, axis=1, keepdims=True)
    noise *= np.minimum(1, FARTHEST / np.maximum(far, 1e-9))
    return np.asarray(own.middle + (noise * np.exp(own.log_variance / 2)) @ own.basis.T)


def scene_of(style: Doubles, size: int, seed: int) -> Scene:
    """The scene of one image; background, distance and noise are random.

    Args:
        style: (D,) in the order of NAMES.
        size: px, square.
        seed: of all else.
    """
    rng = np.random.default_rng([seed, 271])
    one = dict(zip(NAMES, style.tolist(), strict=True))
    turned = {name: float(np.clip(one[name], -45, 45)) for name in ("yaw", "pitch", "roll")}
    turn, rise = np.radians(
        [np.clip(one["light_turn"], -80, 80), np.clip(one["light_rise"], 0, 75)]
    )
    towards = (float(np.sin(turn) * np.cos(rise)), float(np.sin(rise)),
               float(np.cos(turn) * np.cos(rise)))  # fmt: skip
    return Scene(
        {"AU12": float(np.clip(one["smile"], 0, 1)), "AU26": float(np.clip(one["jaw"], 0, 1))},
        Pose(turned["yaw"], turned["pitch"], turned["roll"]),
        Camera(size, size, distance=float(rng.uniform(600, 850))),
        Light(lamps=(Lamp(towards, (0.85, 0.82, 0.78)),)),
        int(rng.integers(1 << 30)),
        float(np.exp(np.clip(one["exposure"], -0.7, 0.7))),
        noise=float(rng.uniform(0.5, 2.5)),
        seed=seed,
    )


def _shrunk(covariance: Doubles) -> Doubles:
    """A covariance with smaller correlations, and no negative variance."""
    small = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance))
    values, vectors = np.linalg.eigh((small + small.T) / 2)
    return np.asarray(vectors * np.maximum(values, 1e-9) @ vectors.T)


def _usual() -> StylePrior:
    """The prior that is used by default.

    Spread and share between people of yaw, pitch, roll and smile: 400 images of 70 people of LFW,
    by detected meshes (share 0.01, 0.18, 0.02 and 0.24). Jaw, light and exposure are chosen.
    """
    rows = {  # middle, standard deviation, share of the variance between people
        "yaw": (0.0, 11.0, 0.01), "pitch": (0.0, 9.0, 0.18), "roll": (0.0, 7.0, 0.02),
        "smile": (0.35, 0.35, 0.24), "jaw": (0.05, 0.12, 0.1), "light_turn": (0.0, 40.0, 0.1),
        "light_rise": (30.0, 15.0, 0.1), "exposure": (0.05, 0.2, 0.1),
    }  # fmt: skip
    middle, deviation, share = np.array([rows[name] for name in NAMES]).T
    variance = deviation**2
    differs = 0.2  # variance between people of the logarithm of a range; chosen
    return StylePrior(
        middle, np.diag(share * variance), np.eye(len(NAMES)),
        np.log((1 - share) * variance) - differs / 2, differs * np.eye(len(NAMES)),
    )  # fmt: skip


USUAL = _usual()
