"""Hands at faces: detected near a face, and tracked while they are visible.

The palm detector, which processes whole images, often fails on a hand over a face: few fingers
are visible, and the palm may be cut by the edge. In a square around the face it succeeds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.body.hands import SIDE, Hand, HandLandmarker
from mien.geometry import back, iou, region
from mien.media import warp
from mien.types import Floats, Pixels

EVERY = 0.1  # s between two detections
SOON = 0.5  # s after the loss of a hand in which every frame is searched
SQUARES = 384  # px of the square that is searched
# On the film of a woman who weeps and laughs, a hand at her face was found in all of 15 frames in a
# square 1.3 times as wide as her face, in 10 in one of 1.6, and in 4 in the whole image.
AROUND = 1.3
MIN_SCORE = 0.15  # of the palm; 0.5 is usual in whole images; here the landmark network decides
GOES_ON = 0.5  # presence from which a hand is tracked
ONE = 0.3  # overlap from which two are one hand
WRIST, MIDDLE = 0, 9  # of the 21 points: they give the direction of a hand
WIDE, AHEAD = 2.0, 0.1  # of the square around 21 points, as in MediaPipe's graph hand_landmark


class HandsNear:
    """Track the hands near given boxes; call it per frame, in the order of time."""

    def __init__(self, hands: HandLandmarker, *, every: float = EVERY) -> None:
        """Start without hands.

        Args:
            hands: card hand-landmarks.
            every: seconds between two detections.
        """
        self._hands, self._every = hands, every
        self._followed: list[Hand] = []
        self._searched = self._lost = -np.inf

    def __call__(self, image: Pixels, time: float, boxes: Sequence[Floats]) -> list[Hand]:
        """Return the hands in one frame.

        Args:
            image: (H, W, 3).
            time: seconds.
            boxes: (4,) each, px: faces.

        Returns:
            Hands at the faces, highest palm score first; a detected hand is tracked also when it
            leaves the face.
        """
        after = [self._next(image, hand) for hand in self._followed]
        hands = [hand for hand in after if hand is not None]
        if len(hands) < len(after):
            self._lost = time
        every = 0.0 if time - self._lost < SOON else self._every
        if time - self._searched >= every - 1e-6 or time < self._searched:
            self._searched = time
            for box in boxes:
                hands += self._search(image, box)
        self._followed = _apart(hands)
        return sorted(self._followed, key=lambda hand: -hand.score)

    def state(self) -> dict[str, Any]:
        """Return the state that the next frame depends on, as JSON."""
        rows = [
            {
                "points": h.points.tolist(),
                "presence": h.presence,
                "right": h.right,
                "score": h.score,
            }
            for h in self._followed
        ]
        moments = {"searched": self._searched, "lost": self._lost}
        return {"hands": rows} | {k: None if np.isinf(v) else v for k, v in moments.items()}

    def resume(self, state: dict[str, Any]) -> None:
        """Continue after the frame of `state`."""
        self._followed = [
            Hand(np.array(h["points"], np.float32), h["presence"], h["right"], h["score"])
            for h in state["hands"]
        ]
        moments = (state["searched"], state["lost"])
        self._searched, self._lost = (-np.inf if v is None else v for v in moments)

    def _next(self, image: Pixels, hand: Hand) -> Hand | None:
        """Return the hand at its previous place, if it is still there."""
        [found] = self._hands.fit(image, [hand_region(hand.points)])
        if found.presence < GOES_ON:
            return None
        return Hand(found.points, found.presence, found.right, hand.score)

    def _search(self, image: Pixels, box: Floats) -> list[Hand]:
        side = max(float((box[2:] - box[:2]).max()), 1.0) * AROUND
        centre: Floats = np.asarray((box[:2] + box[2:]) / 2, np.float32)
        matrix = region(centre, side, 0, SQUARES)
        found = self._hands.find(warp(image, matrix, SQUARES, border="edge"), min_score=MIN_SCORE)
        return [
            Hand(back(hand.points, matrix), hand.presence, hand.right, hand.score) for hand in found
        ]


def hand_region(points: Floats) -> Floats:
    """Return the (2, 3) transform to a chip with the fingers up, from (21, 2 or 3) points, px."""
    flat = points[:, :2]
    along = flat[MIDDLE] - flat[WRIST]
    degrees = float(np.degrees(np.arctan2(along[1], along[0]))) + 90  # 0 if the fingers point up
    turn = np.radians(degrees)
    across = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    upright = flat @ across.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    middle = (low + high) / 2 - [0, AHEAD * (high - low)[1]]
    centre = np.asarray(middle @ across, np.float32)
    return region(centre, max(float((high - low).max()), 1.0) * WIDE, degrees, SIDE)


def _apart(hands: list[Hand]) -> list[Hand]:
    """Return the hands that do not overlap; of two, the one tracked for longer is kept."""
    kept: list[Hand] = []
    for hand in hands:
        box = _box(hand)[None]
        if not kept or iou(box, np.stack([_box(other) for other in kept])).max() < ONE:
            kept.append(hand)
    return kept


def _box(hand: Hand) -> Floats:
    flat = hand.points[:, :2]
    box: Floats = np.concatenate([flat.min(axis=0), flat.max(axis=0)])
    return box
