import numpy as np
import pytest
from tests.toy_faces import Masks, Moods, Squares, Tone, scene
from tests.toys import TOY, Colours

from mien.behaviour import AU_UNITS, Baseline
from mien.film import Analyzer, analyze
from mien.film.live import SETTLED, LiveAnalysis
from mien.gallery import Template, open_gallery
from mien.landmarks import UNITS
from mien.media import open_film
from mien.photo import Pipeline
from mien.track import ShotBoundaryDetector
from mien.types import Crop, Device, Reading


def kit(**more):
    pipeline = Pipeline(detector=Squares(), heads=[Tone(), Moods()], **more)
    return Analyzer(pipeline=pipeline, landmarker=Masks())


def live(path, telling):
    with open_film(path) as opened:
        return list(telling(opened.frames(glance=ShotBoundaryDetector())))


def widening(seconds=4.0, rate=25):
    """A square that grows and shrinks, so that the head moves and the mouth with it."""
    sides = 60 + 12 * np.sin(np.arange(round(seconds * rate)) / 8)
    return [scene((40, 40), side=round(side)) for side in sides]


def test_live_rows_are_those_of_a_film_with_the_same_baseline(film):
    path = film(widening(), rate=25)
    rest = Baseline.average()
    table = analyze([path], kit(), baseline=rest)
    rows = [told.row for told in live(path, LiveAnalysis(kit(), rest)) if told.row]
    assert len(rows) == len(table.data) == 100
    for name in (*UNITS, *AU_UNITS, "time", "box_left", "tone", "expression_anger"):
        mine = np.array([np.nan if row.get(name) is None else row.get(name) for row in rows], float)
        theirs = table.data[name].to_numpy(float)
        np.testing.assert_array_equal(mine.astype(theirs.dtype), theirs, err_msg=name)


def test_without_a_baseline_units_come_as_soon_as_the_face_was_seen_for_two_seconds(film):
    told = [one for one in live(film(widening(), rate=25), LiveAnalysis(kit())) if one.row]
    early = [one for one in told if one.row["time"] < 2]
    late = [one for one in told if one.row["time"] >= 2]
    assert {one.mode for one in early} == {None}
    assert not any("AU12_r" in one.row for one in early)  # missing, not 0
    assert {one.mode for one in late} == {"causal"}
    assert all("AU12_r" in one.row for one in late)


def test_a_row_comes_before_the_next_frame_is_asked_for(film):
    asked = []

    def frames():
        with open_film(film(widening(1.0), rate=25)) as opened:
            for frame in opened.frames():
                asked.append(frame.time)
                yield frame

    for told in LiveAnalysis(kit())(frames()):
        if told.row:
            assert told.row["time"] == asked[-1]


def test_an_event_is_told_once_and_soon(film, monkeypatch):
    def closing(pose):
        found = dict.fromkeys(UNITS, 0.1)
        found |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "mouth_aperture": 0.0}
        moment = now[0]
        if 3.0 <= moment < 3.16:
            found |= {"eye_aperture_left": 0.02, "eye_aperture_right": 0.02}
        return found

    now = [0.0]
    monkeypatch.setattr("mien.film.frames.measure_head", closing)
    path = film([scene((40, 40))] * 150, rate=25)

    def frames():
        with open_film(path) as opened:
            for frame in opened.frames():
                now[0] = frame.time
                yield frame

    found = [(told.event, now[0]) for told in LiveAnalysis(kit())(frames()) if told.event]
    blinks = [(event, when) for event, when in found if event.kind == "blink"]
    [(blink, when)] = blinks
    assert blink.onset == pytest.approx(3.0, abs=0.05)
    assert blink.offset < when <= blink.offset + SETTLED + 1.1


