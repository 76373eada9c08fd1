"""Occlusion of face parts: by a hand over the mesh, a mask, or another change of appearance.

The mesh network does not detect an occlusion: it extrapolates, with presence above 0.99.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.behaviour.glasses import EYES, behind_glasses
from mien.behaviour.masks import UNDER, masked
from mien.geometry import similarity, transform, within
from mien.landmarks import TrackedMesh, five_points, names
from mien.landmarks.head_pose import mean_face
from mien.landmarks.measures import UNITS
from mien.landmarks.mesh_fit import mesh_region
from mien.media import warp
from mien.types import Doubles, Floats, Pixels

REASONS: dict[str, str] = {
    "hand": "A hand occludes the named parts of the face, or most of it.",
    "occluded": "Parts of the face changed their appearance suddenly, or a mask occludes them.",
}
# Part -> points of the mesh. Left and right as seen in the image.
PARTS: dict[str, tuple[int, ...]] = {
    "left-eye": names.LEFT_EYE,
    "right-eye": names.RIGHT_EYE,
    "left-brow": (*names.LEFT_BROW, *names.LEFT_BROW_BELOW),
    "right-brow": (*names.RIGHT_BROW, *names.RIGHT_BROW_BELOW),
    "nose": (*names.NOSE[2:], 2, 98, 327, *names.NOSE_WINGS),
    "mouth": names.OUTER_LIPS,
    "chin": (*names.OVAL[16:21], 199, 175),
    "left-cheek": (*names.CHEEKS[0], 101, 187, 147),
    "right-cheek": (*names.CHEEKS[1], 330, 411, 376),
}
SHARE = 0.2  # share of covered points from which a part is occluded
MOST = 0.5  # share of all points from which nothing is measured, not even the pose
FINGER = 0.12  # share of the width of a hand: fingers are wider than the line of their joints
# Shares of all points, and of the points of a part, with a changed appearance, from which an
# occlusion is reported. At most 0.09 of the points change on rendered people who talk and turn,
# and 0.13 on a woman who weeps, laughs and turns away.
LEAST, STRANGE = 0.14, 0.4
SAMPLED = 64  # px of the chip that colours are sampled from
DARK = 12.0  # added to colours (0 to 255) before the logarithm, to suppress noise in the dark
_LOGS = np.log(np.arange(256) + DARK)
# Change of a logarithm that turns and expressions do not cause: half or twice the light, and of
# one colour against another.
LIGHT, HUE = 0.7, 0.25
SETTLED = 0.5  # s that a mask takes to be put on or removed
LEARNS = 3.0  # s, time constant of the reference appearance
SETTLES = 30.0  # s after which a changed appearance becomes the reference
# Measures that depend on several parts, or whose name does not name the part.
_SEVERAL: dict[str, tuple[str, ...]] = {
    "brow_apart": ("left-brow", "right-brow"),
    "nose_to_lip": ("nose", "mouth"),
    "nose_to_chin": ("nose", "chin"),
    "lip_to_chin": ("mouth", "chin"),
}
_STEMS = {"eye": "eye", "lid": "eye", "gaze": "eye", "brow": "brow", "cheek": "cheek"}


def parts_of(name: str) -> frozenset[str]:
    """Return the parts of the face that a measure depends on; none for the pose."""
    if name in _SEVERAL:
        return frozenset(_SEVERAL[name])
    stem, _, rest = name.partition("_")
    if stem in _STEMS:
        return frozenset({f"{rest.rpartition('_')[2]}-{_STEMS[stem]}"})
    if stem == "nose":
        return frozenset({"nose"})
    return frozenset({"mouth"}) if stem in ("mouth", "lip") else frozenset()


def without_occluded(measures: Mapping[str, float], hidden: Collection[str]) -> dict[str, float]:
    """Return the measures with NaN for those of occluded parts; the pose is kept."""
    gone = set(hidden)
    return {k: np.nan if k in UNITS and parts_of(k) & gone else v for k, v in measures.items()}


def occluded_parts(covered: NDArray[np.bool_], *, share: float = SHARE) -> frozenset[str]:
    """Return the occluded parts.

    Args:
        covered: (468,) or longer, one per point of the mesh.
        share: of a part's points from which it is occluded.
    """
    return frozenset(k for k, points in PARTS.items() if covered[list(points)].mean() >= share)


def changed_parts(changed: NDArray[np.bool_]) -> frozenset[str]:
    """Return the occluded parts by `AppearanceChange`; none if little has changed.

    Args:
        changed: (468,).
    """
    much = changed.mean() >= LEAST
    return occluded_parts(changed, share=STRANGE) if much else frozenset()


def under_hands(points: Floats, hands: Sequence[Floats]) -> NDArray[np.bool_]:
    """Return the points of a mesh that a hand covers.

    Args:
        points: (L, 2 or 3) px.
        hands: (21, 2 or 3) px each.
    """
    covered = np.zeros(len(points), bool)
    for hand in hands:
        wide = float(np.ptp(hand[:, :2], axis=0).max())
        covered |= within(points[:, :2], hand[:, :2], FINGER * wide)
    return covered


class AppearanceChange:
    """The change of appearance at the points of one face, which reveals occluders.

    Colours are compared as logarithms after common changes (light, exposure) are removed. The
    first frame is the reference. Of occluders that are present from the start, only a mask is
    detected, by a comparison of the lower with the upper half.
    """

    def __init__(self) -> None:
        """Start without history."""
        self._usual: Doubles | None = None  # (468, 3) logarithms of colours
        self._strange = np.zeros(468)  # s for which each point has had a changed appearance
        self._time = -np.inf
        self._mask = 0.0  # share of the last second with a mask over the lower half

    @property
    def masked(self) -> bool:
        """Return whether a mask occludes the lower half."""
        return self._mask > 0.5

    def state(self) -> dict[str, Any]:
        """Return the state that the next frame depends on, as JSON."""
        usual = None if self._usual is None else self._usual.tolist()
        time = None if np.isinf(self._time) else self._time
        strange = self._strange.tolist()
        return {"usual": usual, "strange": strange, "time": time, "mask": self._mask}

    @staticmethod
    def of(state: Mapping[str, Any]) -> "AppearanceChange":
        """Restore the object after the frame of `state`."""
        change = AppearanceChange()
        if state["usual"] is not None:
            change._usual = np.array(state["usual"], np.float64)
            change._strange = np.array(state["strange"], np.float64)
            change._time, change._mask = state["time"], state["mask"]
        return change

    def __call__(
        self, image: Pixels, points: Floats, time: float, known: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Process the next frame; return the points with a changed appearance.

        Args:
            image: (H, W, 3).
            points: (L, 2 or 3) px.
            time: seconds, later than the previous frame.
            known: (468,) points with a known occluder: the reference is not updated there.

        Returns:
            (468,) True where the appearance has changed more than turns and expressions explain.
        """
        now = colours(image, points)
        seen = masked(now)
        passed, self._time = min(time - self._time, 1.0), time
        if self._usual is None:
            self._usual, self._mask = now, float(seen)
            return np.zeros(468, bool)
        self._mask += min(passed / SETTLED, 1) * (seen - self._mask)
        change = now - self._usual
        middle = np.partition(change, (233, 234), axis=0)[233:235]  # the medians
        change -= middle.mean(axis=0)
        hue = np.abs(np.diff(change, axis=1)).max(axis=1)
        changed: NDArray[np.bool_] = (np.abs(change).max(axis=1) > LIGHT) | (hue > HUE)
        self._strange = np.where(changed, self._strange + passed, 0)
        share = np.where(known | (changed & (self._strange < SETTLES)), 0, passed / LEARNS)
        self._usual += np.minimum(share, 1)[:, None] * (now - self._usual)
        return changed


