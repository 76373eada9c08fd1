import numpy as np
import pandas as pd
import pytest

from mien.tables import Column, Table, part_of, read_libreface, read_pyfeat
from mien.tables.columns import KEYS
from mien.tables.pyfeat import as_pyfeat, names

NAN = float("nan")


def made():
    columns = [
        *KEYS,
        *(Column(f"box_{side}", "px", "boxes") for side in ("left", "top", "right", "bottom")),
        *(Column(n, "degree", "poses") for n in ("yaw", "pitch", "roll", "x", "y", "z")),
        *(
            Column(f"gaze_{a}_{s}", "degree", "gazes")
            for s in ("left", "right")
            for a in ("yaw", "pitch")
        ),
        Column("AU12_r", "FACS 0-5", "aus"),
        Column("AU12_p", "probability", "aus"),
        Column("expression_anger", "probability", "expression"),
        Column("valence", "", "expression"),
        Column("x_0", "px", "landmarks", "single"),
    ]
    rows = {
        "input": ["a.mp4"] * 2, "frame": [0, 1], "time": [0.0, 61.25], "track": [0, None],
        "person": ["Ada", None], "confidence": [0.9, NAN], "reason": ["ok", "no-face"],
        "box_left": [10, NAN], "box_top": [20, NAN], "box_right": [40, NAN],
        "box_bottom": [60, NAN], "yaw": [10, NAN], "pitch": [20, NAN], "roll": [30, NAN],
        "x": [1, NAN], "y": [2, NAN], "z": [600, NAN], "gaze_yaw_left": [10, NAN],
        "gaze_yaw_right": [20, NAN], "gaze_pitch_left": [0, NAN], "gaze_pitch_right": [0, NAN],
        "AU12_r": [4, NAN], "AU12_p": [0.7, NAN], "expression_anger": [0.6, NAN],
        "valence": [-0.5, NAN], "x_0": [12, NAN],
    }  # fmt: skip
    sizes = [{"input": "a.mp4", "height": 90, "width": 160}]
    return Table.of([part_of(columns, rows, {})], columns, recordings=sizes)


def test_the_columns_of_pyfeat_are_2183():
    assert len(names()) == 2183
    assert len(set(names())) == 2183
    assert names()[-5:] == ["FrameHeight", "FrameWidth", "input", "frame", "approx_time"]


def test_signs_and_units_of_pyfeat_by_hand():
    data, _ = as_pyfeat(made(), "a.mp4")
    one = data.iloc[0]
    assert (one["FaceRectX"], one["FaceRectWidth"], one["FaceRectHeight"]) == (10, 30, 40)
    # Pitch up stays; yaw and roll are positive to the subject's right, which is image left.
    angles = [one["Pitch"], one["Yaw"], one["Roll"]]
    assert angles == pytest.approx(np.radians([20, -10, -30]), abs=1e-6)
    assert one["gaze_yaw"] == pytest.approx(-np.radians(15), abs=1e-6)
    assert one["gaze_angle"] == pytest.approx(np.radians(15), abs=1e-6)
    assert (one["AU12"], one["anger"], one["valence"], one["Identity"]) == (0.7, 0.6, -0.5, "Ada")
    assert (one["FrameHeight"], one["FrameWidth"], one["x_0"]) == (90, 160, 12)
    assert data["approx_time"].tolist() == ["00:00.000", "01:01.250"]
    gone = data.iloc[1].drop(["FrameHeight", "FrameWidth", "input", "frame", "approx_time"])
    assert gone.isna().all()
    assert data["jawOpen"].isna().all()


def test_a_table_of_pyfeat_comes_back(tmp_path):
    table = made()
    [path, _] = table.save(tmp_path / "a.csv", "pyfeat")
    again = read_pyfeat(path)
    for name in (
        "yaw",
        "pitch",
        "roll",
        "x",
        "z",
        "AU12_p",
        "expression_anger",
        "box_right",
        "x_0",
    ):
        assert again.data[name][0] == pytest.approx(table.data[name][0], abs=1e-4)
    assert again.data["time"].tolist() == [0.0, 61.25]
    assert again.data["person"].tolist()[0] == "Ada"
    assert again.data["reason"].tolist() == ["ok", "no-face"]
    assert list(again.emotions) == ["expression_anger", "expression_disgust", "expression_fear",
        "expression_happiness", "expression_sadness", "expression_surprise",
        "expression_neutral", "valence", "arousal"]  # fmt: skip


def test_capitals_of_pyfeat_2_are_read(tmp_path):
    head = "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore"
    (tmp_path / "a.csv").write_text(
        f"{head},Happy,Sad,AU01,frame,input\n1,2,3,4,0.9,0.8,0.1,1,0,x.jpg\n"
    )
    data = read_pyfeat(tmp_path / "a.csv").data
    assert (data["expression_happiness"][0], data["expression_sadness"][0]) == (0.8, 0.1)
    assert data["AU01_p"][0] == 1


def test_libreface_is_read_and_its_angles_are_kept_apart(tmp_path):
    pd.DataFrame({
        "frame_idx": [0, 1], "frame_time_in_ms": [0.0, 0.04], "pitch": [1.0, NAN],
        "yaw": [2.0, NAN], "roll": [3.0, NAN], "au_12": [1, NAN], "au_12_intensity": [2.5, NAN],
        "facial_expression": ["Happiness", None], "gaze_yaw": [5.0, NAN],
        "lm_mp_4_x": [0.5, NAN],
    }).to_csv(tmp_path / "a.csv", index=False)  # fmt: skip
    table = read_libreface(tmp_path / "a.csv")
    assert table.data["time"].tolist() == [0.0, 0.04]  # seconds, whatever the name says
    assert (table.data["AU12_r"][0], table.data["AU12_c"][0]) == (2.5, 1)
    assert "yaw" not in table.data
    assert table.data["libreface_yaw"][0] == 2.0
    assert table.data["reason"].tolist() == ["ok", "no-face"]
    assert table.data["expression"].tolist()[0] == "Happiness"
    assert table.data["mesh_x_4"][0] == 0.5
