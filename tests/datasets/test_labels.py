"""Small files in the true layout of each data set."""

import zipfile

import numpy as np
import pytest

from mien.datasets import LABELS
from mien.datasets.labels import unfold_fer2013
from mien.errors import MienError
from mien.media import read_image


def test_utkface(tmp_path, put):
    put(tmp_path / "26_1_2_20170104.jpg.chip.jpg")
    put(tmp_path / "61_3_20170109.jpg.chip.jpg")  # a field is missing in the original too
    full, short = LABELS["utkface"](tmp_path)
    assert full.labels == {"age": "26", "gender": "female", "race": "Asian"}
    assert short.labels == {"age": "61"}
    put(tmp_path / "26_1_7_20170104.jpg.chip.jpg")
    with pytest.raises(MienError, match="label 7 is outside 0 to 4"):
        LABELS["utkface"](tmp_path)


def test_fairface(tmp_path, put):
    put(tmp_path / "val" / "1.jpg")
    (tmp_path / "fairface_label_val.csv").write_text(
        "file,age,gender,race,service_test\nval/1.jpg,3-9,Male,East Asian,False\n"
    )
    [one] = LABELS["fairface"](tmp_path)
    assert one.split == "val"
    assert one.labels == {"age": "3-9", "gender": "male", "race": "East Asian"}


def test_fer2013_as_folders_and_as_its_table(tmp_path, put):
    put(tmp_path / "fer" / "train" / "angry" / "1.jpg")
    put(tmp_path / "fer" / "validation" / "surprise" / "2.jpg")
    assert [(o.split, o.labels["expression"]) for o in LABELS["fer2013"](tmp_path / "fer")] == [
        ("train", "anger"), ("validation", "surprise"),
    ]  # fmt: skip
    values = np.random.default_rng(0).integers(0, 256, 48 * 48)
    table = tmp_path / "fer2013.csv"
    table.write_text(f"emotion,pixels,Usage\n3,{' '.join(map(str, values))},PublicTest\n")
    assert unfold_fer2013(table, tmp_path / "out") == 1
    image = read_image(tmp_path / "out" / "PublicTest" / "happiness" / "00000.png")
    assert (image[..., 0] == values.reshape(48, 48)).all()
    table.write_text("emotion,pixels,Usage\n3,1 2 3,PublicTest\n")
    with pytest.raises(MienError, match="line 2: 3 values"):
        unfold_fer2013(table, tmp_path / "out")
    table.write_text(f"emotion,pixels,Usage\n9,{' '.join(map(str, values))},PublicTest\n")
    with pytest.raises(MienError, match="label 9 is outside 0 to 6"):
        unfold_fer2013(table, tmp_path / "out")


def test_rafdb(tmp_path, put):
    put(tmp_path / "basic" / "Image" / "aligned" / "train_00001_aligned.jpg")
    base = tmp_path / "basic"
    (base / "EmoLabel").mkdir()
    listed = base / "EmoLabel" / "list_patition_label.txt"
    listed.write_text("train_00001.jpg 5\n")
    (base / "Annotation" / "manual").mkdir(parents=True)
    (base / "Annotation" / "manual" / "train_00001_manu_attri.txt").write_text(
        "10.5\t20.5\n30\t20\n20\t30\n12\t40\n28\t40\n1\n0\n2\n"
    )
    [one] = LABELS["rafdb"](tmp_path)
    assert one.labels == {
        "expression": "sadness", "gender": "female", "race": "Caucasian", "age": "20-39",
    }  # fmt: skip
    for label in (0, 8):
        listed.write_text(f"train_00001.jpg {label}\n")
        with pytest.raises(MienError, match=f"label {label} is outside"):
            LABELS["rafdb"](tmp_path)


def test_rafdb_in_folders(tmp_path, put):
    put(tmp_path / "RAF-DB" / "test" / "anger" / "1.jpg")
    [one] = LABELS["rafdb"](tmp_path / "RAF-DB")
    assert (one.split, one.labels) == ("test", {"expression": "anger"})
    put(tmp_path / "RAF-DB" / "test" / "contempt" / "1.jpg")  # not one of its seven
    with pytest.raises(MienError, match="not in a folder named after its label"):
        LABELS["rafdb"](tmp_path / "RAF-DB")
    assert len(LABELS["folders"](tmp_path / "RAF-DB")) == 2


def test_ferplus(tmp_path, put):
    put(tmp_path / "FER2013Train" / "fer0000000.png")
    put(tmp_path / "FER2013Test" / "fer0032300.png")
    head = (
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
        "unknown,NF\n"
    )
    table = tmp_path / "fer2013new.csv"
    table.write_text(
        head + "Training,fer0000000.png,6,0,0,1,1,2,0,0,0,0\n"
        "Training,fer0000001.png,0,0,0,0,0,0,0,1,9,0\n"  # most did not know
        "Training,,0,0,0,0,0,0,0,0,0,10\n"  # no face, and no picture
        "PrivateTest,fer0032300.png,5,5,0,0,0,0,0,0,0,0\n"
    )
    one, tie = LABELS["ferplus"](tmp_path)
    assert (one.split, one.labels) == ("Training", {"expression": "neutral"})
    assert one.votes == {
        "neutral": 6, "happiness": 0, "surprise": 0, "sadness": 1, "anger": 1, "disgust": 2,
        "fear": 0, "contempt": 0,
    }  # fmt: skip
    assert (tie.labels, tie.votes["happiness"]) == ({}, 5)  # half is no majority
    table.write_text(head + "Train,fer0000000.png,4,0,0,1,3,2,0,0,0,0\n")
    with pytest.raises(MienError, match="line 2: usage 'Train' is not one of"):
        LABELS["ferplus"](tmp_path)


