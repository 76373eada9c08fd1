"""The peak of a movement in pixels: how far a landmark moves, on this face and in this view."""

from dataclasses import replace

import numpy as np

from mien.errors import MienError
from mien.synth.motion.puppet_frame import Performer, show
from mien.synth.motion.take import Take
from mien.synth.motion.timeline import Event
from mien.synth.render.scene import Scene

ROUNDS, CLOSE = 6, 0.01  # of a search; px


def moved_px(one: Performer, scene: Scene, weights: dict[str, float]) -> float:
    """The largest distance in px by which controls move a landmark."""
    before, after = (show(one, replace(scene, weights=w), truth=False).lm68 for w in ({}, weights))
    return float(np.linalg.norm(after - before, axis=1).max())


def with_peak(one: Performer, take: Take, px: float) -> Take:
    """The take with the weights of its micro-expression set so that its peak has `px`.

    The landmark that moves most then lies `px` from its place in the neutral face, in the pose of
    the scene; head motion comes on top.

    Args:
        one: who plays it.
        take: with one micro-expression: all events of that kind have the same apex.
        px: above 0.

    Raises:
        MienError: the face cannot move as far.
    """
    micro = [event for event in take.timeline.events if event.kind == "micro"]
    full = {event.unit: event.peak for event in micro}
    low, share = 0.0, px / max(moved_px(one, take.scene, full), 1e-9)
    if not px > 0 or share > 1:
        raise MienError(
            f"A micro-expression of {px:g} px is not possible: with full weights {', '.join(full)} "
            f"moves the face by {px / share if share else 0:.2f} px."
        )
    high = 1.0
    for _ in range(ROUNDS):  # nearly linear: a few steps of regula falsi
        got = moved_px(one, take.scene, {unit: share * peak for unit, peak in full.items()})
        if abs(got - px) <= CLOSE:
            break
        low, high = (share, high) if got < px else (low, share)
        share = float(np.clip(share * px / max(got, 1e-9), low, high))
    events: list[Event] = [
        replace(event, peak=share * event.peak) if event.kind == "micro" else event
        for event in take.timeline.events
    ]
    return replace(take, timeline=replace(take.timeline, events=tuple(events)))
