"""What action units are sums of: how far each measure is from the person's own rest."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from mien.behaviour.baselines import Baseline
from mien.landmarks.measures import SIDES, UNITS
from mien.types import Doubles

POSE = ("turn", "nod", "turn_squared", "nod_squared", "turn_nod")
TURN = 20.0  # degrees that count as 1 in these


def from_rest(columns: Mapping[str, ArrayLike], baseline: Baseline) -> dict[str, Doubles]:
    """Each measure's distance from rest.

    Args:
        columns: name of UNITS -> (T,), from `measure`.
        baseline: of the person.

    Returns:
        Name -> (T,); yaw stays as it is, since 0 is frontal for everybody. Also `closure_left` and
        `closure_right`, the share of the open eye's aperture that is missing.

    Raises:
        ValueError: a measure is missing altogether.
    """
    missing = [name for name in UNITS if name not in columns]
    if missing:
        raise ValueError(f"Measure '{missing[0]}' is missing; give all that `measure` tells.")
    table = {name: np.asarray(columns[name], np.float64) for name in UNITS}
    away = {name: values - baseline.centre[name] for name, values in table.items()}
    away["yaw"] = table["yaw"]
    for side in SIDES:
        away[f"closure_{side}"] = (
            1 - table[f"eye_aperture_{side}"] / baseline.centre[f"eye_aperture_{side}"]
        )
    return away


def features(away: Mapping[str, Doubles], side: str) -> dict[str, Doubles]:
    """What the units of one side are sums of.

    How far a measure is above its rest and how far it is below are two features, since what raises
    it and what lowers it are different movements: a raised brow is no lowered brow's opposite.

    Args:
        away: from rest, as `from_rest` tells.
        side: "left" or "right".

    Returns:
        Name -> (T,). "mouth_lift+" is how far the measure of this side, or of the middle, is above
        its rest, "mouth_lift-" how far below, both 0 or more; then terms of the pose, in which
        turns count as positive towards this side.
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
