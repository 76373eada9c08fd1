"""Action units from geometry: deviations of measures from the person's neutral face.

An action unit is a movement of the face, not an emotion. Each unit is a weighted sum of a few
deviations, mapped to the scale 0 to 5 by a rising curve. Weights, curves and probabilities are
in units.json, which tools/fit_units.py fits to rendered faces.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from mien.behaviour.baselines import Baseline
from mien.behaviour.features import features, from_rest
from mien.behaviour.unit_tables import Unit, units
from mien.landmarks.measures import SIDES
from mien.types import Doubles

AU_NAMES = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12", "AU14", "AU15", "AU17",
    "AU20", "AU23", "AU25", "AU26", "AU45",
)  # fmt: skip
CALIBRATED = tuple(name for name in AU_NAMES if units()[name].presence)  # those with AUxx_p
UNCALIBRATED = tuple(name for name in AU_NAMES if name not in CALIBRATED)
SIDED = tuple(name for name in AU_NAMES if units()[name].sided)  # with AUxx_r_left and _right
# AU12 of a neutral face beside the average one, above which it is a smile. Of the Taiwanese
# portraits, none of 57 neutral and 0.97 of 195 smiling ones exceed it.
SMILE = 3.0
INTENSITY, PROBABILITY = "FACS intensity 0-5", "probability"
# Column of `action_units` -> unit.
AU_UNITS: dict[str, str] = {
    **{f"{name}_r": INTENSITY for name in AU_NAMES},
    **{f"{name}_r_{side}": INTENSITY for name in SIDED for side in SIDES},
    **{f"{name}_p": PROBABILITY for name in CALIBRATED},
}


def action_units(columns: Mapping[str, ArrayLike], baseline: Baseline) -> dict[str, Doubles]:
    """Compute the intensities of the action units of each frame independently.

    A clip, a part of it and a live view therefore agree on a frame if they use one baseline.

    Args:
        columns: name -> (T,), values of `measure`; NaN where missing.
        baseline: of the person. With the average baseline, probabilities are omitted, since they
            are calibrated against the neutral faces of individuals.

    Returns:
        Column of AU_UNITS -> (T,); NaN where a measure is missing. `AUxx_r` is the stronger of
        both sides, 0 (absent) to 5 (as strong as the rendered faces show it). `AUxx_p` is the
        probability that the intensity is 1 or more where half of the faces show the unit. AU12 is
        missing if the baseline smiles: see `smiles`.

    Raises:
        ValueError: a measure has no column, or lengths differ.
    """
    away = from_rest(columns, baseline)
    found: dict[str, Doubles] = {}
    for name in AU_NAMES:
        unit = units()[name]
        scores = {side: _score(unit, away, side) for side in SIDES}
        if not unit.sided:
            scores = dict.fromkeys(SIDES, (scores["left"] + scores["right"]) / 2)
        intensities = {side: np.interp(score, *unit.curve) for side, score in scores.items()}
        found[f"{name}_r"] = np.maximum(intensities["left"], intensities["right"])
        if unit.sided:
            found |= {f"{name}_r_{side}": intensities[side] for side in SIDES}
        if unit.presence and baseline.mode != "average":
            slope, intercept = unit.presence
            logit = slope * np.maximum(scores["left"], scores["right"]) + intercept
            found[f"{name}_p"] = 1 / (1 + np.exp(-np.clip(logit, -50, 50)))
    if smiles(baseline):
        gone = np.full(len(found["AU12_r"]), np.nan)
        found |= {name: gone for name in found if name.startswith("AU12_")}
    return {name: found[name] for name in AU_UNITS if name in found}


@lru_cache(maxsize=64)  # by identity; it is asked for in each live frame
def smiles(baseline: Baseline) -> bool:
    """Whether the neutral face of a baseline is a smile, to which AU12 cannot be relative.

    That is so if a person smiles throughout a film. The average baseline does not smile.
    """
    if baseline.mode == "average":
        return False
    centre = {name: np.array([value]) for name, value in baseline.centre.items()}
    return bool(action_units(centre, Baseline.average())["AU12_r"][0] > SMILE)


def _score(unit: Unit, away: Mapping[str, Doubles], side: str) -> Doubles:
    known = features(away, side)
    total: Doubles = sum(
        (weight * known[name] for name, weight in unit.weights.items()), np.zeros(())
    )
    return total
