"""Clips in the true layouts: DFEW, FERV39k, ours."""

import pytest

from mien.datasets import CLIPS
from mien.errors import MienError

VOTES = "1happy,2sad,3neutral,4angry,5surprise,6disgust,7fear,order,label"


def dfew(root, put, train="1,1\n", test="23,7\n"):
    for name in ("00001", "00023", "00300"):
        put(root / "Clip" / "clip_224x224" / name / "1.jpg")
    for split, rows in (("train", train), ("test", test)):
        folder = root / "EmoLabel_DataSplit" / f"{split}(single-labeled)"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "set_1.csv").write_text("video_name,label\n" + rows)


def test_dfew(tmp_path, put):
    dfew(tmp_path, put)
    one, two = CLIPS["dfew"](tmp_path)
    assert (one.path.name, one.split, one.labels) == ("00001", "train", {"expression": "happiness"})
    assert (two.path.name, two.split, two.labels) == ("00023", "test", {"expression": "fear"})
    (tmp_path / "annotation.csv").write_text(f"{VOTES}\n7,0,3,0,0,0,0,1,1\n4,3,3,0,0,0,0,300,0\n")
    one, _, rest = CLIPS["dfew"](tmp_path)
    assert one.votes["happiness"] == 7
    assert one.votes["neutral"] == 3
    assert (rest.path.name, rest.split, rest.labels) == ("00300", "unlabelled", {})
    (tmp_path / "annotation.csv").write_text(f"{VOTES}\n0,0,0,0,0,0,0,1,1\n")
    with pytest.raises(MienError, match=r"annotation\.csv, line 2: there are no votes"):
        CLIPS["dfew"](tmp_path)


@pytest.mark.parametrize("test", ["23,8\n", "23,0\n", "1,2\n"])
def test_dfew_with_a_broken_list(tmp_path, put, test):
    dfew(tmp_path, put, test=test)
    with pytest.raises(MienError, match=r"set_1\.csv, line 2"):
        CLIPS["dfew"](tmp_path)


def test_ferv39k_with_and_without_lists(tmp_path, put):
    base = tmp_path / "2_ClipsforFaceCrop"
    put(base / "Action" / "Happy" / "0015" / "0.jpg")
    put(base / "Crime" / "Angry" / "0400" / "0.jpg")
    assert [one.split for one in CLIPS["ferv39k"](tmp_path)] == ["", ""]
    lists = tmp_path / "4_setups" / "All_scenes"
    lists.mkdir(parents=True)
    (lists / "train_All.csv").write_text("Action/Happy/0015 0\n")
    (lists / "test_All.csv").write_text("Crime/Angry/0400 3\n")
    one, two = CLIPS["ferv39k"](tmp_path)
    assert (one.split, one.labels) == ("train", {"expression": "happiness", "scene": "Action"})
    assert (two.split, two.labels["expression"]) == ("test", "anger")
    (lists / "test_All.csv").write_text("Crime/Bored/0400 3\n")
    with pytest.raises(MienError, match="'Crime/Bored/0400' is not SCENE/EMOTION/NUMBER"):
        CLIPS["ferv39k"](tmp_path)


def test_our_table_of_clips(tmp_path, put):
    put(tmp_path / "a" / "0.jpg")
    words = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    head = "clip,frames_dir,split,person," + ",".join(f"v_{w}" for w in words)
    table = tmp_path / "clips.csv"
    table.write_text(f"{head}\na,a,train,P1,0,0,0,6,4,0,0\na,a,train,P1,0,0,0,5,5,0,0\n")
    one, tie = CLIPS["clips"](tmp_path)
    assert (one.person, one.labels) == ("P1", {"expression": "happiness"})
    assert (tie.labels, tie.votes["neutral"]) == ({}, 5)
    table.write_text(f"{head}\na,a,train,P1,0,0,0,-6,4,0,0\n")
    with pytest.raises(MienError, match="line 2: '-6' is not a whole number"):
        CLIPS["clips"](tmp_path)
    table.write_text(f"{head}\na,gone,train,P1,0,0,0,6,4,0,0\n")
    with pytest.raises(MienError, match=r"1 files that our own .*gone"):
        CLIPS["clips"](tmp_path)
