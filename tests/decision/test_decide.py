"""Decisions by hand: a calibration without cohort, thresholds of cosines at 0.5, 0.6, 0.7, 0.8."""

import math

import numpy as np
import pytest

from mien.decision import Calibration, Evidence, Point
from mien.decision.decide import (
    best_probability,
    compare,
    identify,
    one_in,
    score_candidates,
    size_warning,
    weakness,
)
from mien.errors import MienError, TooFewTrialsError
from mien.types import Candidate, Face, Quality

PLAIN = np.array([[0.0, 1.0]])  # norms without a cohort
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
    tail=(Point(1e-5, 0.9, 0.86, 0.94),),
    evidence=(Evidence(1.0, -2.0), Evidence(5.0, 6.0)),  # even odds at score 2
    slope=20.0,
    intercept=-12.0,
    check=None,
    command="none",
)


def vector(cosine):
    return np.array([cosine, math.sqrt(1 - cosine**2)], np.float32)


def face(cosine=1.0, **measures):
    """A face at this cosine to (1, 0)."""
    quality = Quality({}, measures)
    return Face(np.zeros(4, np.float32), 1.0, quality=quality, embedding=vector(cosine))


def people(*cosines):
    found = [Candidate(f"P{i}", value, i) for i, value in enumerate(cosines)]
    return score_candidates(vector(1.0), found, PLAIN.repeat(len(found), 0), TOY)


@pytest.mark.parametrize(
    ("cosine", "outcome"),
    [(0.75, "match"), (0.699, "review"), (0.65, "review"), (0.59, "unknown"), (-1.0, "unknown")],
)
def test_two_faces_at_a_false_match_rate_of_one_in_a_thousand(cosine, outcome):
    decision = compare(face(), face(cosine), TOY, fmr=1e-3)
    assert decision.outcome == outcome
    assert decision.similarity == pytest.approx(cosine, abs=1e-6)
    assert decision.basis.threshold == pytest.approx(3)  # 10^-3
    assert (decision.basis.low, decision.basis.high) == pytest.approx((2.9, 3.1))
    assert decision.basis.calibration == "toy"
    assert decision.person is None


def test_a_score_counts_the_strangers_who_are_as_similar():
    decision = compare(face(), face(0.75), TOY)
    assert decision.score == pytest.approx(3.5, abs=1e-4)  # half way between 10^-3 and 10^-4
    assert decision.reason == "1 in 3,200 strangers is this similar; FMR 0.001 needs 1 in 1,000."
    assert decision.basis.data == "nobody"


def test_strict_rates_use_the_upper_end_of_the_interval():
    # At FMR 1e-4 the threshold is 0.8 (0.79 to 0.81): 0.81 has the score 4.1.
    assert compare(face(), face(0.805), TOY, fmr=1e-4).outcome == "review"
    assert compare(face(), face(0.815), TOY, fmr=1e-4).outcome == "match"


def test_a_rate_beyond_the_data_is_extrapolated_and_said():
    decision = compare(face(), face(0.95), TOY, fmr=1e-5)
    assert (decision.outcome, decision.basis.extrapolated) == ("match", True)
    assert "FMR 1e-05, extrapolated, needs" in decision.reason
    assert decision.basis.threshold > 5  # the upper end: 0.94 instead of 0.9
    with pytest.raises(TooFewTrialsError, match="300,000 non-mated comparisons"):
        compare(face(), face(0.9), TOY, fmr=1e-6)


def test_the_probability_is_bayes_and_does_not_jump_at_the_threshold():
    assert compare(face(), face(0.6), TOY).probability == pytest.approx(0.5, abs=1e-3)
    assert compare(face(), face(0.65), TOY).probability == pytest.approx(
        1 / (1 + math.exp(-1)), abs=1e-3
    )
    assert compare(face(), face(0.6), TOY, prior=0.1).probability == pytest.approx(0.1, abs=1e-3)
    below, above = (compare(face(), face(c), TOY).probability for c in (0.6999, 0.7001))
    assert above - below == pytest.approx(0, abs=1e-3)


def test_faces_without_embedding_are_refused():
    with pytest.raises(MienError, match="embed it first"):
        compare(face(), Face(np.zeros(4, np.float32), 1.0), TOY)


def test_a_poor_face_turns_a_match_into_a_review_that_says_why():
    decision = compare(face(inter_eye_distance=12.0), face(0.9), TOY)
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
    found = weakness(face(**measures), TOY)
    assert found is None if why is None else why in found
    assert weakness(Face(np.zeros(4, np.float32), 1.0)) is None


def test_the_threshold_of_a_search_rises_with_the_gallery():
    # 1 - (1 - 0.01)^(1/10) = 0.001005: about one in a thousand for each of ten people.
    ten = identify(people(0.75), TOY, people=10, fpir=0.01)
    hundred = identify(people(0.75), TOY, people=100, fpir=0.01)
    assert ten.basis.threshold == pytest.approx(3, abs=1e-2)
    assert -math.log10(hundred.basis.fmr) == pytest.approx(4, abs=1e-2)
    assert hundred.basis.threshold == hundred.basis.high > 4  # few comparisons show this rate
    assert (ten.outcome, hundred.outcome) == ("match", "review")
    assert (ten.person, hundred.person) == ("P0", None)  # a name only for a match
    assert hundred.candidates[0].person == "P0"
    assert hundred.basis.people == 100


