"""Faces with ages: small files in the true layouts."""

from datetime import date

import numpy as np
import pytest
from scipy.io import savemat

from mien.datasets import LABELS
from mien.errors import MienError


@pytest.mark.parametrize(
    ("layout", "name", "person", "labels"),
    [
        ("agedb", "123_MariaCallas_35_f.jpg", "MariaCallas", {"age": "35", "gender": "female"}),
        ("cacd", "53_Robin_Williams_0001.jpg", "Robin_Williams", {"age": "53"}),
        ("fgnet", "001A02.JPG", "001", {"age": "2"}),
        ("fgnet", "078A11b.JPG", "078", {"age": "11"}),
        ("morph", "009055_1M54.JPG", "009055", {"age": "54", "gender": "male"}),
        ("morph", "013240_04F22.JPG", "013240", {"age": "22", "gender": "female"}),
    ],
)
def test_names_tell_who_and_how_old(tmp_path, put, layout, name, person, labels):
    put(tmp_path / name)
    [one] = LABELS[layout](tmp_path)
    assert (one.person, one.labels) == (person, labels)
    put(tmp_path / "portrait.jpg")
    with pytest.raises(MienError, match=r"portrait\.jpg does not follow"):
        LABELS[layout](tmp_path)


def test_appa_real_prefers_the_cut_face(tmp_path, put):
    put(tmp_path / "train" / "000000.jpg")
    put(tmp_path / "train" / "000000.jpg_face.jpg")
    put(tmp_path / "valid" / "000001.jpg")
    head = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n"
    (tmp_path / "gt_avg_train.csv").write_text(head + "000000.jpg,38,25.2,4.1,27\n")
    (tmp_path / "gt_avg_valid.csv").write_text(head + "000001.jpg,38,61.0,4.1,58\n")
    one, two = LABELS["appa-real"](tmp_path)
    assert (one.path.name, one.split) == ("000000.jpg_face.jpg", "train")
    assert one.labels == {"age": "27", "apparent-age": "25.2"}
    assert (two.path.name, two.labels["age"]) == ("000001.jpg", "58")


def matlab(year, month, day):
    return date(year, month, day).toordinal() + 366.0


def test_imdb_wiki(tmp_path, put):
    for name in ("nm01.jpg", "nm02.jpg", "nm03.jpg", "nm04.jpg", "nm05.jpg", "nm06.jpg"):
        put(tmp_path / "01" / name)
    nan = np.nan
    rows = [  # born, photo, gender, face, second face: why it is out
        (matlab(1980, 6, 30), 2010, 1.0, 3.5, nan),  # had a birthday before July: 30
        (matlab(1980, 7, 2), 2010, 0.0, 3.5, nan),  # has none until after: 29
        (matlab(1980, 7, 2), 2010, nan, 3.5, nan),  # sex unknown
        (matlab(1980, 1, 1), 2010, 1.0, -np.inf, nan),  # no face
        (matlab(1980, 1, 1), 2010, 1.0, 3.5, 2.0),  # a second face
        (matlab(1880, 1, 1), 2010, 1.0, 3.5, nan),  # 130 years old
    ]
    columns = ("dob", "photo_taken", "gender", "face_score", "second_face_score")
    table = {key: np.array([r[k] for r in rows]) for k, key in enumerate(columns)}
    table["full_path"] = np.array([f"01/nm0{k}.jpg" for k in range(1, 7)], object)
    table["name"] = np.array(["A", "B", "C", "D", "E", "F"], object)
    savemat(tmp_path / "imdb.mat", {"imdb": table})
    found = LABELS["imdb-wiki"](tmp_path)
    assert [one.labels for one in found] == [
        {"age": "30", "gender": "male"}, {"age": "29", "gender": "female"}, {"age": "29"},
    ]  # fmt: skip
    assert [one.person for one in found] == ["A", "B", "C"]
    (tmp_path / "imdb.mat").write_bytes(b"MATLAB, cut off")
    with pytest.raises(MienError, match="not the table of IMDB-WIKI"):
        LABELS["imdb-wiki"](tmp_path)
