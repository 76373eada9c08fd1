import json

import numpy as np
import pytest
from tests.toy_faces import Masks, Squares, scene

from mien.errors import MienError
from mien.film import Analyzer, analyze
from mien.film.clips import ClipRunner
from mien.photo import Pipeline
from mien.testing import TOY_DEVICE
from mien.types import Crop, Reading

WINDOW, HOP, RATE = 1.0, 0.5, 10.0


class Brightness:
    """Reads the mean grey of a clip, and how many frames it has."""

    name, digest, crop, needs = "brightness", "d", Crop(size=8), frozenset({"chips"})
    device = TOY_DEVICE
    window, hop, rate = WINDOW, HOP, RATE

    def __call__(self, clip):
        values = {"grey": float(clip.chips.mean()), "frames": float(len(clip.times))}
        span = (float(clip.times[0]), float(clip.times[-1]))
        return [Reading("clip-brightness", values, "grey level", self.name, span=span)]


class Motion:
    """Reads how far the points of a clip move."""

    name, digest, needs = "motion", "d", frozenset({"points"})
    device = TOY_DEVICE
    window, hop, rate = WINDOW, HOP, RATE

    def __call__(self, clip):
        moved = np.abs(np.diff(clip.points[:, :, 0], axis=0)).sum(axis=0).mean()
        span = (float(clip.times[0]), float(clip.times[-1]))
        return [Reading("clip-motion", {"moved": float(moved)}, "px", self.name, span=span)]


class Listener:
    name, needs = "listener", frozenset({"audio"})


def kit(*heads):
    return Analyzer(pipeline=Pipeline(detector=Squares()), landmarker=Masks(), clip_heads=heads)


def read(table, column):
    return table.data.dropna(subset=[column])


def test_a_clip_head_reads_each_track_in_windows(film):
    path = film([scene((40, 40), (180, 60), tone=240)] * 75, rate=25)
    table = analyze([path], kit(Brightness(), Motion()))
    rows = read(table, "clip_brightness_grey")
    assert sorted(rows["track"].unique()) == [0, 1]
    mine = rows[rows["track"] == 0]
    ends = mine["clip_brightness_end"].to_numpy()
    assert mine["time"].to_numpy() == pytest.approx(ends)  # in the row of the window's last frame
    steps = np.diff(ends)
    assert ((steps >= HOP - 1e-6) & (steps <= HOP + 1 / RATE + 0.04)).all()
    spans = ends - mine["clip_brightness_start"].to_numpy()
    assert spans.max() <= WINDOW + 1e-6
    assert spans.min() >= WINDOW / 2 - 0.11
    assert mine["clip_brightness_frames"].max() <= WINDOW * RATE + 1
    assert table.columns["clip_brightness_grey"].unit == "grey level"
    assert table.columns["clip_brightness_end"].unit == "s"
    assert read(table, "clip_motion_moved")["clip_motion_moved"].max() < 1.0  # nobody moves


def test_a_film_shorter_than_half_a_window_has_no_reading(film):
    table = analyze([film([scene((40, 40))] * 8, rate=25)], kit(Brightness()))
    assert read(table, "clip_brightness_grey").empty


def test_a_head_that_needs_what_films_lack_is_refused_by_name():
    with pytest.raises(MienError, match="'listener' needs audio"):
        kit(Listener())


def test_a_stopped_run_reads_the_same_clips(film, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.film.checkpoint.OFTEN", 0.0)  # a part each half second
    pictures = [scene((40 + i // 2, 40), tone=200 + i // 4) for i in range(100)]
    path = film(pictures, rate=25)
    whole = analyze([path], kit(Brightness(), Motion()))

    def stop(name, done, total):
        calls.append(done)
        if len(calls) == 62:
            raise KeyboardInterrupt

    calls = []
    folder = tmp_path / "rows"
    part = analyze([path], kit(Brightness(), Motion()), folder=folder, on_step=stop)
    assert part.recordings["reason"].tolist() == ["interrupted"]
    rest = analyze([path], kit(Brightness(), Motion()), folder=folder)
    for column in ("clip_brightness_grey", "clip_brightness_frames", "clip_motion_moved"):
        np.testing.assert_allclose(rest.data[column], whole.data[column], err_msg=column)


def test_a_window_goes_to_json_and_back_without_its_pixels():
    runner = ClipRunner(Brightness())
    state = {"7": {"read": 0.5, "shots": [[0.25, [[1, 2]] * 5, None]]}}
    runner.resume(json.loads(json.dumps(state)))
    assert runner.state() == state
