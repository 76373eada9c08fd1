import numpy as np
import pytest

from mien.errors import MienError
from mien.synth.motion import controls
from mien.synth.motion.controls import arkit52, gaze, gaze_weights, head_turn, resolve


def test_a_unit_moves_both_sides_and_one_side_if_asked():
    assert resolve({"AU12": 0.5}) == {"mouthSmile_L": 0.5, "mouthSmile_R": 0.5}
    assert resolve({"AU12_L": 0.5}) == {"mouthSmile_L": 0.5}
    assert resolve({"AU26": 1.0}) == {"jawOpen": 0.4}


def test_units_that_share_a_shape_add_up_to_one_at_most():
    assert resolve({"AU26": 1.0, "jawOpen": 0.3}) == {"jawOpen": pytest.approx(0.7)}
    assert resolve({"AU27": 1.0, "AU26": 1.0}) == {"jawOpen": 1.0}


def test_weights_outside_are_clipped_with_a_warning_and_nan_is_refused():
    with pytest.warns(UserWarning, match="AU4_R was clipped"):
        assert resolve({"AU4_R": 1.5}) == {"browDown_R": 1.0}
    with pytest.warns(UserWarning, match="clipped"):
        assert resolve({"AU4": -1}) == {}
    with pytest.raises(MienError, match="weight of AU4 is nan"):
        resolve({"AU4": float("nan")})


@pytest.mark.parametrize(
    ("name", "near"),
    [("AU113", "AU1"), ("mouthSmil", "mouthSmile"), ("viseme:P", "PP")],
)
def test_unknown_names_tell_the_near_ones(name, near):
    with pytest.raises(MienError, match=near):
        resolve({name: 1})


def test_every_mixture_uses_shapes_that_exist():
    for table in (controls.ACTIONS, {f"viseme:{v}": {} for v in controls.VISEMES}):
        for name in table:
            assert set(resolve({name: 1})) <= set(controls.SHAPES), name
    for name in controls.EMOTIONS:
        assert set(resolve(controls.emotion(name))) <= set(controls.SHAPES)
        assert name in controls.CIRCUMPLEX


def test_gaze_is_read_back_from_the_shapes_that_make_it():
    assert gaze(gaze_weights(10, -5)) == (pytest.approx((10, -5)), pytest.approx((10, -5)))
    right, left = gaze(resolve({"AU61": 1}))
    assert right[0] == left[0] == controls.EYE_TURN  # to the subject's left: image right


def test_head_units_turn_the_head_and_no_skin():
    assert head_turn({"AU51": 1, "AU54": 0.5, "AU57": 1}) == (30, -10, 0, 60)
    assert resolve({"AU51": 1}) == {}


def test_arkit_has_its_52_names():
    told = arkit52(resolve({"AU1": 1, "AU45_L": 0.5}))
    assert len(told) == 52
    assert told["browInnerUp"] == 1
    assert told["eyeBlinkLeft"] == 0.5
    assert told["eyeBlinkRight"] == 0


def test_phonemes_become_visemes():
    assert [controls.viseme_of(p) for p in ("P", "b", "AA1", "UW0")] == ["PP", "PP", "aa", "ou"]
    with pytest.raises(MienError, match="no phoneme 'QX'"):
        controls.viseme_of("QX")
    assert np.isfinite(list(resolve({"viseme:aa": 0.5}).values())).all()
