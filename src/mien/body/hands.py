"""Hand landmarks: 21 points per hand.

Source: Zhang et al., "MediaPipe Hands: on-device real-time hand tracking", arXiv:2006.10214;
squares as in MediaPipe's graphs palm_detection and hand_landmark.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.body.landmarked_part import LandmarkedPart
from mien.geometry import back, region
from mien.types import Crop, Floats, Pixels

SIDE = 224  # px of the chip
PALM_MAPS = ((8, 2), (16, 6))  # stride and anchors per cell, of the 192 px canvas
WRIST, MIDDLE = 0, 2  # of the palm's seven points: the wrist, and the middle knuckle
AROUND, AHEAD = 2.6, 0.5  # sides of the palm's box: side of the square, and its shift
# The 21 points: the wrist, then from the palm to the tip of each finger.
POINTS = (
    "wrist",
    *(
        f"{finger}_{joint}"
        for finger in ("thumb", "index", "middle", "ring", "little")
        for joint in (1, 2, 3, "tip")
    ),
)
LINES = tuple((0 if i % 4 == 1 else i - 1, i) for i in range(1, 21))  # bones, for drawing


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """One hand in one image."""

    points: Floats  # (21, 3) x, y, depth, px of the image; order: POINTS; depth 0 at the wrist
    presence: float  # probability in [0, 1] that there is a hand
    right: float  # probability in [0, 1] that it is a right hand, if the image is not mirrored
    score: float  # of the palm, in [0, 1]


class HandLandmarker(LandmarkedPart):
    """Find hands in an image, and the points of each."""

    crop, sheet, maps, symmetric = Crop(size=SIDE), 192, PALM_MAPS, False

    def find(self, image: Pixels, *, min_score: float | None = None) -> list[Hand]:
        """Find the hands in one image, highest palm score first.

        Args:
            image: (H, W, 3).
            min_score: of the palm; None: from the card.
        """
        least = self.min_score if min_score is None else min_score
        scores, palms = self._detect(image, least)
        fitted = self.fit(image, [palm_region(palm) for palm in palms])
        return [
            replace(hand, score=score)
            for hand, score in zip(fitted, scores.tolist(), strict=True)
            if hand.presence >= self.min_presence
        ]

    def fit(self, image: Pixels, matrices: Sequence[Floats]) -> list[Hand]:
        """Run the landmark network on given regions, without a threshold of presence.

        Args:
            image: (H, W, 3).
            matrices: (2, 3) transforms from image px to chip px, fingers up.
        """
        hands = []
        for matrix in matrices:
            points, presence, right = self._run(self._chip(image, matrix))
            hands.append(Hand(back(points, matrix), presence, right, 0.0))
        return hands

    def __call__(self, chips: Pixels) -> tuple[Floats, Floats]:
        """Find the points of each hand.

        Args:
            chips: (N, 224, 224, 3), fingers up.

        Returns:
            (N, 21, 3) chip px, and (N, 21) presence of a hand.
        """
        points = np.empty((len(chips), 21, 3), np.float32)
        presence = np.empty((len(chips), 21), np.float32)
        for chip, place, seen in zip(chips, points, presence, strict=True):
            place[:], seen[:], _ = self._run(chip)
        return points, presence

    def _run(self, chip: Pixels) -> tuple[Floats, float, float]:
        answers = self._landmarks(chip[None].astype(np.float32) / 255)
        points, presence, right = (answers[name] for name in self._landmarks.outputs[:3])
        return points.reshape(21, 3), float(presence.item()), float(right.item())


def palm_region(palm: Floats) -> Floats:
    """Return the (2, 3) transform to a chip with the fingers up, from a palm's box and points."""
    low, high, points = palm[0], palm[1], palm[2:]
    along = points[MIDDLE] - points[WRIST]
    degrees = float(np.degrees(np.arctan2(along[1], along[0]))) + 90  # 0 if the fingers point up
    sides = high - low
    turn = np.radians(degrees)
    ahead = np.array([np.sin(turn), -np.cos(turn)]) * AHEAD * sides[1]
    centre = np.asarray((low + high) / 2 + ahead, np.float32)
    return region(centre, max(float(sides.max()), 1.0) * AROUND, degrees, SIDE)
