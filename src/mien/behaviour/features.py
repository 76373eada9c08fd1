"""Features of action units: deviations of measures from the person's neutral face."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from mien.behaviour.baselines import Baseline
from mien.landmarks.measures import SIDES, UNITS
from mien.types import Doubles

POSE = ("turn", "nod", "turn_squared", "nod_squared", "turn_nod")
TURN = 20.0  # degrees that correspond to 1 in the features


def from_rest(columns: Mapping[str, ArrayLike], baseline: Baseline) -> dict[str, Doubles]:
    """Compute the deviation of each measure from the baseline.

    Args:
        columns: name of UNITS -> (T,), from `measure`.
        baseline: of the person.

    Returns:
        Name -> (T,); yaw is unchanged, since 0 is frontal for all people. Also `closure_left` and
        `closure_right`, the closed share of the open eye's aperture.

    Raises:
        ValueError: a measure has no column.
    """
    missing = [name for name in UNITS if name not in columns]
    if missing:
        raise ValueError(f"Measure '{missing[0]}' is missing; give all measures of `measure`.")
    table = {name: np.asarray(columns[name], np.float64) for name in UNITS}
    away = {name: values - baseline.centre[name] for name, values in table.items()}
    away["yaw"] = table["yaw"]
    for side in SIDES:
        away[f"closure_{side}"] = (
            1 - table[f"eye_aperture_{side}"] / baseline.centre[f"eye_aperture_{side}"]
        )
    return away


def features(away: Mapping[str, Doubles], side: str) -> dict[str, Doubles]:
    """Compute the features of the units of one side.

    Deviations above and below the baseline are two features, since different movements raise and
    lower a measure: a raised brow is not the opposite of a lowered brow.

    Args:
        away: deviations, from `from_rest`.
        side: "left" or "right".

    Returns:
        Name -> (T,). "mouth_lift+" is the deviation of the measure of this side, or of the middle,
        above the baseline, "mouth_lift-" below it, both 0 or more; then terms of the pose, in
        which turns are positive towards this side.
    """
    other = SIDES[1 - SIDES.index(side)]
    found: dict[str, Doubles] = {}
    for name, values in away.items():
        if not name.endswith(f"_{other}"):
            stem = name.removesuffix(f"_{side}")
            found[f"{stem}+"], found[f"{stem}-"] = np.maximum(values, 0), np.maximum(-values, 0)
    turn = away["yaw"] / TURN * (-1 if side == "left" else 1)
    nod = away["pitch"] / TURN
    products = (turn, nod, turn**2, nod**2, turn * nod)
    return found | dict(zip(POSE, products, strict=True))
