"""Names of 0.1.0 that moved: the old place finds them, and warns, for one release.

A package whose names moved says `__getattr__ = moved(__name__)` (PEP 562). The new place is
imported by name when somebody asks, so no room imports another because of this.
tests/test_api.py holds each name here to exist and to warn, and fails once GOES is reached.
"""

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

GOES = "0.3.0"  # release in which these names are removed

_BEHAVIOUR = (
    "AU_NAMES", "AU_UNITS", "Baseline", "BaselineError", "Blink", "CALIBRATED", "KINDS", "PARTS",
    "SIDED", "UNCALIBRATED", "action_units", "blink_rate", "blinks", "events", "open_level",
)  # fmt: skip
_DECISION = (
    "Calibration", "CalibrationError", "Point", "calibrations", "find_calibration",
    "read_calibration", "write_calibration",
)  # fmt: skip
# Old module -> old name -> where it is now: a module and a name in it, or a module.
MOVED: dict[str, dict[str, str]] = {
    "mien.pipeline": {
        "Enrolled": "mien.service:Enrolled",
        "Item": "mien.service:Item",
        "Kit": "mien.film:Analyzer",
        "Pipeline": "mien.photo:Pipeline",
        "analyze": "mien.film:analyze",
        "enroll": "mien.service:enroll",
        "fit_baseline": "mien.film:fit_baseline",
        "identify_film": "mien.film:identify_film",
        "items_in": "mien.service:items_in",
        "open_kit": "mien.film:open_analyzer",
        "open_pipeline": "mien.photo:open_pipeline",
    },
    "mien.landmarks": {
        **{name: f"mien.behaviour:{name}" for name in _BEHAVIOUR},
        "Settling": "mien.behaviour:RunningBaseline",
        "blanked": "mien.behaviour:without_occluded",
        "locate": "mien.landmarks:fit_meshes",
    },
    "mien.zoo": {name: f"mien.decision:{name}" for name in _DECISION},
    "mien.gallery": {"decide": "mien.decision.decide", "edits": "mien.albums.edits"},
}


def moved(module: str) -> Callable[[str], Any]:
    """Make the `__getattr__` of a module whose names moved.

    Args:
        module: its name, a key of MOVED.
    """

    def find(name: str) -> Any:
        place = MOVED[module].get(name)
        if place is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        where, _, new = place.partition(":")
        warnings.warn(
            f"{module}.{name} is now {place.replace(':', '.')}; the old name goes in {GOES}.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(import_module(where), new) if new else import_module(where)

    return find
