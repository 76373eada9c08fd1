"""Name expressions of learners by action units, gaze and pose: no language model, no weights.

It shows what a description can name and what it cannot, and is the rival of a language model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mien.behaviour import Baseline, action_units
from mien.contracts import Landmarker
from mien.errors import MienError
from mien.geometry.poses import Camera
from mien.landmarks import chip_face, fit_meshes, measure
from mien.metrics import softmax
from mien.systems.academic_vlm.parsing import LABELS
from mien.types import Crop, Device, Pixels, Reading

CROP = Crop(size=256, zoom=0.6)  # shows chin and forehead
SEEN = 0.5  # least presence of a mesh
NEUTRAL, HEAT = 0.6, 0.3  # score of a face that shows nothing; temperature of the shares
# All thresholds are chosen, none is measured: degrees, and drop of the lids as a share of an eye.
TURNED, ASIDE, SUNK, TILT, LIDS = 20.0, 15.0, 15.0, 15.0, 0.1
NEEDED = ("AU04", "AU06", "AU07", "AU12", "AU26")
TOP = 5.0  # of the scale of action units


@dataclass(frozen=True, slots=True)
class Described:
    """What one face shows."""

    shares: dict[str, float]  # label -> share, sum 1
    evidence: tuple[str, ...]  # what spoke for a label, strongest first


def describe(units: Mapping[str, float], seen: Mapping[str, float]) -> Described:
    """Map action units, gaze and pose to the five labels.

    Args:
        units: "AU04", "AU06", "AU07", "AU12", "AU26" on the FACS scale 0 to 5.
        seen: "yaw", "pitch", "roll" and "gaze" (degrees; gaze is the larger of both angles off the
            camera, NaN for closed eyes), "lids" (how far both eyes are closed, 0 to 1).

    Returns:
        Shares of the labels: a softmax with temperature 0.3, in no way calibrated.

    Raises:
        MienError: a value is missing or is not a number. Gaze may be NaN.
    """
    needed = {name: units.get(name, math.nan) for name in NEEDED}
    needed |= {name: seen.get(name, math.nan) for name in ("yaw", "pitch", "roll", "lids")}
    gone = sorted(name for name, value in needed.items() if not math.isfinite(value))
    if gone:
        raise MienError(f"'{gone[0]}' has no number, so the expression cannot be described.")
    au = {name: needed[name] / TOP for name in needed if name.startswith("AU")}
    gaze = seen.get("gaze", math.nan)
    gaze = gaze if math.isfinite(gaze) else 0.0
    parts = {
        "confused": {"brows lowered": au["AU04"], "eyes narrowed": 0.5 * au["AU07"],
                     "head tilted": 0.3 * abs(needed["roll"]) / TILT},
        "distracted": {"head turned away": max(abs(needed["yaw"]) - TURNED, 0) / TURNED,
                       "eyes off the camera": max(abs(gaze) - ASIDE, 0) / ASIDE},
        "happy": {"lip corners up": au["AU12"], "cheeks raised": 0.5 * au["AU06"]},
        "neutral": {"nothing shown": NEUTRAL},
        "tired": {"lids drooping": needed["lids"] / (4 * LIDS), "jaw dropped": au["AU26"],
                  "head sunk": max(-needed["pitch"] - SUNK, 0) / SUNK},
    }  # fmt: skip
    score = np.array([sum(parts[label].values()) for label in LABELS])
    shares = softmax(score[None] / HEAT)[0].tolist()
    ranked = sorted(
        ((value, label, cue) for label, cues in parts.items() for cue, value in cues.items()),
        reverse=True,
    )
    words = tuple(f"{cue} ({label} {value:+.2f})" for value, label, cue in ranked
                  if value > 0.1 and label != "neutral")  # fmt: skip
    return Described(dict(zip(LABELS, shares, strict=True)), words)


class Describer:
    """A chip head for `mien.contracts.Subject`: five shares per face."""

    crop = CROP
    digest = ""

    def __init__(
        self, landmarker: Landmarker, name: str = "descriptors", rest: Baseline | None = None
    ) -> None:
        """Create the head.

        Args:
            landmarker: a mesh with irises, card attention-mesh.
            name: in its answers.
            rest: neutral face of the person, if all chips are of one; None: the average face.
        """
        self._mesh, self.name, self.device = landmarker, name, Device("cpu", "NumPy", 1)
        self._rest = rest or Baseline.average()

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Describe (N, 256, 256, 3) chips; one without a mesh has no values, and says so."""
        return [self._one(chip) for chip in chips]

    def _one(self, chip: Pixels) -> Reading:
        found = self.measured(chip)
        if found is None:
            return self._reading({}, "no mesh fits this face")
        try:
            shown = describe(*found)
        except MienError as error:
            return self._reading({}, str(error))
        return self._reading(shown.shares, "; ".join(shown.evidence))

    def measured(self, chip: Pixels) -> tuple[dict[str, float], dict[str, float]] | None:
        """Action units beside the neutral face, and angles with lids; None: no mesh fits."""
        values = self.measures(chip)
        return None if values is None else described(values, self._rest)

    def measures(self, chip: Pixels) -> dict[str, float] | None:
        """The measures of a chip, see mien.landmarks.measure; None: no mesh fits."""
        mesh, presence = fit_meshes(self._mesh, chip, [chip_face(self.crop)])
        if presence[0].mean() < SEEN:
            return None
        return measure(mesh[0], Camera.of(*chip.shape[:2]))

    def _reading(self, values: dict[str, float], text: str) -> Reading:
        return Reading("academic-expression", values, "share", self.name, text=text or None)


def described(
    values: Mapping[str, float], rest: Baseline
) -> tuple[dict[str, float], dict[str, float]]:
    """Action units beside a neutral face, and angles with lids, for `describe`."""
    units = action_units({name: np.array([value]) for name, value in values.items()}, rest)
    strong = {name[:4]: float(one[0]) for name, one in units.items() if name.endswith("_r")}
    return strong, summary(values, rest)


def summary(values: Mapping[str, float], rest: Baseline) -> dict[str, float]:
    """Angles and lids from the measures of a face, for `describe`."""
    gaze = [values[f"gaze_yaw_{side}"] for side in ("left", "right")]
    known = [angle for angle in gaze if math.isfinite(angle)]
    lids = [1 - values[f"eye_aperture_{side}"] / rest.centre[f"eye_aperture_{side}"]
            for side in ("left", "right")]  # fmt: skip
    return {**{name: values[name] for name in ("yaw", "pitch", "roll")},
            "gaze": float(np.mean(known)) if known else math.nan,
            "lids": float(np.clip(np.mean(lids), 0, 1))}  # fmt: skip