def test_a_gallery_beyond_the_data_is_extrapolated_and_one_beyond_that_is_for_review():
    larger = identify(people(0.97), TOY, people=1000, fpir=0.01)
    assert (larger.outcome, larger.basis.extrapolated) == ("match", True)
    huge = identify(people(0.99), TOY, people=1_000_000, fpir=0.01)
    assert huge.outcome == "review"
    # 10^-5 for each of a million people: 1 - (1 - 1e-5)^1e6 = 0.99995.
    assert "among 1,000,000 people the calibration shows FPIR 1 at best" in huge.reason
    assert huge.basis.fmr == pytest.approx(1e-5)


def test_the_size_of_a_gallery_is_told_where_its_rate_is_not_measured():
    # FPIR 0.01 needs 10^-4 among 100 people, which is measured, and 10^-5 among 1,000.
    assert size_warning(0, TOY) is size_warning(100, TOY) is None
    assert "measured for up to 100 people, and is extrapolated" in size_warning(500, TOY)
    assert "can be shown for 1,005 people" in size_warning(100_000, TOY)
    assert "Ask for FPIR 0.6 or more" in size_warning(100_000, TOY)


def test_an_unknown_has_no_name_but_tells_who_was_nearest():
    decision = identify(people(0.3, 0.1), TOY, people=10)
    assert (decision.outcome, decision.person) == ("unknown", None)
    assert decision.candidates[0].person == "P0"
    assert decision.margin > 0


def test_two_people_alike_are_for_a_person_to_decide():
    clear = identify(people(0.95, 0.60), TOY, people=10)
    close = identify(people(0.95, 0.94), TOY, people=10)
    assert (clear.outcome, close.outcome) == ("match", "review")
    assert "the runner-up 'P1' scores almost as high" in close.reason


def test_the_probability_of_a_search_is_bayes_over_everybody():
    # Prior 1/2 spread over 10 people; log ratios 4 and 2 at the scores 4 and 3.
    decision = identify(people(0.8, 0.7), TOY, people=10)
    a, b = math.exp(4) / 10, math.exp(2) / 10
    assert decision.probability == pytest.approx(a / (1 + a + b), abs=1e-3)
    found = best_probability(np.array([[4.0, 3.0], [3.0, 1.0]]), TOY, people=10)
    assert found[0] == pytest.approx(a / (1 + a + b))
    assert found[1] < found[0]


def test_rivals_that_are_fewer_or_more_than_expected_change_the_size_of_the_gallery():
    def told(scores):
        return best_probability(np.array([scores]), TOY, people=1000)[0]

    expected = [3.0, *(3 - np.log10(np.arange(2, 31)))]  # rank k: 1000 * 10^-score = k
    size, own = 1000, math.exp(2)  # the log ratio of the best is 2
    others = np.exp(TOY.llr(expected[1:])).sum()
    assert told(expected) == pytest.approx(own / (size + own + others))
    tenth = [3.0, *(np.array(expected[1:]) - 1)]  # as among 100 people
    assert told(tenth) > 5 * told(expected)
    crowd = [3.0, *np.minimum(np.array(expected[1:]) + 0.5, 3.0)]
    assert told(crowd) < told(expected)
    assert told([3.0, 1.0]) == pytest.approx(told([3.0, 0.5]), abs=1e-3)  # too few ranks


def test_candidates_are_sorted_by_score_and_a_short_mean_counts_less():
    norms = np.array([[0.5, 0.2], [0.0, 1.0]])  # the first template is like many strangers
    found = [Candidate("crowded", 0.75, 1), Candidate("alone", 0.74, 2)]
    assert [c.person for c in score_candidates(vector(1.0), found, norms, TOY)] == [
        "crowded", "alone",
    ]  # fmt: skip
    norms[0] = 0.7, 0.2
    assert score_candidates(vector(1.0), found, norms, TOY)[0].person == "alone"
    [half] = score_candidates(vector(1.0) / 2, found[1:], norms[1:], TOY)
    assert half.similarity == pytest.approx(0.37)
    assert score_candidates(vector(1.0), [], PLAIN[:0], TOY) == []


def test_an_empty_gallery_knows_nobody():
    decision = identify([], TOY, people=0)
    assert (decision.outcome, decision.similarity, decision.probability) == ("unknown", None, None)
    assert decision.reason == "The gallery is empty."


@pytest.mark.parametrize("prior", [0, 1, -0.1, float("nan")])
def test_a_prior_that_leaves_no_doubt_is_refused(prior):
    with pytest.raises(MienError, match="between 0 and 1"):
        identify(people(0.9), TOY, people=10, prior=prior)
    with pytest.raises(MienError, match="between 0 and 1"):
        compare(face(), face(), TOY, prior=prior)


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (0.0, "1 in 1"),
        (0.5, "1 in 3"),
        (3.0, "1 in 1,000"),
        (5.2, "1 in 160,000"),
        (99, f"1 in {10**18:,}"),
    ],
)
def test_scores_in_words(score, said):
    assert one_in(score) == said
