"""MTCNN: a cascade of three small networks; each refines the windows of the previous one.

Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", IEEE SPL 2016.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mien.detect.light import DIM, brightened, brightest
from mien.detect.staged import Glance, Hints
from mien.detect.views import SAME, crosses, search_around
from mien.detect.windows import GREY, quick_windows, windows
from mien.geometry import nms, square
from mien.runtime import Session
from mien.types import Face, Floats, Pixels

CELL, STRIDE = 12, 2  # px of the receptive field of a cell of the first network, and the stride
STEP = 0.709  # sqrt(0.5): each level of the pyramid has half the area. Source: the paper's code
NET2, NET3 = 24, 48  # px of the inputs of the second and third networks
# Measured on 206 images of LFW, UTKFace and others at four orientations. Faces that were found in
# a wrong orientation had logits up to 5.3 in the final window (upright: median 6.4). In 52 of 55
# the true orientation won, most by more than 3. Upright faces lost in 6 of 204, by up to 2.1.
DOUBTFUL = 5.5  # logit below which the other orientations are tried
SHIFT = 0.03  # share of the window's side, shift of the last two passes
LYING = 2.0  # logit difference by which another orientation must win
# If nothing is found, the first two networks pass more windows, from a pyramid with twice as many
# levels; the third is unchanged. Of 19 tight crops of LFW that need a retry this finds 17; on 196
# images and crops without a face it adds one false detection.
LOOSE = 0.5
FINE_STEP = STEP**0.5
# A glance keeps the windows with these scores in the three stages, on a small copy of the image.
# Windows that take a large share of the image are few, so for them lower scores and the finer
# pyramid of LOOSE are affordable; tight crops need them. Source: python benchmarks/detect.py.
GLANCE = (0.8, 0.5, 0.3)
LARGE = 0.3  # share of the shorter side
GLANCE_LARGE = (0.3, 0.2)  # scores of large windows in the last two stages
WIDE_CELL = 8  # px, shorter side of the smallest level with room: the face is wider than the image
ROOM = 8  # px of a level that a glance adds on each side, for faces that are cut by the border
BATCH = 16  # windows: beyond, the maps of the second network leave the cache
MOST = 1000  # windows that stage two processes, best first: limits the time on images of foliage


class Scan(NamedTuple):
    """One pass of the first network over an image pyramid."""

    threshold: float  # score that a window must exceed
    smallest: float  # px, side of the smallest window
    step: float  # side of each level as a share of the previous one
    largest: float = math.inf  # px, side of the largest window


class MtcnnDetector:
    """Detector of faces with five points, from `min_face` pixels upwards.

    It is a mien.detect.staged.Staged.

    The cost of small faces grows with the square of the image side over `min_face`. Therefore
    `min_face` is the larger of a size in pixels and a share of the shorter side of the
    image.
    """

    unit = float(NET2)

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
        smallest: float | None = None,
    ) -> None:
        """Open the three graphs.

        Args:
            pnet: first network: proposals.
            rnet: second network: refinement.
            onet: third network: output and points.
            name: the card of the model.
            digest: of the weights.
            device: see mien.runtime.
            threads: for one call.
            min_face: px, side of the smallest face to detect.
            min_share: the same as a share of the shorter side of the image.
            thresholds: scores that a window must exceed in each stage.
            smallest: px, side of the smallest face in any image, instead of the two.
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
        self.min_face = min_face if smallest is None else smallest
        self.min_share = min_share if smallest is None else 0.0
        self.thresholds = thresholds

    def __call__(self, image: Pixels) -> list[Face]:
        """Find the faces in one (H, W, 3) image, highest score first."""
        small = self.reduced(image, self.smallest(image))
        return self.search(image, lambda: self.glance(small, border=True))

    def search(self, image: Pixels, hints: Glance) -> list[Face]:
        """Find the faces; `hints` makes a glance at this view, where a strict search fails."""
        found, weak = self._strict(image)
        if found:
            return found
        return self._loose(image) if hints().large or self._promising(image, weak) else []

    def _promising(self, image: Pixels, windows: Floats) -> bool:
        """Return whether a loose search around one of the windows finds a face."""
        keep = nms(windows, np.ones(len(windows), np.float32), max_overlap=SAME)
        return any(search_around(self._loose, image, window, GREY) for window in windows[keep])

    def _strict(self, image: Pixels) -> tuple[list[Face], Floats]:
        """Return the faces, and the windows that have the last score of a glance."""
        first, second, last = self.thresholds
        return self._cascade(image, Scan(first, self.smallest(image), STEP), second, last)

    def _loose(self, image: Pixels) -> list[Face]:
        """Find faces of which the first two networks are less certain."""
        scan = Scan(LOOSE, self.smallest(image), FINE_STEP)
        return self._cascade(image, scan, LOOSE, self.thresholds[2])[0]

    def smallest(self, image: Pixels) -> float:
        """Return the side of the smallest face that is searched for in this image, px."""
        return max(self.min_face, self.min_share * float(min(image.shape[:2])))

    def reduced(self, image: Pixels, smallest: float) -> Pixels:
        """Scale an image so that a face of `smallest` px gets NET2 px, as `glance` expects."""
        scale = NET2 / smallest
        if scale == 1:
            return image
        size = [max(1, round(side * scale)) for side in (image.shape[1], image.shape[0])]
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)

    def glance(self, small: Pixels, *, border: bool = False, largest: float = math.inf) -> Hints:
        """Return where a search could find a face, at a fraction of its cost.

        Args:
            small: of `reduced`; turned or changed as the image would be.
            border: only at the border and beyond; faces that fill the image are included.
            largest: px of `small`, the side of the largest window.

        Returns:
            Square windows in px of `small`; none: a search finds no face.
        """
        if brightest(small) < DIM:
            small = brightened(small)
        large = max(NET2, LARGE * min(small.shape[:2]))
        first = NET2 / FINE_STEP  # a window shows faces half a step smaller than it, too
        scans = [Scan(GLANCE[0], first, STEP, largest), Scan(LOOSE, large, FINE_STEP, largest)]
        fill = mean_colour(small) if border else GREY
        boxes = self._propose(small, scans, ROOM if border else 0, fill)
        if border:  # the others lie inside, where a search is made anyhow
            boxes = boxes[crosses(boxes, small) | (boxes[:, 2] - boxes[:, 0] >= large)]
        for net, side, score, lower in zip(
            self._nets[1:], (NET2, NET3), GLANCE[1:], GLANCE_LARGE, strict=True
        ):
            if not len(boxes):
                break
            out = _batched(net, quick_windows(small, boxes, side, fill))
            asked = np.where(boxes[:, 2] - boxes[:, 0] < large, score, lower)
            sure = out["scores"][:, 1] > asked
            boxes = square(moved(boxes[sure], out["boxes"][sure]))
        return Hints(boxes, bool((boxes[:, 2] - boxes[:, 0] >= large).any()))

    def _cascade(
        self, image: Pixels, scan: Scan, second: float, last: float
    ) -> tuple[list[Face], Floats]:
        boxes = self._propose(image, [scan])
        boxes = self._refine(image, boxes, second)
        return self._finish(image, boxes, last)

    def _levels(self, image: Pixels, scan: Scan, shortest: int) -> Iterator[tuple[Pixels, float]]:
        """Yield the image at decreasing sizes, and level px per image px.

        The shorter side of the last level has at least `shortest` px.
        """
        height, width = image.shape[:2]
        scale, level = CELL / scan.smallest, image
        while min(height, width) * scale >= shortest and CELL / scale <= scan.largest:
            size = (round(width * scale), round(height * scale))
            # Each level is made from the previous one, not from the image: fewer pixels to read.
            # The first step may be large and needs averaging; the others cause little aliasing.
            how = cv2.INTER_AREA if level is image else cv2.INTER_LINEAR
            level = np.asarray(cv2.resize(level, size, interpolation=how), np.uint8)
            yield level, scale
            scale *= scan.step

    def _propose(
        self,
        image: Pixels,
        scans: Sequence[Scan],
        room: int = 0,
        fill: tuple[float, ...] = GREY,
    ) -> Floats:
        """Return square windows that may contain a face, (N, 4), best first.

        Args:
            image: (H, W, 3).
            scans: the passes of the first network.
            room: even number of px that is added on each side of each level; the middle of the
                level is then left out.
            fill: RGB of what is added.
        """
        found = [np.empty((0, 5), np.float32)]
        for scan in scans:
            for level, scale in self._levels(image, scan, WIDE_CELL if room else CELL):
                for part, corner in _parts(level, room, fill):
                    maps = self._nets[0](part[None])
                    scores = maps["scores"][0, 1]  # (h, w)
                    rows, columns = np.nonzero(scores > scan.threshold)
                    places = np.stack([columns, rows], 1).astype(np.float32) * STRIDE + 1 + corner
                    cells = np.hstack([places, places + CELL - 1])  # (N, 4) level px
                    cells += maps["boxes"][0, :, rows, columns] * (CELL - 1)
                    values = scores[rows, columns]
                    keep = nms(cells, values, max_overlap=0.5)
                    found.append(np.hstack([cells[keep] / scale, values[keep, None]]))
        every = np.vstack(found)
        keep = nms(every[:, :4], every[:, 4], max_overlap=0.7)[:MOST]
        return square(every[keep, :4])

    def _refine(self, image: Pixels, boxes: Floats, threshold: float) -> Floats:
        """Drop most windows, and adjust the others."""
        if not len(boxes):
            return boxes
        out = _batched(self._nets[1], windows(image, boxes, NET2))
        sure = out["scores"][:, 1] > threshold
        boxes = moved(boxes[sure], out["boxes"][sure])
        keep = nms(boxes, out["scores"][sure, 1], max_overlap=0.7)
        return square(boxes[keep])

    def _finish(self, image: Pixels, boxes: Floats, threshold: float) -> tuple[list[Face], Floats]:
        if not len(boxes):
            return [], boxes
        out = _batched(self._nets[2], windows(image, boxes, NET3))
        sure = out["scores"][:, 1] > threshold
        weak = boxes[out["scores"][:, 1] > GLANCE[2]]
        boxes, scores = boxes[sure], out["scores"][sure, 1]
        points = points_in(boxes, out["points"][sure])
        boxes = moved(boxes, out["boxes"][sure])
        keep = nms(boxes, scores, max_overlap=0.7, over="smaller")
        return self._refine_final(image, boxes[keep], scores[keep], points[keep]), weak

    def _refine_final(
        self, image: Pixels, boxes: Floats, scores: Floats, points: Floats
    ) -> list[Face]:
        """Evaluate the final windows again: shifted, mirrored and, if in doubt, rotated.

        The network errs in opposite directions on a face and on its mirror image, and randomly with
        position, so the points are the mean of five passes. On the pairs of LFW, 2 to 3 more of a
        thousand are then correct. The networks also find weak faces in faces that lie on their side
        or upside down. If a rotated window has a higher score, the upright face is dropped, and a
        search that rotates the image will find the correct one.
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
        back = points_in(places, mirrored)[:, [1, 0, 2, 4, 3]]  # left and right are swapped
        passes = np.concatenate([points, points_in(places, straight), back])  # (5N, 5, 2)
        points = passes.reshape(5, *points.shape).mean(axis=0).astype(np.float32)
        certainty = face_logits(out["scores"][: len(chips)]).reshape(2, -1).max(axis=0)
        lying = self._lying(chips[: len(final)], certainty)
        return [
            Face(boxes[i], float(scores[i]), points[i], detector=self.name)
            for i in range(len(boxes))
            if i not in lying
        ]

    def _lying(self, chips: Pixels, certainty: Floats) -> set[int]:
        """Return the windows whose score is higher after a rotation."""
        doubtful = np.flatnonzero(certainty < DOUBTFUL)
        if not doubtful.size:
            return set()
        turned = [np.rot90(chips[doubtful], quarter, axes=(1, 2)) for quarter in (1, 2, 3)]
        others = face_logits(self._nets[2](np.concatenate(turned))["scores"]).reshape(3, -1)
        return set(doubtful[others.max(axis=0) - certainty[doubtful] > LYING].tolist())


def _parts(level: Pixels, room: int, fill: tuple[float, ...]) -> Iterator[tuple[Pixels, Floats]]:
    """Yield the level, or the strips along its border with room around; with their corners."""
    if not room:
        yield level, np.zeros(2, np.float32)
        return
    added = cv2.copyMakeBorder(level, room, room, room, room, cv2.BORDER_CONSTANT, value=fill)
    wide, strip = np.asarray(added, np.uint8), room + CELL
    height, width = wide.shape[:2]
    if min(height, width) <= 2 * strip:
        yield wide, np.array([-room, -room], np.float32)
        return
    below, right = (height - strip) // STRIDE * STRIDE, (width - strip) // STRIDE * STRIDE
    for left, top, part in (
        (0, 0, wide[:strip]),
        (0, below, wide[below:]),
        (0, 0, wide[:, :strip]),
        (right, 0, wide[:, right:]),
    ):
        yield np.ascontiguousarray(part), np.array([left - room, top - room], np.float32)


def mean_colour(image: Pixels) -> tuple[float, ...]:
    """Return the mean RGB of an image."""
    return cv2.mean(image)[:3]


def _batched(net: Session, chips: Pixels) -> dict[str, Floats]:
    """Run a network on few windows at a time: their maps then stay in the cache."""
    parts = [net(chips[at : at + BATCH]) for at in range(0, len(chips), BATCH)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def face_logits(scores: Floats) -> Floats:
    """Convert probabilities of no face and face (N, 2) to logits of a face (N,)."""
    no, yes = np.log(np.maximum(scores, 1e-12)).T
    logits: Floats = yes - no
    return logits


def points_in(boxes: Floats, shares: Floats) -> Floats:
    """Convert points in shares of their windows to px: (N, 4), (N, 10) x then y -> (N, 5, 2)."""
    size = boxes[:, None, 2:] - boxes[:, None, :2]
    result: Floats = boxes[:, None, :2] + shares.reshape(-1, 2, 5).transpose(0, 2, 1) * size
    return result


def moved(boxes: Floats, offsets: Floats) -> Floats:
    """Shift the sides of boxes (N, 4) by shares of their width and height."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    result: Floats = boxes + offsets * size
    return result
