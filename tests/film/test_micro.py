"""Candidates of micro-expressions: a portrait whose mouth corner moves for 0.3 s."""

import cv2
import numpy as np
import pandas as pd
import pytest

from mien.behaviour import KINDS
from mien.behaviour.micro_places import beside_face, eye_rows, face_edge
from mien.film.micro import CHUNK, KIND, with_micro
from mien.geometry import POINTS
from mien.media import FilmWriter
from mien.tables import Table
from mien.tables.table import EVENT

FIVE = (
    np.array([[196, 112], [257, 112], [231, 146], [205, 176], [254, 176]]) / 2
)  # px; which part of the picture it is does not matter
MOUTH, EYE = FIVE[3], FIVE[0]


def moved(picture, at, size, wide=6):
    """The picture with a soft bump at a place, up by `size` px."""
    y, x = np.mgrid[: len(picture), : picture.shape[1]].astype(np.float32)
    bump = size * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * wide**2))
    return cv2.remap(picture, x, (y + bump).astype(np.float32), cv2.INTER_LINEAR)


def film(path, picture, rate, count, at=MOUTH, size=2.5, start=1.2, long=0.3, wide=6):
    """Write a film with one movement; give its times."""
    times = np.arange(count) / rate
    with FilmWriter(path) as writer:
        for time in times:
            part = np.clip((time - start) / long, 0, 1)
            writer.add(moved(picture, at, size * np.sin(np.pi * part), wide), float(time))
    return times


def table(path, times, events=(), shift=0.0, gone=()):
    """A table with the points of one face per frame; at `gone` it was not measured."""
    points = {f"{n}_{a}": FIVE[k, i] + shift * times for k, n in enumerate(POINTS)
              for i, a in enumerate("xy")}  # fmt: skip
    reason = ["no-face" if k in gone else "ok" for k in range(len(times))]
    data = pd.DataFrame({"input": str(path), "time": times, "track": 0, "frame": range(len(times)),
                         "person": None, "reason": reason, **points})  # fmt: skip
    recordings = [{"input": str(path), "kind": "film", "complete": True}]
    rows = pd.DataFrame([{"input": str(path), "who": "track-0", **one} for one in events],
                        columns=list(EVENT))  # fmt: skip
    return Table(data, {}, rows, pd.DataFrame(recordings), {})


@pytest.fixture(scope="module")
def picture(astronaut):
    return cv2.resize(astronaut[:320, 60:380], (160, 160), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def short(picture, tmp_path_factory):
    path = tmp_path_factory.mktemp("micro") / "short.mp4"
    return path, film(path, picture, 30, 84)


def test_a_short_movement_is_an_event_with_onset_apex_and_offset(short):
    found = with_micro(table(*short))
    [event] = found.events.to_dict("records")
    assert (event["kind"], event["who"]) == (KIND, "track-0")
    assert event["onset"] < event["apex"] < event["offset"]
    assert abs(event["apex"] - 1.35) <= 0.07
    assert abs(event["onset"] - 1.2) <= 0.1
    assert abs(event["offset"] - 1.5) <= 0.1
    assert event["peak"] > 0.6
    [facts] = found.recordings.to_dict("records")
    assert facts["micro_seconds"] == pytest.approx(1.8)
    assert facts["micro_left_out"] == 0
    assert "missed below 100" in facts["micro_note"]
    assert KIND in KINDS


@pytest.mark.parametrize("kind", ["blink", "talking", "nod", "gaze-shift"])
def test_what_another_event_explains_is_counted_and_left_out(short, kind):
    other = {"kind": kind, "onset": 1.1, "apex": 1.2, "offset": 1.3}
    found = with_micro(table(*short, events=[other]))
    assert found.events["kind"].tolist() == [kind]
    assert found.recordings["micro_left_out"].tolist() == [1]


@pytest.mark.parametrize(("second", "left_out"), [(1.75, 1), (2.1, 0)])
def test_a_candidate_is_left_out_if_it_is_compared_with_closed_eyes(short, second, left_out):
    blinks = [{"kind": "blink", "onset": start, "apex": start + 0.1, "offset": start + 0.15}
              for start in (0.75, second)]  # fmt: skip
    found = with_micro(table(*short, events=blinks))
    assert found.recordings["micro_left_out"].tolist() == [left_out]


def test_an_action_unit_or_an_event_of_another_person_explains_nothing(short):
    unit = {"kind": "AU12", "onset": 1.1, "apex": 1.2, "offset": 1.6}
    stranger = {"kind": "blink", "who": "track-1", "onset": 1.1, "apex": 1.2, "offset": 1.6}
    found = with_micro(table(*short, events=[unit, stranger]))
    assert KIND in found.events["kind"].tolist()


def test_a_movement_of_the_eyes_is_none(picture, tmp_path):
    assert eye_rows().mean() == pytest.approx(0.14, abs=0.02)
    assert 0.4 < beside_face().mean() < face_edge().mean() + 0.14 < 0.85
    shown = film(tmp_path / "eye.mp4", picture, 30, 84, at=EYE, size=2, wide=3)
    assert not len(with_micro(table(tmp_path / "eye.mp4", shown)).events)


def test_a_gap_is_not_bridged_and_short_segments_are_not_counted(short):
    found = with_micro(table(*short, gone=range(36, 46)))  # the movement itself
    assert not len(found.events)
    assert found.recordings["micro_seconds"][0] == pytest.approx(0.47, abs=0.02)


def test_a_head_that_moves_away_is_cut_anew(short):
    found = with_micro(table(*short, shift=40.0))  # px per second: a segment of 0.2 s
    assert not len(found.events)
    assert found.recordings["micro_seconds"].tolist() == [0.0]


def test_too_few_frames_per_second_are_refused(picture, tmp_path):
    times = film(tmp_path / "slow.mp4", picture, 15, 45)
    found = with_micro(table(tmp_path / "slow.mp4", times))
    assert not len(found.events)
    assert "15 measured frames per second are too few" in found.recordings["micro_note"][0]


def test_a_film_that_is_gone_and_one_without_a_face_are_noted(short, tmp_path):
    path, times = short
    gone = with_micro(table(tmp_path / "gone.mp4", times))
    assert "cannot be read again" in gone.recordings["micro_note"][0]
    nobody = with_micro(table(path, times, gone=range(len(times))))
    assert not len(nobody.events)
    assert nobody.recordings["micro_seconds"].tolist() == [0.0]


def test_memory_is_bounded_and_nothing_is_lost_or_doubled_at_the_border(short, monkeypatch):
    whole = with_micro(table(*short))
    assert CHUNK > 100
    monkeypatch.setattr("mien.film.micro.CHUNK", 62)  # the border lies behind the movement
    parts = with_micro(table(*short))
    assert parts.recordings["micro_seconds"][0] == whole.recordings["micro_seconds"][0]
    assert len(parts.events) == 1


def test_images_are_not_read(short):
    one = table(*short)
    one.recordings["kind"] = "image"
    assert "micro_seconds" not in with_micro(one).recordings


@pytest.mark.realdata
@pytest.mark.weights
def test_speech_on_a_real_film_is_no_micro_expression(data):
    """A GRID speaker at 25 frames per second."""
    from mien.film import analyze, open_analyzer

    source = str(data / "assets/LipNet/bbaf2n.mpg")
    found = with_micro(analyze([source], open_analyzer(heads="none")))
    assert KIND not in found.events["kind"].tolist()
    assert found.recordings["micro_seconds"][0] == pytest.approx(2.0, abs=0.05)
