"""When hands at faces are looked for; which hands they are is asked of a script."""

import json

import numpy as np
import pytest

from mien.body import Hand, HandsNear
from mien.body.hands_near import EVERY, SOON

IMAGE, BOX = np.zeros((64, 64, 3), np.uint8), np.float32([10, 10, 50, 50])
POINTS = np.random.default_rng(0).uniform(20, 40, (21, 3)).astype(np.float32)


class Script:
    """A hand landmarker that sees its hand at these frames; counts its searches."""

    def __init__(self, seen):
        self.seen, self.frame, self.searches = set(seen), 0, []

    def _hand(self):
        return Hand(POINTS, 1.0 if self.frame in self.seen else 0.1, True, 0.8)

    def fit(self, image, matrices):
        return [self._hand() for _ in matrices]

    def find(self, image, *, min_score):
        self.searches.append(self.frame)
        return [self._hand()] if self.frame in self.seen else []


def run(near, script, frames, rate=50):
    told = []
    for frame in frames:
        script.frame = frame
        told.append(len(near(IMAGE, frame / rate, [BOX])))
    return told


def test_hands_are_looked_for_now_and_then():
    script = Script([])
    assert run(HandsNear(script), script, range(50)) == [0] * 50
    assert script.searches == list(range(0, 50, round(50 * EVERY)))


def test_a_hand_that_was_lost_is_looked_for_in_each_frame_for_a_while():
    script = Script([*range(20), 23, 24])
    told = run(HandsNear(script), script, range(70))
    assert [i for i, count in enumerate(told) if count] == [*range(20), 23, 24]
    lost = 25  # a second time
    assert set(range(20, lost + round(50 * SOON))) <= set(script.searches)
    assert len([at for at in script.searches if at >= lost + 50 * SOON]) <= 5


@pytest.mark.parametrize("stop", [0, 12, 22])
def test_it_goes_on_behind_any_frame(stop):
    script = Script([*range(5, 20), 23])
    told = run(HandsNear(script), script, range(60))
    again = Script(script.seen)
    first = HandsNear(again)
    parts = run(first, again, range(stop))
    second = HandsNear(again)
    second.resume(json.loads(json.dumps(first.state())))
    parts += run(second, again, range(stop, 60))
    assert (parts, again.searches) == (told, script.searches)
