import pytest

from mien.datasets import MICRO
from mien.datasets.micro import units_of
from mien.errors import MienError

CASME2 = "Subject,Filename,OnsetFrame,ApexFrame,OffsetFrame,Action Units,Estimated Emotion\n"
SAMM = "Subject,Filename,Onset Frame,Apex Frame,Offset Frame,Action Units,Estimated Emotion\n"
CASME3 = "Subject,Filename,Onset,Apex,Offset,AU,Objective class,emotion\n"
LONG = "Subject,Filename,Inducement Code,Onset,Apex,Offset,Duration,Type,Action Units,Notes\n"


def put(root, table, text, *folders):
    (root / table).write_text(text, "utf-8")
    for name in folders:
        (root / name).mkdir(parents=True, exist_ok=True)
    return root


def test_casme2(tmp_path):
    rows = "1,EP02_01f,46,59,86,12,happiness\n1,EP03_02,10,/,40,4+L10,repression\n"
    put(tmp_path, "CASME2-coding-20190701.csv", CASME2 + rows,
        "Cropped/sub01/EP02_01f", "Cropped/sub01/EP03_02")  # fmt: skip
    one, two = MICRO["casme2"](tmp_path)
    assert (one.subject, one.film, one.onset, one.apex, one.offset) == (
        "sub01",
        "EP02_01f",
        46,
        59,
        86,
    )
    assert (one.coarse, two.coarse, two.apex, two.units) == (
        "positive",
        "negative",
        None,
        ("4", "L10"),
    )


def test_samm(tmp_path):
    put(
        tmp_path,
        "SAMM_Micro_FACS_Codes_v2.csv",
        SAMM + "6,006_1_2,5562,5588,5632,13 or R14,Contempt\n",
        "006/006_1_2",
    )
    (one,) = MICRO["samm"](tmp_path)
    assert (one.subject, one.frames.name, one.emotion, one.coarse) == (
        "006",
        "006_1_2",
        "contempt",
        "negative",
    )


def test_smic(tmp_path):
    folder = tmp_path / "s09" / "micro" / "surprise" / "s9_sur_03"
    folder.mkdir(parents=True)
    for number in (90823, 90825):
        (folder / f"image0{number}.jpg").write_bytes(b"x")
    (one,) = MICRO["smic"](tmp_path)
    assert (one.subject, one.onset, one.apex, one.offset) == ("s9", 90823, None, 90825)
    assert one.coarse == "surprise"
    folder.rename(folder.with_name("s9_joy_03"))
    with pytest.raises(MienError, match="s9_sur_03"):
        MICRO["smic"](tmp_path)


def test_casme3_takes_the_apex_for_offset_0_and_leaves_out_onset_0(tmp_path):
    rows = "spNO.1,a,12,15,0,4,I,disgust\nspNO.1,a,0,15,20,4,I,disgust\nspNO.1,b,1,3,9,12,I,happy\n"
    put(tmp_path, "casme3_label.csv", CASME3 + rows, "data/spNO.1/a/color", "data/spNO.1/b/color")
    one, two = MICRO["casme3"](tmp_path)
    assert (one.offset, two.emotion, two.frames.parent.name) == (15, "happiness", "b")


def test_samm_long_joins_the_emotions(tmp_path):
    rows = (
        "6,006_1_2,x,5562,5588,5632,71,Micro - 1/2,4,\n6,006_1_3,x,6000,6100,6900,901,Macro,12,\n"
    )
    put(tmp_path, "SAMM_LongVideos_V3_Release.csv", LONG + rows, "SAMM_longvideos/006_1")
    assert [e.emotion for e in MICRO["samm-long"](tmp_path)] == ["", ""]
    put(tmp_path, "SAMM_Micro_FACS_Codes_v2.csv", SAMM + "6,006_1_2,5562,5588,5632,4,Anger\n")
    one, two = MICRO["samm-long"](tmp_path)
    assert (one.film, one.kind, one.emotion, two.kind, two.emotion) == (
        "006_1",
        "micro",
        "anger",
        "macro",
        "",
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,EP,46,40,86,12,happiness", "line 2: frames 46, 40, 86 are not in order"),
        ("1,EP,4x,50,86,12,happiness", "line 2: '4x' is not a whole number"),
        ("1,EP,0,50,86,12,happiness", "line 2: onset 0 is below 1"),
        ("1,gone,46,50,86,12,happiness", "1 folders that CASME II lists do not exist"),
        ("1,EP,46,50", "line 2 lacks"),
        (",EP,46,50,86,12,happiness", "line 2: '' is not a whole number"),
    ],
)
def test_a_damaged_sheet_names_the_line(tmp_path, row, words):
    put(tmp_path, "CASME2-coding-20190701.csv", CASME2 + row + "\n", "Cropped/sub01/EP")
    with pytest.raises(MienError, match=words):
        MICRO["casme2"](tmp_path)


def test_no_sheet_and_no_clips(tmp_path):
    with pytest.raises(MienError, match="cannot be read"):
        MICRO["casme3"](tmp_path)
    with pytest.raises(MienError, match="no events in the layout of SMIC-HS"):
        MICRO["smic"](tmp_path)


def test_codes_of_units_keep_side_and_intensity():
    assert units_of("4+R12B") == ("4", "R12B")
    assert units_of("AU4 + AU7?") == ("4", "7")
    assert units_of("none") == ()


def test_a_clip_without_a_subject_is_refused(tmp_path):
    row = ",a,12,15,20,4,I,disgust\n"
    put(tmp_path, "casme3_label.csv", CASME3 + row, "data/a/color")
    with pytest.raises(MienError, match="clip 'a' names no subject"):
        MICRO["casme3"](tmp_path)
