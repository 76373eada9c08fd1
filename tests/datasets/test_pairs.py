"""Small files in the true layout of each data set."""

import pickle

import pytest

from mien.datasets import PAIRS, TEMPLATES, unpacked_bin
from mien.errors import MienError


def told(pairs):
    return [(p.first.person, p.second.person, p.fold) for p in pairs]


def test_lfw(tmp_path, put):
    for name, count in (("Ada_Lovelace", 2), ("Bo_Li", 2), ("Cy", 1)):
        for k in range(1, count + 1):
            put(tmp_path / "lfw" / name / f"{name}_{k:04d}.jpg")
    (tmp_path / "pairs.txt").write_text(
        "2\t1\nAda_Lovelace\t1\t2\nAda_Lovelace\t1\tCy\t1\nBo_Li\t1\t2\nBo_Li\t2\tCy\t1\n"
    )
    pairs = PAIRS["lfw"](tmp_path)
    assert told(pairs) == [
        ("Ada_Lovelace", "Ada_Lovelace", 0), ("Ada_Lovelace", "Cy", 0),
        ("Bo_Li", "Bo_Li", 1), ("Bo_Li", "Cy", 1),
    ]  # fmt: skip
    assert pairs[0].first.pictures[0].path.name == "Ada_Lovelace_0001.jpg"
    (tmp_path / "pairs.txt").write_text("2\t1\nAda_Lovelace\t1\t2\n")
    with pytest.raises(MienError, match="announces 2 x 2 x 1 pairs and contains 1"):
        PAIRS["lfw"](tmp_path)
    (tmp_path / "pairs.txt").write_text("1\nAda_Lovelace\tone\t2\nBo_Li\t1\tCy\t1\n")
    with pytest.raises(MienError, match="line 2: 'one' is not a whole number"):
        PAIRS["lfw"](tmp_path)


@pytest.mark.parametrize("kind", ["FP", "FF"])
def test_cfp(tmp_path, put, kind):
    for person in ("001", "002"):
        for folder, number in (("frontal", "01"), ("frontal", "02"), ("profile", "01")):
            put(tmp_path / "Data" / "Images" / person / folder / f"{number}.jpg")
    protocol = tmp_path / "Protocol"
    protocol.mkdir()
    (protocol / "Pair_list_F.txt").write_text(
        "1 ../Data/Images/001/frontal/01.jpg\n2 ../Data/Images/001/frontal/02.jpg\n"
        "3 ../Data/Images/002/frontal/01.jpg\n"
    )
    (protocol / "Pair_list_P.txt").write_text(
        "1 ../Data/Images/001/profile/01.jpg\n2 ../Data/Images/001/profile/01.jpg\n"
        "3 ../Data/Images/002/profile/01.jpg\n"
    )
    for fold in range(1, 11):
        part = protocol / "Split" / kind / f"{fold:02d}"
        part.mkdir(parents=True)
        (part / "same.txt").write_text("1,2\n" if fold == 1 else "")
        (part / "diff.txt").write_text("1,3\n" if fold == 2 else "")
    assert told(PAIRS[f"cfp-{kind.lower()}"](tmp_path)) == [("001", "001", 0), ("001", "002", 1)]
    (protocol / "Split" / kind / "02" / "diff.txt").write_text("1,9\n")
    with pytest.raises(MienError, match="image 9 is not in its Pair_list"):
        PAIRS[f"cfp-{kind.lower()}"](tmp_path)


