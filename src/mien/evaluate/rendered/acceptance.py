"""Check that face detectors find rendered people, equally for all skin tones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mien.contracts import Detector
from mien.evaluate.rendered.sitting import portrait, sitter
from mien.metrics import wilson
from mien.synth import HeadModel, render
from mien.types import Floats, OnStep, Pixels

Finder = Callable[[Pixels], list[Floats]]  # image in, boxes out
TONES = ((1.0, 4.0), (4.0, 7.0), (7.0, 10.0))  # groups on the Monk scale
NEAR, TURNED = 20.0, 45.0  # degrees of yaw


@dataclass(frozen=True, slots=True)
class Accepted:
    """One detector on one group of images."""

    detector: str
    yaw: str  # "20": up to 20 degrees; "45": at 45
    tone: str  # "all", or the ends of the group on the Monk scale
    found: int
    of: int

    @property
    def rate(self) -> float:
        """Share found."""
        return self.found / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share. Source: Wilson, 1927."""
        low, high = wilson(self.found, self.of)
        return low, high


def finder(detector: Detector) -> Finder:
    """A detector of mien as a finder."""
    return lambda image: [face.box for face in detector(image)]


def acceptance(
    head: HeadModel,
    finders: Mapping[str, Finder],
    *,
    people: int = 200,
    seed: int = 0,
    on_step: OnStep = lambda name, done, total: None,
) -> list[Accepted]:
    """Render people with balanced skin tones and run every detector.

    A face counts as found if a box fits the rendered face: its centre lies in the box of the 68
    points, and its side is between a half and three times theirs.

    Args:
        head: to render people with.
        finders: by name.
        people: number of people; each is rendered at up to 20 degrees and at 45.
        seed: of everything.
        on_step: called for each person.
    """
    rows: dict[tuple[str, str, str], list[bool]] = {}
    rng = np.random.default_rng([seed, 89])
    for number in range(people):
        on_step("acceptance", number, people)
        low, high = TONES[number % len(TONES)]
        actor = sitter(head, seed * 100_000 + number, float(rng.uniform(low, high)))
        turned = TURNED * (1 if number % 2 else -1)
        for band, yaw in (("20", float(rng.uniform(-NEAR, NEAR))), ("45", turned)):
            frame = render(actor, portrait(seed * 100_000 + number, yaw), truth=False)
            for name, find in finders.items():
                hit = any(fits(box, frame.lm68) for box in find(frame.rgb))
                for tone in ("all", f"{low:g}-{high:g}"):
                    rows.setdefault((name, band, tone), []).append(hit)
    on_step("acceptance", people, people)
    return [Accepted(*key, sum(hits), len(hits)) for key, hits in rows.items()]


def fits(box: Floats, points: Floats) -> bool:
    """Whether a box is that of the face with these points, (N, 2)."""
    low, high = points.min(0), points.max(0)
    middle, side = (box[:2] + box[2:]) / 2, float(np.max(box[2:] - box[:2]))
    inside = bool(((middle > low) & (middle < high)).all())
    return inside and 0.5 < side / float((high - low).max()) < 3
