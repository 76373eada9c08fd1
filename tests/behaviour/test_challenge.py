from itertools import pairwise

import numpy as np
import pytest

from mien.behaviour.challenge import MOVES, Challenge, draw_moves
from mien.errors import MienError

NAN = float("nan")


def face(yaw=2.0, lift=0.01, aperture=0.2, width=0.8):
    return {
        "yaw": yaw,
        "mouth_width": width,
        "mouth_lift_left": lift,
        "mouth_lift_right": lift,
        "eye_aperture_left": aperture,
        "eye_aperture_right": aperture,
    }


MADE = {
    "turn-left": face(yaw=-14),
    "turn-right": face(yaw=18),
    "blink": face(aperture=0.1),
    "smile": face(lift=0.07, width=0.95),
}


def run(challenge, frames, step=0.1, start=0.0):
    for k, measures in enumerate(frames):
        if challenge.see(start + k * step, measures) is not None:
            break
    return challenge.finish()


REST = [face()] * 12  # 1.2 s


def test_a_person_who_follows_each_step_passes():
    challenge = Challenge(MOVES)
    frames = [*REST]
    for move in MOVES:
        frames += [face(), face(), face(), MADE[move], face()]
    result = run(challenge, frames)
    assert result.passed
    assert result.reason is None
    assert [step.move for step in result.steps] == list(MOVES)
    assert all(0 < step.seconds < 1 for step in result.steps)


def test_a_photograph_that_only_moves_about_does_not_pass():
    challenge = Challenge(("blink", "smile"))
    frames = [face(yaw=2 + 30 * np.sin(k / 3)) for k in range(100)]
    result = run(challenge, [*REST, *frames])
    assert (result.passed, result.reason) == (False, "not-followed")
    assert [step.seconds for step in result.steps] == [None, None]


def test_wide_lips_or_raised_corners_alone_are_no_smile():
    for half in (face(lift=0.07), face(width=0.95)):
        assert not run(Challenge(("smile",), limit=2.0), [*REST, face(), *[half] * 30]).passed
    both = [*REST, face(), face(), MADE["smile"]]
    assert run(Challenge(("smile",), limit=2.0), both).passed


def test_the_wrong_move_is_no_answer_and_the_time_is_limited():
    challenge = Challenge(("turn-left",), limit=2.0)
    result = run(challenge, [*REST, *[face(), MADE["turn-right"]] * 20])
    assert result.reason == "not-followed"
    late = [*REST, *[face()] * 25, MADE["turn-left"]]
    assert not run(Challenge(("turn-left",), limit=2.0), late).passed
    assert run(Challenge(("turn-left",), limit=4.0), late).passed


def test_a_move_that_began_before_it_was_asked_for_does_not_count():
    challenge = Challenge(("smile",), limit=2.0)
    assert not run(challenge, [*REST[:-1], *[MADE["smile"]] * 30]).passed
    again = [*REST[:-1], MADE["smile"], MADE["smile"], face(), MADE["smile"]]
    assert run(Challenge(("smile",), limit=2.0), again).passed


def test_a_face_that_leaves_ends_it_since_another_could_come():
    challenge = Challenge(("blink",))
    result = run(challenge, [*REST, *[None] * 7, face(), MADE["blink"], face()])
    assert result.reason == "face-lost"
    short = [*REST, *[None] * 3, face(), MADE["blink"]]
    assert run(Challenge(("blink",)), short).passed


def test_nobody_one_frame_and_unknown_measures_end_without_a_pass():
    assert run(Challenge(("blink",)), []).reason == "no-rest"
    assert run(Challenge(("blink",)), [face()]).reason == "no-rest"
    assert run(Challenge(("blink",)), [None] * 30).reason == "no-rest"
    assert run(Challenge(("blink",)), [face(yaw=NAN)] * 30).reason == "no-rest"
    assert run(Challenge(("blink",)), [*REST, face()]).reason == "ended"


def test_requests_follow_the_steps():
    challenge = Challenge(("blink",))
    assert challenge.request == "Face the camera."
    for k in range(12):
        challenge.see(k / 10, face())
    assert challenge.request == "Blink once."
    challenge.see(1.3, MADE["blink"])
    assert challenge.request == "Done."
    assert challenge.see(1.4, face()).passed  # the result stays


def test_steps_are_drawn_at_random_and_none_follows_itself():
    drawn = {draw_moves(4) for _ in range(50)}
    assert len(drawn) > 20
    assert all(a != b for moves in drawn for a, b in pairwise(moves))
    assert draw_moves(5, seed=3) == draw_moves(5, seed=3)
    for count in (0, 11):
        with pytest.raises(MienError, match="give 1 to 10"):
            draw_moves(count)
    for moves, limit in (((), 4.0), (("blink",), 0.0), (("blink",), NAN)):
        with pytest.raises(MienError, match="at least one step"):
            Challenge(moves, limit=limit)
