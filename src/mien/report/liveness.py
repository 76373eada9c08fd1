"""HTML report of liveness checks of films and cameras: scores over time, frames, motion."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.film.liveness import TrackLiveness
from mien.liveness.check import REASONS, refusal
from mien.liveness.motion import MEASURES, SIGNS
from mien.liveness.motion import REASONS as UNMEASURED
from mien.media import write_bytes
from mien.report.film import clock, ticks, uri
from mien.report.labels import counted
from mien.report.svg_series import WIDTH, Panel, panel
from mien.report.templates import render
from mien.service.liveness import LivenessResult

TEMPLATE = "liveness.html.jinja"
HEIGHT = 110.0  # units of the chart of scores
SHOWN = 20  # tracks of one film, largest faces first
BADGES = {"live": "match", "attack": "error", "no-response": "unknown"}  # outcome -> icon


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One face of a film."""

    number: int
    track: TrackLiveness
    badge: str
    answer: str  # sentence
    scores: Panel | None  # over the film; its dashed line is the threshold
    frames: tuple[tuple[str | None, float, str], ...]  # picture, s, score as text
    silent: tuple[tuple[str, int], ...]  # why frames have no score, and how many
    measures: tuple[tuple[str, str], ...]  # what was measured in the motion, and the value


def write_liveness(
    path: str | os.PathLike[str], results: Sequence[LivenessResult], *, lead: str
) -> None:
    """Write the report of films and cameras.

    Args:
        path: the HTML file.
        results: of `check_liveness` or `check_camera`, with chips.
        lead: sentence below the title.

    Raises:
        MienError: the file cannot be written.
    """
    parts = [
        {
            "name": Path(one.source).name,
            "result": one,
            "rows": [_row(n, track, one.seconds) for n, track in enumerate(one.tracks[:SHOWN], 1)],
            "more": max(len(one.tracks) - SHOWN, 0),
            "ticks": [(WIDTH * t / max(one.seconds, 1e-3), t) for t in ticks(one.seconds)],
        }
        for one in results
    ]
    facts: dict[str, Any] = {"parts": parts, "lead": lead, "badges": BADGES, "counted": counted}
    html = render(TEMPLATE, facts, clock=clock)
    write_bytes(path, html.encode("utf-8", "replace"))


def _row(number: int, track: TrackLiveness, seconds: float) -> Row:
    found = track.liveness
    score = "" if found.score is None else f"Score {found.score:.3f} in {found.frames} frames. "
    live = f"{score}More than {found.threshold:.3f} is live."
    counts: dict[str, int] = {}
    for one in track.moments:
        if one.reason:
            counts[REASONS[one.reason]] = counts.get(REASONS[one.reason], 0) + 1
    return Row(
        number,
        track,
        BADGES[found.outcome],
        live if found.outcome == "live" else f"{refusal(found)} {score}".strip(),
        _scores(track, found.threshold, max(seconds, 1e-3)),
        tuple((uri(chip), time, _text(_score_at(track, time))) for time, chip in track.chips),
        tuple(counts.items()),
        _measures(track),
    )


def _scores(track: TrackLiveness, threshold: float, seconds: float) -> Panel | None:
    times = np.array([one.time for one in track.moments])
    values = np.array([np.nan if m.score is None else m.score for m in track.moments])
    drawn = panel(
        "Score", "0 attack, 1 live", times, [("score", values)],
        seconds=seconds, span=(0.0, 1.0), height=HEIGHT, digits=2,
    )  # fmt: skip
    return None if drawn is None else replace(drawn, zero=HEIGHT * (1 - threshold))


def _score_at(track: TrackLiveness, time: float) -> float | None:
    return next((one.score for one in track.moments if one.time == time), None)


def _text(score: float | None) -> str:
    return "no score" if score is None else f"{score:.2f}"


def _measures(track: TrackLiveness) -> tuple[tuple[str, str], ...]:
    motion, rows = track.motion, []
    for name, (title, form) in MEASURES.items():
        value = getattr(motion, name)
        if value is not None:
            rows.append((title, form(value)))
        elif name in motion.reasons:
            rows.append((title, f"not measured: {UNMEASURED[motion.reasons[name]]}"))
    return (*(("sign of an attack", SIGNS[sign]) for sign in motion.signs), *rows)