def test_ferplus_as_a_table_of_votes_beside_folders(tmp_path, put):
    put(tmp_path / "train" / "0000007.jpg")
    put(tmp_path / "validation" / "0000008.jpg")
    head = "id,split,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
    table = tmp_path / "votes.csv"
    table.write_text(
        head + "0000007,train,0,0,0,0,0,0,4,0,3,3\n"  # the most votes, and no majority
        "0000008,validation,0,0,0,0,0,7,0,0,3,0\n"
    )
    vague, clear = LABELS["ferplus"](tmp_path)
    assert (vague.split, vague.labels, vague.votes["fear"]) == ("train", {}, 4)
    assert (clear.path.name, clear.labels) == ("0000008.jpg", {"expression": "disgust"})
    table.write_text(head + "0000007,test,9,0,0,0,0,0,1,0,0,0\n")
    with pytest.raises(MienError, match="line 2: split 'test' is not one of train, validation"):
        LABELS["ferplus"](tmp_path)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "layout", "count"),
    [
        ("ferplus", "ferplus", 31674),
        ("ck48", "ckplus", 981),
        ("taiwan_expressions", "taiwan", 1039),
    ],
)
def test_the_real_sets_of_expressions(data, tmp_path, name, layout, count):
    archive = data / f"{name}.zip"
    if not archive.is_file():
        pytest.skip(f"{archive} is not there")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    found = LABELS[layout](tmp_path / name.removesuffix("_expressions"))
    assert len(found) == count
    if name == "ferplus":
        judged = [one for one in found if one.split == "validation" and one.labels]
        assert len(judged) == 2854 + 8  # 8 of contempt
    if name == "ck48":
        assert len({one.person for one in found}) == 118
        assert all(one.person for one in found)


def test_affectnet(tmp_path, put):
    put(tmp_path / "Manually_Annotated_Images" / "103" / "a.jpg")
    lists = tmp_path / "Manually_Annotated_file_lists"
    lists.mkdir()
    head = (
        "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
        "expression,valence,arousal\n"
    )
    (lists / "validation.csv").write_text(head + "103/a.jpg,0,0,9,9,1;2,1,0.5,-2\n")
    [one] = LABELS["affectnet"](tmp_path)
    assert one.labels == {"expression": "happiness", "valence": "0.5"}  # -2: not labelled
    (lists / "validation.csv").write_text(head + "103/a.jpg,0,0,9,9,1;2,1,1.5,0\n")
    with pytest.raises(MienError, match=r"valence 1\.5 is outside -1 to 1"):
        LABELS["affectnet"](tmp_path)


def test_taiwanese_expressions(tmp_path, put):
    put(tmp_path / "0301a01.jpg")
    table = tmp_path / "ratings.csv"
    table.write_text("file,person,method,intended\n0301a01.jpg,03,acted,fearful\n")
    [one] = LABELS["taiwan"](tmp_path)
    assert (one.person, one.votes) == ("03", {})
    assert one.labels == {"expression": "fear", "method": "acted"}
    table.write_text("file,person,method,intended\n0301a01.jpg,03,acted,proud\n")
    with pytest.raises(MienError, match="line 2: 'proud' is not one of anger"):
        LABELS["taiwan"](tmp_path)
    table.write_text("file,person,method,intended\n0301a02.jpg,03,acted,sad\n")
    with pytest.raises(MienError, match="1 files that Taiwanese"):
        LABELS["taiwan"](tmp_path)


def test_ckplus_original_and_as_folders(tmp_path, put):
    put(tmp_path / "ck" / "cohn-kanade-images" / "S005" / "001" / "S005_001_00000011.png")
    mark = tmp_path / "ck" / "Emotion" / "S005" / "001" / "S005_001_00000011_emotion.txt"
    mark.parent.mkdir(parents=True)
    mark.write_text("   3.0000000e+00\n")
    [one] = LABELS["ckplus"](tmp_path / "ck")
    assert (one.person, one.labels) == ("S005", {"expression": "disgust"})
    put(tmp_path / "ck48" / "anger" / "S010_004_00000017.png")
    [copy] = LABELS["ckplus"](tmp_path / "ck48")
    assert (copy.person, copy.labels) == ("S010", {"expression": "anger"})
    mark.write_text("9.0\n")
    with pytest.raises(MienError, match="label 9 is outside 0 to 7"):
        LABELS["ckplus"](tmp_path / "ck")


def test_a_picture_that_is_listed_and_not_there_is_told(tmp_path):
    (tmp_path / "fairface_label_val.csv").write_text(
        "file,age,gender,race\nval/1.jpg,3-9,Male,White\n"
    )
    with pytest.raises(MienError, match="1 files that FairFace"):
        LABELS["fairface"](tmp_path)


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    for name, reader in LABELS.items():
        with pytest.raises(
            MienError, match=r"contains nothing|has it; give the folder|cannot be read"
        ):
            reader(tmp_path)
        assert name
