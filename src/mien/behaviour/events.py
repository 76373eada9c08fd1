"""Facial events over time: blinks, speech, gaze shifts, nods, shakes, action units.

Each event is a `FacialEvent` with times in seconds. Unobserved time is not bridged: a gap of
more than 0.15 s ends an event, and `begun` and `ended` record this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from mien.behaviour.action_units import AU_NAMES, SIDED
from mien.behaviour.blinks import BRIDGE, LONGEST, closures, open_level
from mien.behaviour.unit_tables import units
from mien.landmarks.measures import SIDES
from mien.signals import Episode, episodes, joined, oscillations, pieces, swings
from mien.types import Doubles

Side = Literal["left", "right", "both"]
# Kind -> unit of its peak. Action units have their own names, "AU12".
KINDS: dict[str, str] = {
    "blink": "share of the open eye's aperture that is closed",
    "eyes-closed": "share of the open eye's aperture that is closed",
    "mouth-open": "inter-ocular distance",
    "talking": "inter-ocular distance",
    "gaze-shift": "degree",
    "nod": "degree",
    "shake": "degree",
    "micro-movement": "px on a face of 128 px",  # from frames, by mien.film.micro
    **dict.fromkeys((name for name in AU_NAMES if name != "AU45"), "FACS intensity 0-5"),
}
MOUTH = (0.10, 0.07)  # aperture at which a mouth opens, and closes again
TALK, TALK_SWING, TALK_FEWEST = 0.04, 0.3, 5  # minimum swing; maximum s of a swing; minimum swings
TALK_PAUSE, TALK_RATE = 0.8, 3.5  # s between two swings of one utterance; swings per second
NOD, SHAKE = 3.0, 4.0  # minimum degrees of a swing
HEAD_SWING, HEAD_FEWEST = 0.6, 3  # maximum s of a swing; down, up and down again is a nod
SHIFT = (8.0, 4.0)  # minimum degrees of a gaze shift; and at its edges
GAZE_WINDOW = 0.2  # s of gaze before and after a time that are compared
OVER = 0.5  # share of the event threshold of a unit at which its event ends
SHORTEST = 0.08  # s: shorter events are in a single frame and may be noise
BROWS = ("AU01", "AU02")  # inner and outer brow, which the mesh raises together
# Of the rise of AU01: if AU02 rises by a smaller share, the outer brow only follows. The share was
# 0.69 to 0.84 when three rendered people raised the inner brow alone. Not the other way round: on
# surprised faces of CK+, who raise both, AU01 is weaker than AU02, as on rendered AU02 alone.
ALONG = 0.85
BEFORE = 0.3  # s before a movement that are the reference
ONE_SIDED = 0.5  # share of the stronger side: a weaker side below it is not part of the event


@dataclass(frozen=True, slots=True)
class FacialEvent:
    """One facial event; times in seconds."""

    kind: str  # of KINDS
    onset: float
    apex: float  # strongest; for a gaze shift, the middle of the motion
    offset: float
    side: Side | None  # as seen in the image; for a gaze shift, its direction; None: no sides
    peak: float  # at the apex, in the unit of KINDS
    begun: bool  # False: the onset was not observed
    ended: bool  # False: the offset was not observed

    @property
    def seconds(self) -> float:
        """Return the observed duration."""
        return self.offset - self.onset

    def row(self) -> dict[str, Any]:
        """Return the event as a row, in the column order of tables."""
        names = ("kind", "side", "onset", "apex", "offset", "peak", "begun", "ended")
        return {name: getattr(self, name) for name in names}


def events(
    times: ArrayLike, columns: Mapping[str, ArrayLike], *, causal: bool = False
) -> list[FacialEvent]:
    """Find the facial events.

    Args:
        times: (T,) seconds, rising.
        columns: name -> (T,): values of `measure` and `action_units`, as far as available; NaN
            where missing. Kinds whose columns are missing are not reported.
        causal: whether the open level of the eyes uses the past only, as live.

    Returns:
        The events in the order of onset.

    Raises:
        ValueError: the lengths differ, or times do not rise.
    """
    moments = np.asarray(times, np.float64)
    table = {name: np.asarray(values, np.float64) for name, values in columns.items()}
    found = _lids(moments, table, causal)
    found += _mouth(moments, table) + _head(moments, table) + _gaze(moments, table)
    unit_events = {name: _unit(moments, table, name) for name in AU_NAMES if name != "AU45"}
    unit_events["AU02"] = [
        one for one in unit_events["AU02"] if not _drawn_along(moments, table, one, unit_events)
    ]
    turned = [one for one in found if one.kind in ("nod", "shake")]
    for name in BROWS:
        unit_events[name] = [one for one in unit_events[name] if not _turned_away(one, turned)]
    found += [one for many in unit_events.values() for one in many]
    return sorted(found, key=lambda one: (one.onset, one.kind))


def _lids(times: Doubles, table: Mapping[str, Doubles], causal: bool) -> list[FacialEvent]:
    """Find blinks and longer closures; simultaneous ones of both eyes are merged."""
    sides: dict[str, list[Episode]] = {}
    for side in SIDES:
        aperture = table.get(f"eye_aperture_{side}")
        if aperture is not None:
            level = open_level(times, aperture, causal=causal)
            sides[side] = closures(times, aperture, level)
    kinds = {True: "blink", False: "eyes-closed"}
    return [
        _of(kinds[one.offset - one.onset <= LONGEST], one, side) for side, one in _joined(sides)
    ]


def _joined(sides: Mapping[str, list[Episode]]) -> list[tuple[Side, Episode]]:
    """Merge the episodes of both sides that overlap."""
    right = list(sides.get("right", []))
    found: list[tuple[Side, Episode]] = []
    for one in sides.get("left", []):
        twin = next((e for e in right if e.onset < one.offset and one.onset < e.offset), None)
        if twin is None:
            found.append(("left", one))
            continue
        right.remove(twin)
        found.append(("both", joined(one, twin)))
    return found + [("right", one) for one in right]


def _mouth(times: Doubles, table: Mapping[str, Doubles]) -> list[FacialEvent]:
    """Find openings of the mouth, and intervals of fast openings (speech)."""
    opening = table.get("mouth_aperture")
    if opening is None:
        return []
    wide = episodes(times, _steady(opening), enter=MOUTH[0], leave=MOUTH[1], bridge=BRIDGE)
    talk = oscillations(
        times, opening, least=TALK, longest=TALK_SWING, fewest=TALK_FEWEST, bridge=BRIDGE,
        pause=TALK_PAUSE, rate=TALK_RATE,
    )  # fmt: skip
    found = [_of("mouth-open", one) for one in wide if one.offset - one.onset >= SHORTEST]
    return found + [_of("talking", one) for one in talk]


def _head(times: Doubles, table: Mapping[str, Doubles]) -> list[FacialEvent]:
    """Find nods and shakes."""
    found = []
    for kind, angle, least in (("nod", "pitch", NOD), ("shake", "yaw", SHAKE)):
        if angle in table:
            swung = oscillations(
                times, _steady(table[angle]), least=least, longest=HEAD_SWING,
                fewest=HEAD_FEWEST, bridge=BRIDGE,
            )  # fmt: skip
            found += [_of(kind, one) for one in swung]
    return found


def _gaze(times: Doubles, table: Mapping[str, Doubles]) -> list[FacialEvent]:
    """Find gaze shifts: fast motion of both eyes to the left or the right."""
    eyes = [table[f"gaze_yaw_{side}"] for side in SIDES if f"gaze_yaw_{side}" in table]
    if not eyes:
        return []
    mean = np.mean(eyes, axis=0)  # NaN if one eye is closed
    return [
        one
        for moments, values in pieces(times, mean, 2 * GAZE_WINDOW)
        for one in _shifts(moments, values)
    ]


def _shifts(times: Doubles, gaze: Doubles) -> list[FacialEvent]:
    """Find the times at which the gaze after differs from the gaze before."""
    step = np.full(len(times), np.nan)
    first = np.searchsorted(times, times - GAZE_WINDOW, side="left")
    last = np.searchsorted(times, times + GAZE_WINDOW, side="right")
    for i in range(len(times)):
        before, after = gaze[first[i] : i], gaze[i + 1 : last[i]]
        if len(before) and len(after):
            step[i] = np.median(after) - np.median(before)
    found: list[FacialEvent] = []
    ways: tuple[tuple[int, Side], ...] = ((-1, "left"), (1, "right"))
    for sign, side in ways:
        for one in episodes(times, sign * step, enter=SHIFT[0], leave=SHIFT[1], bridge=GAZE_WINDOW):
            near = (times >= one.onset - GAZE_WINDOW) & (times <= one.offset + GAZE_WINDOW)
            moved = [s for s in swings(times[near], gaze[near], SHIFT[1]) if s.size * sign > 0]
            most = max(moved, key=lambda swing: abs(swing.size), default=None)
            if most and not any(a.onset < most.end and most.start < a.offset for a in found):
                apex = (most.start + most.end) / 2
                found.append(
                    FacialEvent(
                        "gaze-shift", most.start, apex, most.end, side, one.peak, True, True
                    )
                )
    return found


def _unit(times: Doubles, table: Mapping[str, Doubles], name: str) -> list[FacialEvent]:
    """Find the events of one action unit."""
    values = table.get(f"{name}_r")
    if values is None:
        return []
    found = []
    shown = units()[name].shown
    for one in episodes(times, _steady(values), enter=shown, leave=OVER * shown, bridge=BRIDGE):
        if one.offset - one.onset >= SHORTEST:
            found.append(_of(name, one, _side(times, table, name, one)))
    return found


def _drawn_along(
    times: Doubles,
    table: Mapping[str, Doubles],
    one: FacialEvent,
    unit_events: Mapping[str, list[FacialEvent]],
) -> bool:
    """Return whether the outer brows only follow the inner ones, which rise more."""
    twins = [e for e in unit_events["AU01"] if e.onset < one.offset and one.onset < e.offset]
    if not twins:
        return False
    begin, end = min(e.onset for e in (one, *twins)), max(e.offset for e in (one, *twins))
    inner, outer = (_rise(times, table[f"{name}_r"], begin, end) for name in BROWS)
    return outer < ALONG * inner


def _rise(times: Doubles, values: Doubles, begin: float, end: float) -> float:
    """Return the rise of a value above its level just before; above 0 if that is missing."""
    before = values[(times >= begin - BEFORE) & (times <= begin)]
    before = before[np.isfinite(before)]
    level = float(np.median(before)) if len(before) else 0.0
    return float(np.nanmax(values[(times >= begin) & (times <= end)])) - level


def _turned_away(one: FacialEvent, turned: list[FacialEvent]) -> bool:
    """Return whether a one-sided brow event coincides with a nod or shake (artefact)."""
    return one.side != "both" and any(e.onset < one.offset and one.onset < e.offset for e in turned)


def _side(times: Doubles, table: Mapping[str, Doubles], name: str, one: Episode) -> Side | None:
    """Return the sides that take part in an episode."""
    if name not in SIDED or f"{name}_r_left" not in table:
        return None
    inside = (times >= one.onset) & (times <= one.offset)
    left, right = (float(np.nanmax(table[f"{name}_r_{side}"][inside])) for side in SIDES)
    if min(left, right) >= ONE_SIDED * max(left, right):
        return "both"
    return "left" if left > right else "right"


def _of(kind: str, one: Episode, side: Side | None = None) -> FacialEvent:
    return FacialEvent(kind, one.onset, one.apex, one.offset, side, one.peak, one.begun, one.ended)


def _steady(values: Doubles) -> Doubles:
    """Return the median of three frames, if all exist: a single frame is not an event."""
    if len(values) < 3:
        return values
    three = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate(
        [values[:1], np.where(np.isfinite(three), three, values[1:-1]), values[-1:]]
    )
