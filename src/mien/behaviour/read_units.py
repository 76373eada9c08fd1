"""Join action units that a head reads off the pixels with those estimated from geometry."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from mien.behaviour.action_units import AU_NAMES
from mien.landmarks.measures import SIDES
from mien.types import Doubles

REACH = 0.3  # s around a reading for which it holds; heads are read every 0.2 s
# Units of the estimate in which the head is better on people of CK+ who were left out of its fit
# (the table in systems/action_units_mf2/README.md). AU25 is not: both find 19 of 20.
REPLACED = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU12", "AU14", "AU15", "AU17", "AU20",
    "AU23",
)  # fmt: skip


def join_readings(
    times: ArrayLike,
    estimated: Mapping[str, Doubles],
    probability: Mapping[str, ArrayLike],
    shown: Mapping[str, ArrayLike],
) -> dict[str, Doubles]:
    """Add what a head reads, and correct the estimate where the head is better.

    A frame takes the reading that is nearest in time, at most 0.3 s away.

    Args:
        times: (T,) seconds, rising.
        estimated: columns of `action_units`, (T,) each.
        probability: unit ("AU12") -> (T,); NaN where the head was not run.
        shown: unit -> (T,) 1 shown, 0 absent; NaN where it was not run, or is undecided.

    Returns:
        The columns of `estimated`, and `AUxx_p` and `AUxx_c` of each unit that is read. `AUxx_c` is
        1 shown, 0 absent, NaN undecided or not read. For the units of REPLACED, the intensities are
        0 where the head says absent, and missing where it is undecided, or where it says shown and
        the estimate 0; where it was not read, the estimate stands. Other units keep probability
        and intensity of the estimate.
    """
    moments = np.asarray(times, np.float64)
    found = dict(estimated)
    for unit, values in probability.items():
        given = np.asarray(values, np.float64)
        near = _nearest(moments, np.isfinite(given))
        read = near >= 0
        state = np.where(read, np.asarray(shown[unit], np.float64)[near], np.nan)
        found[f"{unit}_c"] = state
        if unit in AU_NAMES and unit not in REPLACED and f"{unit}_p" in estimated:
            continue
        found[f"{unit}_p"] = np.where(read, given[near], np.nan)
        if unit in REPLACED:
            for name in (f"{unit}_r", *(f"{unit}_r_{side}" for side in SIDES)):
                if name in found:
                    found[name] = np.where(read, _corrected(found[name], state), found[name])
    return found


def _corrected(intensity: Doubles, state: Doubles) -> Doubles:
    """0 where absent, the estimate where shown; missing where undecided, or where they disagree."""
    shown = np.where((state == 1) & (intensity > 0), intensity, np.nan)
    return np.where((state == 0) & np.isfinite(intensity), 0.0, shown)


def _nearest(times: Doubles, read: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Place of the reading nearest to each time, -1 if none is within REACH."""
    places = np.flatnonzero(read)
    if not len(places):
        return np.full(len(times), -1, np.int64)
    after = np.clip(np.searchsorted(times[places], times), 1, max(1, len(places) - 1))
    left, right = places[after - 1], places[np.minimum(after, len(places) - 1)]
    nearer = np.where(np.abs(times[left] - times) <= np.abs(times[right] - times), left, right)
    return np.where(np.abs(times[nearer] - times) <= REACH, nearer, -1)
