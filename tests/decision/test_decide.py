"""Decisions by hand: a calibration of four points, thresholds at 0.5, 0.6, 0.7, 0.8."""

import math

import numpy as np
import pytest

from mien.decision import Calibration, Point
from mien.decision.decide import compare, identify, weakness
from mien.errors import MienError, TooFewTrialsError
from mien.types import Candidate, Face, Quality

TOY = Calibration(
    name="toy",
    contract="toy/1/2",
    detector="toy",
    data="nobody",
    people=10,
    genuine=10,
    impostors=300_000,
    points=tuple(
        Point(fmr, t, t - 0.01, t + 0.01)
        for fmr, t in ((1e-1, 0.5), (1e-2, 0.6), (1e-3, 0.7), (1e-4, 0.8))
    ),
    slope=20.0,
    intercept=-12.0,  # even odds at 0.6
    check=None,
    command="none",
)


def people(*similarities):
    return [Candidate(f"P{i}", value, i) for i, value in enumerate(similarities)]


def poor(**measures):
    return Face(np.zeros(4, np.float32), 1.0, quality=Quality({}, measures))


@pytest.mark.parametrize(
    ("similarity", "outcome"),
    [(0.75, "match"), (0.7, "review"), (0.65, "review"), (0.6, "unknown"), (-1.0, "unknown")],
)
def test_two_faces_at_a_false_match_rate_of_one_in_a_thousand(similarity, outcome):
    decision = compare(similarity, TOY, fmr=1e-3)
    assert decision.outcome == outcome
    assert decision.basis.threshold == pytest.approx(0.7)
    assert (decision.basis.low, decision.basis.high) == pytest.approx((0.69, 0.71))
    assert decision.basis.calibration == "toy"


def test_the_probability_is_bayes_and_does_not_jump_at_the_threshold():
    assert compare(0.6, TOY).probability == pytest.approx(0.5)
    assert compare(0.65, TOY).probability == pytest.approx(1 / (1 + math.exp(-1)))
    assert compare(0.6, TOY, prior=0.1).probability == pytest.approx(0.1)
    below, above = compare(0.69999, TOY).probability, compare(0.70001, TOY).probability
    assert above - below == pytest.approx(0, abs=1e-4)


def test_a_rate_that_the_calibration_cannot_show_is_refused():
    with pytest.raises(TooFewTrialsError, match="300,000 non-mated comparisons"):
        compare(0.9, TOY, fmr=1e-5)


def test_a_poor_face_turns_a_match_into_a_review_that_says_why():
    decision = compare(0.9, TOY, faces=[poor(inter_eye_distance=12.0)])
    assert decision.outcome == "review"
    assert "the distance between the eyes is only 12 px" in decision.reason


@pytest.mark.parametrize(
    ("measures", "why"),
    [
        ({}, None),
        ({"inter_eye_distance": 16.0, "head_pose_yaw": 50.0}, None),
        ({"inter_eye_distance": 15.9}, "distance between the eyes"),
        ({"head_pose_yaw": -51.0}, "turned 51 degrees"),
    ],
)
def test_what_makes_a_face_poor(measures, why):
    found = weakness(poor(**measures))
    assert found is None if why is None else why in found
    assert weakness(Face(np.zeros(4, np.float32), 1.0)) is None


def test_the_threshold_of_a_search_rises_with_the_gallery():
    # 1 - (1 - 0.01)^(1/10) = 0.001005: about one in a thousand for each of ten templates.
    ten = identify(people(0.75), TOY, templates=10, fpir=0.01)
    hundred = identify(people(0.75), TOY, templates=100, fpir=0.01)
    assert ten.basis.threshold == pytest.approx(0.7, abs=1e-3)
    assert hundred.basis.threshold == pytest.approx(0.8, abs=1e-3)
    assert (ten.outcome, hundred.outcome) == ("match", "review")
    assert (ten.person, hundred.person) == ("P0", "P0")
    assert hundred.basis.templates == 100


def test_an_unknown_has_no_name_but_tells_who_was_nearest():
    decision = identify(people(0.3, 0.1), TOY, templates=10)
    assert (decision.outcome, decision.person) == ("unknown", None)
    assert decision.candidates[0].person == "P0"
    assert decision.margin == pytest.approx(0.2)


def test_two_people_alike_are_for_a_person_to_decide():
    clear = identify(people(0.95, 0.70), TOY, templates=10)
    close = identify(people(0.95, 0.94), TOY, templates=10)
    assert (clear.outcome, close.outcome) == ("match", "review")
    assert "the runner-up 'P1' scores almost as high" in close.reason


def test_the_probability_of_a_search_is_bayes_over_everybody():
    # Prior 1/2 spread over 10 templates; ratios e^4 and e^2 at 0.8 and 0.7.
    decision = identify(people(0.8, 0.7), TOY, templates=10)
    a, b = math.exp(4) / 10, math.exp(2) / 10
    assert decision.probability == pytest.approx(a / (1 + a + b))


def test_a_gallery_too_large_for_the_calibration_is_refused_with_the_rate_that_it_can_show():
    with pytest.raises(TooFewTrialsError, match="1,000,000 templates"):
        identify(people(0.9), TOY, templates=1_000_000, fpir=0.01)


def test_an_empty_gallery_knows_nobody():
    decision = identify([], TOY, templates=0)
    assert (decision.outcome, decision.similarity, decision.probability) == ("unknown", None, None)
    assert decision.reason == "The gallery is empty."


@pytest.mark.parametrize("prior", [0, 1, -0.1, float("nan")])
def test_a_prior_that_leaves_no_doubt_is_refused(prior):
    with pytest.raises(MienError, match="between 0 and 1"):
        identify(people(0.9), TOY, templates=10, prior=prior)
    with pytest.raises(MienError, match="between 0 and 1"):
        compare(0.9, TOY, prior=prior)