def covered_parts(image: Pixels, points: Floats) -> tuple[str, ...]:
    """Return the parts of a face that a mask or dark glasses cover, from its five points alone.

    The mean face is laid on the points, so no mesh network is needed. Of 249 adults of UTKFace and
    130 images of Taiwanese actors no mask was reported; of 246 painted masks of five colours,
    one of them that of skin, 61 %. Masks in grey images are never.

    Args:
        image: (H, W, 3).
        points: (5, 2) px, in the order of mien.geometry.POINTS.

    Returns:
        Names of PARTS, sorted; () if nothing covers them, or a point is missing.
    """
    if not np.isfinite(points).all():
        return ()
    mean = mean_face()[:, :2].astype(np.float32)
    mesh = transform(mean, similarity(five_points(mean), points))
    return tuple(sorted(covered_by_wear(image, mesh)))


def covered_by_wear(image: Pixels, points: Floats) -> frozenset[str]:
    """Return the parts that a mask or dark glasses cover, from the mesh in one image.

    Args:
        image: (H, W, 3).
        points: (L, 2 or 3) px.
    """
    chip, places = _sampled(image, points)
    hidden = UNDER if masked(_colours(chip, places)) else frozenset()
    dark = behind_glasses(np.log(chip.mean(2) + DARK), places)
    return hidden | EYES if dark else hidden


