import numpy as np
import pytest
from tests.toys import COLOURS, Reds

from mien.errors import LivenessError
from mien.liveness import LivenessCheck, fuse, heads, open_check
from mien.liveness.check import REASONS, refusal, unusable
from mien.types import Face, Liveness

BOX = np.array([60, 60, 100, 100], np.float32)


def picture(name, size=(200, 200)):
    image = np.zeros((*size, 3), np.uint8)
    image[60:100, 60:100] = COLOURS[name]
    return image


def of(name, box=BOX, **how):
    return LivenessCheck(Reds(), **how).of(picture(name), Face(box, 0.9))


def test_a_score_above_the_threshold_is_live_and_the_head_is_named():
    found = of("Ada")
    assert (found.outcome, found.score, found.threshold) == ("live", 0.9, 0.5)
    assert (found.model, found.point, found.frames) == ("reds@0123", "bpcer5", 1)
    assert of("Bob").outcome == "attack"
    assert of("Ada", point="strict").outcome == "attack"  # 0.9 is not above 0.95
    assert "score 0.900, but more than 0.950 is needed (strict of reds)" in refusal(
        of("Ada", point="strict")
    )


def test_no_answer_is_no_response_and_never_live():
    found = of("Cyd")
    assert (found.outcome, found.score, found.reason) == ("no-response", None, "no-answer")


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([60, 60, 80, 100], "too-small"),
        ([-20, 60, 40, 120], "cut-by-border"),
        ([150, 150, 230, 230], "cut-by-border"),
        ([10, 10, 190, 190], "no-surroundings"),
        ([np.nan, 60, 100, 100], "too-small"),
        ([100, 60, 60, 100], "too-small"),
    ],
)
def test_faces_that_no_head_was_made_for_get_no_score(box, reason):
    box = np.array(box, np.float32)
    assert unusable(picture("Ada"), Face(box, 0.9)) == reason
    found = of("Ada", box)
    assert (found.outcome, found.reason) == ("no-response", reason)
    assert REASONS[reason] in refusal(found)


def test_a_turned_picture_gets_no_score():
    [face] = LivenessCheck(Reds())(picture("Ada"), [Face(BOX, 0.9)], turned=90)
    assert face.liveness.reason == "turned"


def test_frames_are_averaged_and_those_without_a_score_are_left_out():
    live, attack, none = of("Ada"), of("Bob"), of("Cyd")
    both = fuse([live, attack, none])
    assert both.score == pytest.approx(0.5)
    assert both.outcome == "attack"  # a tie with the threshold is no live face
    assert both.frames == 2
    assert fuse([live, live, attack]).outcome == "live"  # (0.9 + 0.9 + 0.1) / 3 = 0.63
    assert fuse([none, none]).outcome == "no-response"
    assert fuse([none, none]).frames == 2
    assert fuse([]) is None


def test_a_point_that_the_head_does_not_have_is_refused():
    with pytest.raises(LivenessError, match=r"no operating point 'apcer1'; it has: bpcer5, strict"):
        LivenessCheck(Reds(), "apcer1")


def test_off_opens_nothing_and_wrong_words_are_refused():
    assert open_check("off", head="no such head") is None
    with pytest.raises(LivenessError, match="expected off, warn, refuse"):
        open_check("maybe")
    with pytest.raises(LivenessError, match="'mtcnn' does not check liveness; choose one of"):
        open_check("warn", head="mtcnn")


def test_without_weights_the_error_names_the_command_and_nothing_is_live(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))
    with pytest.raises(
        LivenessError,
        match=r"mien models pull minifasnet, .* --liveness-head liveness-texture",
    ):
        open_check("warn")


def test_both_heads_are_found_by_their_cards():
    assert {"minifasnet", "liveness-texture"} <= set(heads())
    assert all({"half", "bpcer5"} <= set(card.options["points"]) for card in heads().values())


def test_the_shipped_head_opens_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))
    check = open_check("refuse", head="liveness-texture", point="half", threads=1)
    assert isinstance(check.of(picture("Ada"), Face(BOX, 0.9)), Liveness)
    assert check.head.device.threads == 1
