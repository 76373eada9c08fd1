import cv2
import numpy as np
import pytest

from mien.errors import FilmError, MienError
from mien.metrics import Interval, spotting
from mien.signals.micro import Durations, between_blinks, events_of, movement, spot_micro

WAYS = ("map", "released", "fixed")
SIDE, RATE = 96, 30


def boxes(rng, spread, noise=0.1, count=900, events=8):
    """A score of boxes with log-normal durations, and the truth."""
    score, truth = np.zeros(count), []
    for k in range(events):
        long = int(np.clip(9 * np.exp(spread * rng.normal()), 3, 60))
        start = 50 + k * 105
        score[start : start + long] = rng.uniform(0.8, 1.2)
        truth.append(Interval(start, start + long - 1))
    return score + noise * rng.normal(size=count), truth


def f1(way, spread, noise=0.1):
    truth, found = {}, {}
    for film in range(6):
        score, truth[str(film)] = boxes(np.random.default_rng(film), spread, noise)
        events = events_of(score, RATE, way=way, durations=Durations(0.3, spread))
        found[str(film)] = [Interval(e.onset, e.offset) for e in events]
    return spotting(truth, found).counts.f1


@pytest.mark.parametrize("spread", [0.25, 0.5, 0.8])
def test_map_is_better_than_the_other_ways_where_durations_vary(spread):
    assert f1("map", spread) >= 0.9
    assert f1("map", spread) >= f1("released", spread)
    assert f1("map", spread) >= f1("fixed", spread)


@pytest.mark.parametrize("way", WAYS)
def test_one_clean_box(way):
    score = np.zeros(200)
    score[100:109] = 1
    score[104] = 1.1
    [event] = events_of(score, RATE, way=way)
    assert event.apex == 104
    assert abs(event.onset - 100) <= 2
    assert abs(event.offset - 108) <= 2


def test_map_is_exact_on_a_clean_box():
    score = np.random.default_rng(0).normal(0, 0.01, 200)
    score[100:120] += 1
    [event] = events_of(score, RATE)
    assert (event.onset, event.offset) == (100, 119)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("score", [np.zeros(0), np.zeros(50), np.full(50, 3.0), [0.1], [1, 0, 1]])
def test_short_and_flat_scores_give_events_inside_the_film(way, score):
    for event in events_of(score, RATE, way=way):
        assert 0 <= event.onset <= event.apex <= event.offset < len(score)


def test_peaks_below_the_floor_are_noise():
    score, _ = boxes(np.random.default_rng(0), 0.5)
    assert events_of(score, RATE, least=5.0) == []


@pytest.mark.parametrize("score", [[np.nan, 1], np.zeros((2, 2)), [np.inf]])
def test_a_score_that_is_not_finite_is_refused(score):
    with pytest.raises(ValueError, match="finite"):
        events_of(score, RATE)


