"""MTCNN: three small networks, each looking closer at what the one before let through.

Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", IEEE SPL 2016.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mien.geometry import nms, square
from mien.runtime import Session
from mien.types import Face, Floats, Pixels

CELL, STRIDE = 12, 2  # px that one cell of the first network sees, and their distance
STEP = 0.709  # sqrt(0.5): each level of the pyramid has half the area. Source: the paper's code
NET2, NET3 = 24, 48  # px that the second and third networks see
GREY = (127, 127, 127)  # what the networks call 0; fills windows that leave the picture
# Measured on 206 pictures of LFW, UTKFace and others at four orientations. Faces that were found
# lying had log odds up to 5.3 in the final window (upright: median 6.4), and in 52 of 55 the true
# orientation won, most by more than 3; upright faces lost against a turn in 6 of 204, by up to 2.1.
DOUBTFUL = 5.5  # log odds below which the other orientations are tried
SHIFT = 0.03  # of the window's side: how far the two last looks are shifted
LYING = 2.0  # log odds by which another orientation must win
# If nothing is found, the first two networks let more windows through, from a pyramid with twice
# as many levels; the third one judges as before. Of 19 tight crops of LFW that need a second look
# this finds 17; of 196 pictures and crops without a face it took one more for a face.
LOOSE = 0.5
FINE_STEP = STEP**0.5
MOST = 1000  # windows that stage two looks at, best first: bounds time on pictures of leaves


class MtcnnDetector:
    """Faces with five points, from `min_face` pixels up.

    The cascade looks for the smallest faces at a cost that grows with the square of the picture's
    side over `min_face`, so `min_face` is the larger of a size in pixels and a share of the
    picture's shorter side.
    """

    def __init__(
        self,
        pnet: Path,
        rnet: Path,
        onet: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        min_face: float = 24.0,
        min_share: float = 0.04,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.8),
    ) -> None:
        """Open the three graphs.

        Args:
            pnet: first network: proposals.
            rnet: second network: refinement.
            onet: third network: output and points.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: for one call.
            min_face: px, side of the smallest face looked for.
            min_share: the same as a share of the picture's shorter side.
            thresholds: scores that a window must exceed in each stage.
        """
        self._nets = [
            Session(path, shape, device=device, threads=threads)
            for path, shape in (
                (pnet, (1, None, None, 3)),
                (rnet, (None, NET2, NET2, 3)),
                (onet, (None, NET3, NET3, 3)),
            )
        ]
        self.name, self.digest, self.device = name, digest, self._nets[0].device
        self.min_face, self.min_share, self.thresholds = min_face, min_share, thresholds

    def __call__(self, image: Pixels) -> list[Face]:
        """Find the faces in one (H, W, 3) image, most confident first."""
        last = self.thresholds[2]
        found = self._cascade(image, self.thresholds, STEP)
        return found or self._cascade(image, (LOOSE, LOOSE, last), FINE_STEP)

    def _cascade(
        self, image: Pixels, thresholds: tuple[float, float, float], step: float
    ) -> list[Face]:
        boxes = self._propose(image, thresholds[0], step)
        boxes = self._refine(image, boxes, thresholds[1])
        return self._finish(image, boxes, thresholds[2])

    def _levels(self, image: Pixels, step: float) -> Iterator[tuple[Pixels, float]]:
        """The picture at falling sizes, and level px per image px."""
        height, width = image.shape[:2]
        smallest = max(self.min_face, self.min_share * min(height, width))
        scale, level = CELL / smallest, image
        while min(height, width) * scale >= CELL:
            size = (round(width * scale), round(height * scale))
            # From the level before, not from the picture: half of the pixels to read. The first
            # step may be a large one and needs averaging; the others are too small for aliasing.
            how = cv2.INTER_AREA if level is image else cv2.INTER_LINEAR
            level = np.asarray(cv2.resize(level, size, interpolation=how), np.uint8)
            yield level, scale
            scale *= step

    def _propose(self, image: Pixels, threshold: float, step: float) -> Floats:
        """(N, 4) square windows that may hold a face, best first."""
        found = [np.empty((0, 5), np.float32)]
        for level, scale in self._levels(image, step):
            maps = self._nets[0](level[None])
            scores = maps["scores"][0, 1]  # (h, w)
            rows, columns = np.nonzero(scores > threshold)
            corner = np.stack([columns, rows], 1).astype(np.float32) * STRIDE + 1
            cells = np.hstack([corner, corner + CELL - 1])  # (N, 4) level px
            cells += maps["boxes"][0, :, rows, columns] * (CELL - 1)
            values = scores[rows, columns]
            keep = nms(cells, values, max_overlap=0.5)
            found.append(np.hstack([cells[keep] / scale, values[keep, None]]))
        every = np.vstack(found)
        keep = nms(every[:, :4], every[:, 4], max_overlap=0.7)[:MOST]
        return square(every[keep, :4])

    def _refine(self, image: Pixels, boxes: Floats, threshold: float) -> Floats:
        """Drop most windows, move the others."""
        if not len(boxes):
            return boxes
        out = self._nets[1](windows(image, boxes, NET2))
        sure = out["scores"][:, 1] > threshold
        boxes = moved(boxes[sure], out["boxes"][sure])
        keep = nms(boxes, out["scores"][sure, 1], max_overlap=0.7)
        return square(boxes[keep])

    def _finish(self, image: Pixels, boxes: Floats, threshold: float) -> list[Face]:
        if not len(boxes):
            return []
        out = self._nets[2](windows(image, boxes, NET3))
        sure = out["scores"][:, 1] > threshold
        boxes, scores = boxes[sure], out["scores"][sure, 1]
        points = points_in(boxes, out["points"][sure])
        boxes = moved(boxes, out["boxes"][sure])
        keep = nms(boxes, scores, max_overlap=0.7, over="smaller")
        return self._look_again(image, boxes[keep], scores[keep], points[keep])

    def _look_again(
        self, image: Pixels, boxes: Floats, scores: Floats, points: Floats
    ) -> list[Face]:
        """Look once more at the final windows: shifted, mirrored, and where in doubt turned.

        The network errs in opposite directions on a face and on its mirror image, and a little at
        random from place to place, so the points are the mean of five looks: on the pairs of LFW
        that gives 2 to 3 more of a thousand right. And the networks see a weak face in a face that
        lies on its side or stands on its head; if the window is more of a face after a turn, this
        is not one, and a search that turns the picture will find the true one.
        """
        if not len(boxes):
            return []
        final = square(boxes)
        aside = SHIFT * (final[:, 2:3] - final[:, :1])  # (N, 1) px
        places = np.concatenate([final - aside, final + aside])  # (2N, 4)
        chips = windows(image, places, NET3)
        out = self._nets[2](np.concatenate([chips, chips[:, :, ::-1]]))
        straight, mirrored = out["points"][: len(chips)], out["points"][len(chips) :].copy()
        mirrored[:, :5] = 1 - mirrored[:, :5]
        back = points_in(places, mirrored)[:, [1, 0, 2, 4, 3]]  # left and right change places
        looks = np.concatenate([points, points_in(places, straight), back])  # (5N, 5, 2)
        points = looks.reshape(5, *points.shape).mean(axis=0).astype(np.float32)
        surety = log_odds(out["scores"][: len(chips)]).reshape(2, -1).max(axis=0)
        lying = self._lying(chips[: len(final)], surety)
        return [
            Face(boxes[i], float(scores[i]), points[i], detector=self.name)
            for i in range(len(boxes))
            if i not in lying
        ]

    def _lying(self, chips: Pixels, surety: Floats) -> set[int]:
        """Which of the windows are more of a face after a turn."""
        doubtful = np.flatnonzero(surety < DOUBTFUL)
        if not doubtful.size:
            return set()
        turned = [np.rot90(chips[doubtful], quarter, axes=(1, 2)) for quarter in (1, 2, 3)]
        others = log_odds(self._nets[2](np.concatenate(turned))["scores"]).reshape(3, -1)
        return set(doubtful[others.max(axis=0) - surety[doubtful] > LYING].tolist())


def windows(image: Pixels, boxes: Floats, side: int) -> Pixels:
    """Cut square windows and scale them: (N, side, side, 3); grey beyond the picture."""
    chips = np.empty((len(boxes), side, side, 3), np.uint8)
    height, width = image.shape[:2]
    for chip, box in zip(chips, np.rint(boxes).astype(int), strict=True):
        left, top, right, bottom = box
        inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        border = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
        if any(border) and inside.size:
            inside = cv2.copyMakeBorder(inside, *border, cv2.BORDER_CONSTANT, value=GREY)  # type: ignore[assignment]
        if inside.size:
            smaller = inside.shape[0] > side
            how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            cv2.resize(inside, (side, side), dst=chip, interpolation=how)
        else:
            chip[:] = GREY[0]
    return chips


def log_odds(scores: Floats) -> Floats:
    """(N, 2) probabilities of no face and face -> (N,) log odds of a face."""
    no, yes = np.log(np.maximum(scores, 1e-12)).T
    odds: Floats = yes - no
    return odds


def points_in(boxes: Floats, shares: Floats) -> Floats:
    """Points given as shares of their windows: (N, 4), (N, 10) x then y -> (N, 5, 2) px."""
    size = boxes[:, None, 2:] - boxes[:, None, :2]
    result: Floats = boxes[:, None, :2] + shares.reshape(-1, 2, 5).transpose(0, 2, 1) * size
    return result


def moved(boxes: Floats, offsets: Floats) -> Floats:
    """Shift the sides of (N, 4) boxes by shares of their width and height."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    result: Floats = boxes + offsets * size
    return result