@pytest.mark.parametrize("layout", ["calfw", "cplfw"])
def test_calfw_and_cplfw(tmp_path, put, layout):
    for name in ("Ada_0001", "Ada_0002", "Bo_0001", "Bo_0002"):
        put(tmp_path / "aligned images" / f"{name}.jpg")
    path = tmp_path / f"pairs_{layout.upper()}.txt"
    path.write_text(
        "Ada_0001.jpg 1\nAda_0002.jpg 1\nBo_0001.jpg 2\nBo_0002.jpg 2\n"
        "Ada_0001.jpg 0\nBo_0001.jpg 0\nAda_0002.jpg 0\nBo_0002.jpg 0\n"
    )
    found = told(PAIRS[layout](tmp_path))
    assert found[:2] == [("Ada", "Ada", 0), ("Bo", "Bo", 1)]
    assert [p[:2] for p in found[2:]] == [("Ada", "Bo")] * 2
    assert [p[2] for p in found[2:]] == [0, 5]  # the halves of the pairs of two people
    path.write_text("Ada_0001.jpg 0\nAda_0002.jpg 0\n")
    with pytest.raises(MienError, match="do not fit to their marks"):
        PAIRS[layout](tmp_path)
    path.write_text("Ada_0001.jpg 1\n")
    with pytest.raises(MienError, match="two make a pair"):
        PAIRS[layout](tmp_path)


def test_rfw(tmp_path, put):
    for group in ("African", "Asian", "Caucasian", "Indian"):
        for person in ("m.01a", "m.02b"):
            for k in (1, 2):
                put(tmp_path / "test" / "data" / group / person / f"{person}_{k:04d}.jpg")
        folder = tmp_path / "test" / "txts" / group
        folder.mkdir(parents=True)
        (folder / f"{group}_pairs.txt").write_text("m.01a\t1\t2\nm.01a\t1\tm.02b\t2\n")
    pairs = PAIRS["rfw"](tmp_path)
    assert len(pairs) == 8
    assert [p.group for p in pairs[:3]] == ["African", "African", "Asian"]
    assert pairs[1].second.pictures[0].path.name == "m.02b_0002.jpg"


@pytest.mark.parametrize("name", ["ijbb", "ijbc"])
def test_ijb(tmp_path, put, name):
    for k in range(1, 6):
        put(tmp_path / "loose_crop" / f"{k}.jpg")
    meta = tmp_path / "meta"
    meta.mkdir()
    (meta / f"{name}_face_tid_mid.txt").write_text(
        "1.jpg 10 1\n2.jpg 10 2\n3.jpg 11 3\n4.jpg 12 4\n5.jpg 13 5\n"
    )
    labels = meta / f"{name}_template_pair_label.txt"
    labels.write_text("10 11 1\n11 12 1\n10 13 0\n")
    pairs = TEMPLATES["ijb-" + name[-1]](tmp_path)
    assert [p.same for p in pairs] == [True, True, False]
    assert len(pairs[0].first.pictures) == 2
    assert pairs[0].first.person == pairs[1].second.person  # joined through 11
    labels.write_text("10 11 1\n11 12 1\n10 12 0\n")
    with pytest.raises(MienError, match="marked as two people, but"):
        TEMPLATES["ijb-" + name[-1]](tmp_path)
    labels.write_text("10 99 1\n")
    with pytest.raises(MienError, match="must be two templates"):
        TEMPLATES["ijb-" + name[-1]](tmp_path)


def test_bin_without_running_anything_in_it(tmp_path, put):
    picture = put(tmp_path / "x.jpg").read_bytes()
    path, out = tmp_path / "agedb_30.bin", tmp_path / "out"
    out.mkdir()
    path.write_bytes(pickle.dumps(([picture] * 4, [True, False])))
    pairs = unpacked_bin(path, out)
    assert [p.same for p in pairs] == [True, False]
    assert (out / "00003.jpg").read_bytes() == picture
    path.write_bytes(pickle.dumps((print, [True])))
    with pytest.raises(MienError, match=r"asks for builtins\.print"):
        unpacked_bin(path, out)
    path.write_bytes(b"not a pickle")
    with pytest.raises(MienError, match="none of its code was run"):
        unpacked_bin(path, out)
    path.write_bytes(pickle.dumps(([picture] * 3, [True, False])))
    with pytest.raises(MienError, match="3 images for 2 pairs"):
        unpacked_bin(path, out)


def test_another_layout_is_told(tmp_path):
    for layout in PAIRS:
        with pytest.raises(MienError, match="the folder that the data set was unpacked into"):
            PAIRS[layout](tmp_path)
