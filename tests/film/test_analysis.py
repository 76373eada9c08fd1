import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.toy_faces import CAMERA, FLAT, Masks, Moods, Squares, Tone, scene
from tests.toys import TOY, Colours

from mien.errors import MienError
from mien.film import Analyzer, analyze
from mien.film.frames import BLURRED, SMALL, measure_face
from mien.film.rows import FaceRow, values_of
from mien.gallery import Template, open_gallery
from mien.landmarks import UNITS
from mien.media import Film, FilmWriter, write_image
from mien.photo import Pipeline


@pytest.fixture
def kit():
    return Analyzer(
        pipeline=Pipeline(detector=Squares(), heads=[Tone(), Moods()]),
        landmarker=Masks(),
        every=0.2,
    )


def walk(seconds=3.0, rate=20):
    """One face walks right all the time; a second one stands below from 1 s to 2 s."""
    pictures = []
    for i in range(round(seconds * rate)):
        time = i / rate
        places = [(20 + 20 * time, 10)] + ([(200, 100)] if 1 <= time < 2 else [])
        pictures.append(scene(*places))
    return pictures


def test_a_film_gives_a_row_for_each_face_of_each_frame(kit, film):
    table = analyze([film(walk())], kit)
    data = table.data
    first, second = (data[data["track"] == n] for n in (0, 1))
    assert len(first) == 60
    assert first["frame"].tolist() == list(range(60))
    assert first["time"].to_numpy() == pytest.approx(np.arange(60) / 20, abs=1e-3)
    assert second[second["reason"] == "ok"]["time"].min() <= 1.5  # looked for twice a second
    gone = second[second["reason"] != "ok"]
    assert set(gone["reason"]) == {"no-face"}  # for a second, then it is not told any more
    assert gone[list(UNITS)].isna().all(axis=None)
    assert (first["reason"] == "ok").all()
    assert first["box_left"].iloc[-1] - first["box_left"].iloc[0] == pytest.approx(59, abs=2)
    assert first[["yaw", "pitch", "roll"]].abs().max(axis=None) < 4  # off the axis
    assert first["gaze_yaw_left"].notna().all()
    [recording] = table.recordings.to_dict("records")
    assert (recording["frames"], recording["complete"], recording["reason"]) == (60, True, None)
    assert table.facts["models"]["landmarks"] == "masks@2 on NumPy, 1 threads"


def test_any_head_gives_columns_with_its_unit_model_and_interval(kit, film):
    table = analyze([film(walk(1))], kit)
    tone = table.columns["tone"]
    assert (tone.unit, tone.group, tone.model) == ("grey value", "tone", "tone-1@3")
    assert list(table.group("tone")) == ["tone", "tone_lo", "tone_hi"]
    assert list(table.emotions) == ["expression_anger", "expression_neutral", "valence"]
    assert table.units["valence"] == "-1 to 1; by a rule"  # derived, with a unit of its own
    assert table.data["valence"].dropna().unique().tolist() == [-0.5]
    read = table.data[table.data["tone"].notna()]
    assert read["time"].to_numpy() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert (read["tone_hi"] - read["tone_lo"] == 10).all()
    assert "every 0.2 s" in tone.about  # between two readings the column is empty, not repeated
    assert table.summary().set_index("column").loc["tone", "missing_not-read"] == 0.75


def test_two_heads_of_one_task_are_refused():
    pipeline = Pipeline(detector=Squares(), heads=[Tone(), Tone()])
    with pytest.raises(MienError, match="both have the task 'tone'"):
        Analyzer(pipeline=pipeline, landmarker=Masks())


def test_heads_may_be_read_in_each_frame_or_be_left_out(film):
    head = Tone()
    pipeline = Pipeline(detector=Squares(), heads=[head])
    table = analyze([film(walk(1))], Analyzer(pipeline=pipeline, landmarker=Masks(), every=0))
    assert table.data["tone"].notna().all()
    assert head.asked == 1 + 20  # once for its labels
    lean = Analyzer(pipeline=Pipeline(detector=Squares()), landmarker=Masks())
    assert "tone" not in analyze([film(walk(1))], lean).columns