def film(moves, seed=0, drift=0.0):
    """A texture; at frame k, a bump at one place moved down by moves[k] px, all drifting."""
    rng = np.random.default_rng(seed)
    base = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)).astype(np.float32), (0, 0), 1.5)
    base = 128 + 100 * base / np.abs(base).max()
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    bump = np.exp(-((x - 48) ** 2 + (y - 70) ** 2) / (2 * 12**2))
    frames = []
    for k, move in enumerate(moves):
        by = (x - np.float32(drift * k), y - np.float32(move) * bump)
        one = cv2.remap(base, *by, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        frames.append(np.clip(one + rng.normal(0, 2, one.shape), 0, 255).astype(np.uint8))
    return np.stack(frames)


def short_move(count=75, start=34, long=8, size=2.0):
    moves = np.zeros(count)
    moves[start : start + long] = size * np.hanning(long + 2)[1:-1]
    return moves


def test_a_short_movement_is_found_under_drift_and_a_lasting_one_is_not():
    found = spot_micro(film(short_move(), drift=0.05), RATE)
    [event] = found.events
    assert abs(event.apex - 37) <= 2
    assert event.onset <= 36
    assert event.offset >= 39
    stays = np.repeat([0.0, 2.0], [37, 38])
    assert spot_micro(film(stays), RATE).events == ()


def test_a_still_film_has_no_event():
    assert spot_micro(film(np.zeros(60)), RATE).events == ()


def nod(count=61, size=4.0):
    """The texture above, which moves as a whole and comes back within half a second."""
    moves = np.zeros(count)
    moves[24:37] = size * np.hanning(15)[1:-1]
    still = film(np.zeros(count))
    return np.stack([
        cv2.warpAffine(one, np.float32([[1, 0, m], [0, 1, 0]]), (SIDE, SIDE), borderMode=4)
        for one, m in zip(still, moves, strict=True)
    ])  # fmt: skip


def test_the_head_is_subtracted():
    with_head = np.nanmax(movement(nod(), 15, head="ignored"))
    assert with_head > 1.5
    for head in ("turning", "average", "affine"):
        assert np.nanmax(movement(nod(), 15, head=head)) < 0.3 * with_head


def test_what_passes_in_one_direction_does_not_count():
    assert np.nanmax(movement(film(np.zeros(40), drift=0.1), 15, head="ignored")) < 0.1


def test_an_ignored_place_does_not_count():
    ignore = np.zeros((SIDE, SIDE), bool)
    ignore[40:] = True
    assert spot_micro(film(short_move()), RATE, ignore=ignore).events == ()


def test_an_edge_shows_the_head_but_does_not_count():
    edge = np.zeros((SIDE, SIDE), bool)
    edge[50:] = True
    assert spot_micro(film(short_move()), RATE, edge=edge).events == ()
    with pytest.raises(MienError, match="No place of the face"):
        spot_micro(film(short_move()), RATE, edge=np.ones((SIDE, SIDE), bool))


def test_frames_per_second_are_warned_about_and_refused():
    frames = film(np.zeros(60))
    assert "30 frames per second" in spot_micro(frames, 30).note
    for rate in (24.9, 0, -1, float("nan"), float("inf")):
        with pytest.raises(FilmError, match="too few"):
            spot_micro(frames, rate)
    with pytest.raises(FilmError, match="60 frames are too few: 101"):
        spot_micro(frames, 100)


def test_no_warning_from_a_hundred_frames_per_second():
    assert spot_micro(film(np.zeros(101)), 100).note == ""


def test_a_small_event_beside_a_large_movement_is_found_by_map_alone():
    score = 0.02 * np.abs(np.random.default_rng(0).normal(size=400))
    score[100:112] += 0.45 * np.hanning(14)[1:-1]
    score[250:310] += np.hanning(62)[1:-1]
    assert any(e.onset >= 98 and e.offset <= 113 for e in events_of(score, RATE))
    assert all(e.onset > 200 for e in events_of(score, RATE, way="released"))


@pytest.mark.parametrize("long", [8, 14, 24])
def test_a_movement_that_swells_is_measured_from_foot_to_foot(long):
    score = 0.01 * np.random.default_rng(long).normal(size=200)
    score[100 : 100 + long] += np.hanning(long + 2)[1:-1]
    [event] = events_of(score, RATE, least=0.3)
    truth = Interval(100, 99 + long)
    assert spotting({"f": [truth]}, {"f": [Interval(event.onset, event.offset)]}).counts.hits
    assert event.offset - event.onset + 1 >= 0.6 * long  # at half the height: 0.5
    assert 100 <= event.onset <= event.offset < 100 + long


def test_only_blinks_one_second_apart_are_both_compared_with():
    assert between_blinks([(4.6, 4.9)]) == []
    assert between_blinks([(1.0, 1.2), (4.6, 4.9)]) == []
    [span] = between_blinks([(4.64, 4.92), (5.69, 5.96)])
    assert span == pytest.approx((5.19, 5.42))