def test_a_face_is_named_and_a_baseline_of_somebody_else_is_put_aside(film, tmp_path):
    red = scene((40, 40))
    red[40:100, 40:100] = [250, 130, 10]
    path = film([red] * 50, rate=25)
    pipeline = Pipeline(detector=Squares(), embedder=Colours(), calibration=TOY)
    with open_gallery(tmp_path / "g.mien", Colours.contract, create=True) as known:
        face = pipeline.main_face(red)
        known.add([Template("Ada", face.embedding, face.embedder)])
        named = Analyzer(pipeline=pipeline, landmarker=Masks())
        pipeline.use(known)
        vector = np.float32([11, 131, 251]) / np.linalg.norm([11, 131, 251])
        his = Baseline.average()
        from dataclasses import replace

        his = replace(his, vector=vector, contract=Colours.contract, mode="whole")
        telling = LiveAnalysis(named, his)
        told = [one for one in live(path, telling) if one.row]
    assert told[0].person is None
    assert told[-1].person == "Ada"  # after the first half second
    assert told[-1].row["person"] == "Ada"
    assert "another person" in telling.refused
    assert {one.mode for one in told} >= {"given", None}
    assert told[20].mode is None  # not his any more, and hers is not known yet


def test_nobody_gives_rows_with_the_reason_and_nothing_grows(film):
    telling = LiveAnalysis(kit())
    told = live(film([scene((40, 40))] * 20 + [scene()] * 100, rate=25), telling)
    assert {one.row["reason"] for one in told[-20:]} == {"no-face"}
    assert telling._faces == {}


class Units:
    """A head of action units that reads AU12 off the pixels; every third reading is undecided."""

    name, digest, crop = "units", "", Crop(size=16)
    device = Device("cpu", "NumPy", 1)

    def __init__(self):
        self.count = 0

    def __call__(self, chips):
        found = []
        for _ in chips:
            self.count += 1
            state = {"au12": float(self.count % 3 == 1)} if self.count % 3 else {}
            shown = Reading("action-units-shown", state, "1 shown, 0 absent", "units")
            found.append(
                Reading("action-units", {"au12": 0.8}, "probability", "units", derived=(shown,))
            )
        return found


@pytest.mark.parametrize("every", [0.0, 0.2])
def test_units_that_a_head_reads_are_joined_as_in_films(film, every):
    def analyzer():
        pipeline = Pipeline(detector=Squares(), heads=[Units()])
        return Analyzer(pipeline=pipeline, landmarker=Masks(), every=every)

    path, rest = film(widening(2.0), rate=25), Baseline.average()
    rows = [one.row for one in live(path, LiveAnalysis(analyzer(), rest)) if one.row]
    states = {row["AU12_c"] for row in rows if row["AU12_c"] == row["AU12_c"]}
    assert states == {0.0, 1.0}
    assert {row["AU12_p"] for row in rows} == {0.8}
    assert all(row["AU12_r"] == 0 for row in rows if row["AU12_c"] == 0)
    assert all(np.isnan(row["AU12_r"]) for row in rows if np.isnan(row["AU12_c"]))
    assert any(row["AU12_r"] > 0 for row in rows if row["AU12_c"] == 1)
    if not every:  # with 0.2 s, films take the nearest reading and live only earlier ones
        table = analyze([path], analyzer(), baseline=rest)
        for name in ("AU12_r", "AU12_r_left", "AU12_p", "AU12_c", "AU25_r"):
            mine = np.array([row[name] for row in rows], float)
            np.testing.assert_array_equal(mine, table.data[name].to_numpy(float), err_msg=name)


def test_a_smile_in_the_neutral_frames_is_reported_and_au12_is_missing(film):
    analysis = LiveAnalysis(kit())  # the mesh of the toy smiles
    rows = [one.row for one in live(film(widening(), rate=25), analysis) if one.row]
    assert "AU12 is missing" in analysis.smiling
    assert all(np.isnan(row["AU12_r"]) for row in rows if "AU12_r" in row)
    assert LiveAnalysis(kit()).smiling is None