def test_a_film_without_a_face_has_a_row_a_frame_with_the_reason(kit, film):
    table = analyze([film([scene()] * 20)], kit)
    assert table.data["reason"].tolist() == ["no-face"] * 20
    numbers = table.data.drop(columns=["input", "frame", "time", "reason"])
    assert numbers.isna().all(axis=None)
    assert len(table.people) == 0
    assert len(table.summary()) == 0


@pytest.mark.parametrize("frames", [1, 2, 40])
def test_the_shortest_films_are_films(kit, film, frames):
    table = analyze([film([scene((20, 20))] * frames)], kit)
    assert len(table.data) == frames
    assert (table.data["reason"] == "ok").all()


def test_pictures_and_films_go_into_one_table(kit, film, tmp_path):
    write_image(tmp_path / "two.png", scene((20, 20), (200, 60)))
    write_image(tmp_path / "none.png", scene() // 8)
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    names = ["two.png", "none.png", "bad.jpg", "bad.mp4"]
    sources = [*(tmp_path / name for name in names), film(walk(1))]
    steps = []
    table = analyze(sources, kit, on_step=lambda *step: steps.append(step))
    rows = table.data.groupby("input", sort=False)["reason"].agg(list)
    assert [rows[str(tmp_path / name)] for name in names] == [
        ["ok", "ok"], ["dark"], ["unreadable"], ["unreadable"],
    ]  # fmt: skip
    assert len(rows.iloc[-1]) == 20
    assert table.recordings["reason"].tolist()[2:4] == ["unreadable"] * 2
    assert ("pictures", 3, 3) in steps
    assert steps[-1][0] == "film"
    tones = table.data["tone"][table.data["input"] == str(tmp_path / "two.png")]
    assert tones.notna().all()  # pictures are always read
    with pytest.raises(MienError, match="given twice"):
        analyze([sources[0], sources[0]], kit)


def test_forty_faces_are_forty_rows(kit, tmp_path):
    places = [(10 + 100 * (i % 8), 10 + 100 * (i // 8)) for i in range(40)]
    write_image(tmp_path / "many.png", scene(*places, size=(520, 820)))
    table = analyze([tmp_path / "many.png"], kit)
    assert (table.data["reason"] == "ok").sum() == 40
    assert table.data["track"].tolist() == list(range(40))


def test_a_face_of_20_px_keeps_its_pose_and_loses_finer_numbers(kit, film):
    data = analyze([film([scene((20, 20), side=20)] * 5)], kit).data
    assert set(data["reason"]) == {"too-small"}
    assert data["eye_distance"].max() < SMALL
    assert data[["yaw", "x", "box_left", "nose_x"]].notna().all(axis=None)
    assert data[["eye_aperture_left", "gaze_yaw_left", "tone"]].isna().all(axis=None)


def test_a_blurred_face_and_a_profile_say_so(kit):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (180, 320, 3), np.uint8)
    from mien.geometry import rotation

    def points(yaw):
        placed = FLAT @ rotation(yaw, 0, 0).T + [0, 0, 600]
        depth = (placed[:, 2] - placed[:, 2].mean()) * CAMERA.focal / 600
        flat = placed[:, :2] / placed[:, 2:] * CAMERA.focal + [160, 90]
        return np.concatenate([flat, depth[:, None]], axis=1).astype(np.float32)

    keys = {"frame": 0, "time": 0.0, "track": 0, "confidence": 0.9}
    assert measure_face(kit, image, points(0), 0.9, CAMERA, keys).values["reason"] == "ok"
    profile = measure_face(kit, image, points(60), 0.9, CAMERA, keys).values
    assert (profile["reason"], profile["yaw"]) == ("extreme-pose", pytest.approx(60, abs=1))
    assert "mouth_width" not in profile
    wave = np.sin(np.arange(320) / 15)
    waves = 128 + 50 * (wave[:180, None, None] + wave[None, :, None]) * np.ones(3)
    smooth = waves.astype(np.uint8)
    blurred = measure_face(kit, smooth, points(0), 0.9, CAMERA, keys).values
    assert blurred["sharpness"] < BLURRED
    assert (blurred["reason"], "mouth_width" in blurred) == ("blurred", False)


def test_points_are_told_as_asked_for(kit, film):
    path = film([scene((40, 40))] * 3)
    from dataclasses import replace

    whole = analyze([path], replace(kit, points="mesh"))
    ibug = whole.data[[f"x_{i}" for i in range(68)]].to_numpy()
    assert ibug.shape == (3, 68)
    assert ibug[0, 45] > ibug[0, 36]  # eyes from left to right
    assert whole.data["Y_8"][0] - whole.data["Y_27"][0] == pytest.approx(118, abs=5)  # mm
    assert whole.data["mesh_x_33"][0] == pytest.approx(whole.data["x_36"][0])
    assert len(list(whole.landmarks)) == 10 + 340 + 3 * 478
    table = analyze([path], kit)
    assert len(list(table.landmarks)) == 10
    empty = values_of(replace(kit, points="68").columns(), [FaceRow({"reason": "no-face"})])
    assert np.isnan(empty["x_0"]).all()


def stopping(kit, when, error):
    """The kit with a landmarker that fails the `when`-th time."""
    from dataclasses import replace

    class Stopped(Masks):
        def __call__(self, chips):
            found = super().__call__(chips)
            if self.asked == when:
                raise error
            return found

    return replace(kit, landmarker=Stopped())


def test_a_run_that_was_stopped_goes_on_and_gives_the_same_table(kit, film, tmp_path):
    path, folder = film(walk(4)), tmp_path / "rows"
    whole = analyze([path], kit)
    part = analyze([path], stopping(kit, 60, KeyboardInterrupt()), folder=folder)
    assert part.recordings["reason"].tolist() == ["interrupted"]
    assert not part.recordings["complete"].any()
    assert 20 < len(part.data) < len(whole.data) - 20
    seen = [name for name, column in whole.columns.items() if column.group != "aus"]
    pd.testing.assert_frame_equal(part.data[seen], whole.data[seen].iloc[: len(part.data)])
    again = Masks()
    from dataclasses import replace

    rest = analyze([path], replace(kit, landmarker=again), folder=folder)
    pd.testing.assert_frame_equal(rest.data, whole.data)
    pd.testing.assert_frame_equal(rest.recordings, whole.recordings)
    assert again.asked < 80 - 30  # what was saved is not looked at again


def test_a_killed_run_loses_what_was_not_written_and_nothing_else(kit, film, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.film.checkpoint.MANY", 10)  # a part each half second
    path, folder = film(walk(4)), tmp_path / "rows"
    whole = analyze([path], kit)
    with pytest.raises(SystemExit):
        analyze([path], stopping(kit, 60, SystemExit()), folder=folder)
    parts = sorted(folder.glob("*.parquet"))
    assert len(parts) >= 3
    parts[-1].write_bytes(parts[-1].read_bytes()[:1000])  # half a file
    (folder / ".1234.part").write_bytes(b"half")
    rest = analyze([path], kit, folder=folder)
    pd.testing.assert_frame_equal(rest.data, whole.data)
    assert not list(folder.glob(".*.part"))


def test_rows_belong_to_their_films_and_settings(kit, film, tmp_path):
    from dataclasses import replace

    path = film(walk(1))
    analyze([path], kit, folder=tmp_path / "rows")
    with pytest.raises(MienError, match="other films or other settings"):
        analyze([path], replace(kit, every=0.5), folder=tmp_path / "rows")
    assert (tmp_path / "rows").stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_text("")
    with pytest.raises(MienError, match="cannot be written"):
        analyze([path], kit, folder=tmp_path / "file")


def test_a_full_disk_keeps_what_was_seen(kit, film, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.film.checkpoint.MANY", 10)
    path, written = film(walk(3)), []
    whole = analyze([path], kit)
    real = pq.write_table

    def full(rows, where, **how):
        written.append(where)
        if len(written) > 3:
            raise OSError(28, "No space left on device")
        real(rows, where, **how)

    monkeypatch.setattr(pq, "write_table", full)
    table = analyze([path], kit, folder=tmp_path / "rows")
    assert table.recordings["reason"].tolist() == ["full"]
    assert 30 <= len(table.data) < 75
    monkeypatch.setattr(pq, "write_table", real)
    again = analyze([path], kit, folder=tmp_path / "rows")
    pd.testing.assert_frame_equal(again.data, whole.data)


def test_silent_corruption_in_mid_film_gives_rows_with_a_reason(kit, tmp_path):
    path = tmp_path / "film.mp4"
    rng = np.random.default_rng(0)
    with FilmWriter(path) as writer:
        for number in range(100):
            noise = rng.integers(0, 60, (180, 320, 3), np.uint8)
            image = np.maximum(noise, scene((20 + number, 40)) * (scene((20 + number, 40)) > 50))
            writer.add(image.astype(np.uint8), number / 25)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60_000] = np.random.default_rng(1).bytes(60_000)
    path.write_bytes(data)
    table = analyze([path], kit)
    reasons = table.data["reason"].value_counts()
    assert reasons["decoder-drop"] >= 4  # one that came, marked as wrong, and some that did not
    assert reasons["ok"] > 60
    assert table.recordings["reason"].tolist() == ["damaged"]
    dropped = table.data[table.data["reason"] == "decoder-drop"]
    assert dropped[["yaw", "box_left", "confidence"]].isna().all(axis=None)
    moments = table.data["time"].drop_duplicates().to_numpy()
    assert (np.diff(moments) > 0).all()
    assert len(moments) == pytest.approx(100, abs=2)  # every frame is accounted for
    assert table.data["time"].max() > 3.8  # what comes after the damage is read


def test_a_source_that_stalls_leaves_what_was_seen(kit, film, monkeypatch):
    from mien.errors import FilmError

    path, read = film(walk()), Film.frames

    def stalling(self, **how):
        for frame in read(self, **how):
            if frame.time > 1.2:
                raise FilmError("It sent nothing for 20 s.")
            yield frame

    monkeypatch.setattr(Film, "frames", stalling)
    table = analyze([path], kit)
    assert table.recordings["reason"].tolist() == ["lost"]
    assert table.data["time"].max() == pytest.approx(1.2, abs=0.06)


def test_with_a_gallery_tracks_have_names(kit, film, tmp_path):
    pipeline = Pipeline(detector=Squares(), embedder=Colours(), calibration=TOY)
    red, other = scene((40, 40)), scene((40, 40))
    red[40:100, 40:100] = [250, 130, 10]
    other[40:100, 40:100] = [125, 10, 250]
    with open_gallery(tmp_path / "g.mien", Colours.contract, create=True) as known:
        face = pipeline.main_face(red)
        known.add([Template("Ada", face.embedding, face.embedder)])
        pipeline.use(known)
        named = Analyzer(pipeline=pipeline, landmarker=Masks())
        dark = np.full_like(red, 10)
        table = analyze([film([red] * 20 + [dark] * 30 + [other] * 20)], named)
    people = table.people
    assert people["who"].tolist() == ["Ada", "unknown-1"]
    assert people["tracks"].tolist() == [1, 1]
    assert table.data["person"].isna().sum() == (table.data["track"].isna()).sum()
    assert json.dumps(table.facts["models"])


def test_people_are_named_though_a_source_cannot_be_read(film, tmp_path):
    """A damaged film has no track and no note; the table of the others was lost."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    pipeline = Pipeline(detector=Squares(), embedder=Colours(), calibration=TOY)
    table = analyze([film(walk(1)), str(broken)], Analyzer(pipeline=pipeline, landmarker=Masks()))
    assert table.recordings["complete"].tolist() == [True, False]
