"""A random challenge: turn, blink and smile when asked, each within a time limit.

A printed photograph cannot follow, and a recorded film follows by chance only. The answer is read
from the measures of the mesh, relative to the person's face before the first step.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.behaviour.blinks import ENTER, LEAVE
from mien.errors import MienError

Move = Literal["turn-left", "turn-right", "blink", "smile"]
MOVES: tuple[Move, ...] = ("turn-left", "turn-right", "blink", "smile")
REQUESTS: dict[Move, str] = {
    "turn-left": "Turn your head to the left edge of the picture.",
    "turn-right": "Turn your head to the right edge of the picture.",
    "blink": "Blink once.",
    "smile": "Smile.",
}
REST = 1.0  # s before the first step that show the neutral face
FEWEST = 5  # frames of rest
LIMIT = 4.0  # s for each step
LOST = 0.5  # s without the face that end the challenge: it could have been exchanged
TURN = 15.0  # degrees from rest
# A smile raises the corners of the mouth and widens it, in inter-ocular distances from the neutral
# face. Of 88 happy portraits of 25 Taiwanese actors 79 pass, of 261 surprised, angry and
# disgusted ones 9. Neutral ones vary by 0.010 and 0.022 (99 %).
LIFT, WIDTH = 0.02, 0.10
AGAIN = 0.6  # share of a turn or smile below which it is over, so that the next one is a new one


@dataclass(frozen=True, slots=True)
class Step:
    """One step and its result."""

    move: Move
    seconds: float | None = None  # from the request to the movement; None: not followed


@dataclass(frozen=True, slots=True)
class ChallengeResult:
    """The result of a challenge."""

    passed: bool
    steps: tuple[Step, ...]
    reason: str | None = None  # "not-followed", "face-lost", "no-rest", "ended"; None: passed


def draw_moves(count: int = 3, seed: int | None = None) -> tuple[Move, ...]:
    """Draw the steps of a challenge; no step follows itself.

    Args:
        count: number of steps, 1 to 10.
        seed: for tests; None: from the random source of the system, so that nobody can predict it.

    Raises:
        MienError: the count is not possible.
    """
    if not 1 <= count <= 10:
        raise MienError(f"A challenge of {count} steps is not possible; give 1 to 10.")
    source = random.SystemRandom() if seed is None else random.Random(seed)
    moves: list[Move] = []
    while len(moves) < count:
        moves.append(source.choice([move for move in MOVES if move not in moves[-1:]]))
    return tuple(moves)


class Challenge:
    """Follow one face through the steps; give it each frame in the order of time."""

    def __init__(self, moves: Sequence[Move], *, limit: float = LIMIT) -> None:
        """Start before the rest.

        Args:
            moves: the steps, from `draw_moves`.
            limit: seconds for each step.
        """
        if not moves or not limit > 0:
            raise MienError("A challenge needs at least one step and a time limit above 0 s.")
        self._moves, self._limit = tuple(moves), limit
        self._rest: list[Mapping[str, float]] = []
        self._level: dict[str, float] = {}
        self._first: float | None = None  # s of the first frame with a face
        self._seen = 0.0  # s of the last one
        self._asked = 0.0  # s at which the current step was requested
        self._ready = False  # the current movement was absent since it was requested
        self._steps: list[Step] = []
        self.result: ChallengeResult | None = None  # None: it goes on

    @property
    def request(self) -> str:
        """Return what the person should do now."""
        if self.result is not None:
            return "Done." if self.result.passed else "The challenge was not passed."
        if not self._level:
            return "Face the camera."
        return REQUESTS[self._moves[len(self._steps)]]

    def see(self, time: float, measures: Mapping[str, float] | None) -> ChallengeResult | None:
        """Take one frame.

        Args:
            time: seconds, rising.
            measures: of mien.landmarks.measure; None: no face.

        Returns:
            The result once it is known.
        """
        if self.result is not None:
            return self.result
        if measures is None or not np.isfinite(measures["yaw"]):
            if self._first is not None and time - self._seen > LOST:
                self._end("face-lost")
            return self.result
        self._first = time if self._first is None else self._first
        self._seen = time
        if not self._level:
            self._settle(time, measures)
        elif time - self._asked > self._limit:
            self._end("not-followed")
        else:
            self._follow(time, measures)
        return self.result

    def finish(self) -> ChallengeResult:
        """Return the result at the end of the frames."""
        if self.result is None:
            self._end("ended" if self._level else "no-rest")
        assert self.result is not None
        return self.result

    def _settle(self, time: float, measures: Mapping[str, float]) -> None:
        self._rest.append(measures)
        assert self._first is not None
        if time - self._first >= REST and len(self._rest) >= FEWEST:
            names = ("yaw", "mouth_width", *_LIFTS, *_APERTURES)
            self._level = {n: float(np.nanmedian([m[n] for m in self._rest])) for n in names}
            self._asked = time

    def _follow(self, time: float, measures: Mapping[str, float]) -> None:
        move = self._moves[len(self._steps)]
        strength = self._strength(move, measures)
        if strength < (LEAVE / ENTER if move == "blink" else AGAIN):
            self._ready = True  # a movement that began before the request does not count
        elif strength >= 1 and self._ready:
            self._steps.append(Step(move, time - self._asked))
            self._asked, self._ready = time, False
            if len(self._steps) == len(self._moves):
                self.result = ChallengeResult(True, tuple(self._steps))

    def _strength(self, move: Move, measures: Mapping[str, float]) -> float:
        """Return a movement as a share of what is needed."""
        rest = self._level
        if move in ("turn-left", "turn-right"):
            away = (measures["yaw"] - rest["yaw"]) / TURN
            return away if move == "turn-right" else -away
        if move == "smile":
            lift = float(np.mean([measures[n] - rest[n] for n in _LIFTS]))
            return min(lift / LIFT, (measures["mouth_width"] - rest["mouth_width"]) / WIDTH)
        closed = [1 - measures[n] / rest[n] for n in _APERTURES if rest[n] > 0]
        return min(closed, default=0.0) / ENTER

    def _end(self, reason: str) -> None:
        missing = (Step(move) for move in self._moves[len(self._steps) :])
        self.result = ChallengeResult(False, (*self._steps, *missing), reason)


_LIFTS = ("mouth_lift_left", "mouth_lift_right")
_APERTURES = ("eye_aperture_left", "eye_aperture_right")