def colours(image: Pixels, points: Floats) -> Doubles:
    """Return logarithms of the colours at the points of a mesh, (468, 3)."""
    return _colours(*_sampled(image, points))


def _colours(chip: Pixels, places: Floats) -> Doubles:
    nearest = np.clip(np.rint(places).astype(int), 0, SAMPLED - 1)
    logs: Doubles = _LOGS[chip[nearest[:, 1], nearest[:, 0]]]
    return logs


def _sampled(image: Pixels, points: Floats) -> tuple[Pixels, Floats]:
    """Return a chip of the face, and the points of its mesh in it, (468, 2)."""
    matrix = mesh_region(points, SAMPLED)
    return warp(image, matrix, SAMPLED, border="edge"), transform(points[:468, :2], matrix)


class Hand(Protocol):
    """A hand: mien.body.Hand."""

    @property
    def points(self) -> Floats: ...  # (21, 2 or 3) px


class HandFinder(Protocol):
    """Find the hands at these (4,) boxes: mien.body.HandsNear."""

    def __call__(
        self, image: Pixels, time: float, boxes: Sequence[Floats], /
    ) -> Sequence[Hand]: ...

    def state(self) -> dict[str, Any]: ...

    def resume(self, state: dict[str, Any], /) -> None: ...


class OcclusionMonitor:
    """Find the occluded parts of tracked meshes; call it per frame, in the order of time."""

    def __init__(self, hands: HandFinder | None = None) -> None:
        """Start without tracks.

        Args:
            hands: finds hands at faces; without it a hand is detected only if its colour differs
                from that of the face.
        """
        self._hands = hands
        self._changes: dict[int, AppearanceChange] = {}  # by number of the mesh

    def __call__(
        self, image: Pixels, time: float, meshes: Sequence[TrackedMesh]
    ) -> list[TrackedMesh]:
        """Mark the occluded parts of the meshes of one frame.

        Args:
            image: (H, W, 3), the frame that the meshes were found in.
            time: seconds, later than the previous frame.
            meshes: of `MeshTracker`.

        Returns:
            The meshes in their order. A partly occluded one has points, a reason of REASONS and
            the occluded parts; one that is mostly occluded has no points.
        """
        seen = [one for one in meshes if one.points is not None]
        boxes = [one.box for one in seen]
        hands = self._hands(image, time, boxes) if self._hands and seen else []
        places = [hand.points for hand in hands]
        found = [
            one if one.points is None else self._marked(image, time, one, one.points, places)
            for one in meshes
        ]
        kept = {one.number for one in meshes if one.reason not in ("cut", "doubled")}
        self._changes = {n: change for n, change in self._changes.items() if n in kept}
        return found

    def _marked(
        self, image: Pixels, time: float, one: TrackedMesh, points: Floats, hands: Sequence[Floats]
    ) -> TrackedMesh:
        change = self._changes.setdefault(one.number, AppearanceChange())
        covered = under_hands(points[:468], hands)
        changed = change(image, points, time, covered)
        by_hand, other = occluded_parts(covered), changed_parts(changed)
        if change.masked:
            other |= UNDER
        parts = by_hand | other
        if not parts:
            return one
        most = bool((covered | changed).mean() > MOST)
        reason = "hand" if by_hand else "occluded"
        return replace(one, points=None if most else points, reason=reason, occluded=parts)

    def renumber(self, numbers: Mapping[int, int]) -> None:
        """Apply new numbers of split tracks: old number -> new number."""
        self._changes = {numbers.get(n, n): change for n, change in self._changes.items()}

    def state(self) -> dict[str, Any]:
        """Return the state that the next frame depends on, as JSON."""
        changes = {str(number): change.state() for number, change in self._changes.items()}
        return {"changes": changes, "hands": self._hands.state() if self._hands else None}

    def resume(self, state: dict[str, Any]) -> None:
        """Continue after the frame of `state`."""
        self._changes = {
            int(number): AppearanceChange.of(one) for number, one in state["changes"].items()
        }
        if self._hands and state["hands"] is not None:
            self._hands.resume(state["hands"])
