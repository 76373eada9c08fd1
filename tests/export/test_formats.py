"""Tables, crops, folders, boxes, timelines and tiers, read back by the programs' own rules."""

import csv
import json
import os
from xml.etree import ElementTree as Xml

import pytest
from tests.export.conftest import face

from mien.errors import MienError
from mien.export import FORMATS, Wish, export, read_answers
from mien.export.saved import Folders, folder_name
from mien.export.timelines import timecode
from mien.media import read_image
from mien.media.json_log import json_line

FILMS = [("Ada", "Ada", 0.0, 2.0), ("unknown-1", None, 1.0, 3.0), ("Ada", "Ada", 2.5, 4.0)]


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_a_row_per_face_and_a_person_for_matches_only(photo, tmp_path):
    faces = [face(10, 10, "match"), face(60, 10, "review", "=Bob()"), face(110, 10, "unknown")]
    [done] = export([photo("=pic.jpg", faces)], [Wish.of(f"csv={tmp_path / 'out.csv'}")])
    rows = rows_of(tmp_path / "out.csv")
    assert done.count == len(rows) == 3
    assert [row["person"] for row in rows] == ["Ada", "", ""]
    assert [row["candidate"] for row in rows] == ["Ada", "'=Bob()", ""]
    assert [row["outcome"] for row in rows] == ["match", "review", "unknown"]
    assert (rows[0]["left"], rows[0]["similarity"], rows[0]["threshold"]) == ("10.0", "0.95", "0.9")


def test_csv_of_a_film_has_a_row_per_appearance(film_answer, tmp_path):
    export([film_answer(FILMS)], [Wish.of(f"csv={tmp_path / 'out.csv'}")])
    rows = rows_of(tmp_path / "out.csv")
    assert [(r["face"], r["person"], r["start_s"]) for r in rows] == [
        ("Ada", "Ada", "0.0"), ("unknown-1", "", "1.0"), ("Ada", "Ada", "2.5"),
    ]  # fmt: skip


def test_crops_lie_by_person_and_are_not_doubled(photo, tmp_path):
    rows = [
        photo("a/pic.jpg", [face(10, 10, "match"), face(60, 10, "review", "Bob")], 6),
        photo("b/pic.jpg", [face(20, 10, "match"), face(110, 10, "unknown")]),
    ]
    for _ in range(2):
        export(rows, [Wish.of(f"crops={tmp_path / 'out'}")])
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.jpg"))
    assert found == ["Ada/pic-1-2.jpg", "Ada/pic-1.jpg", "_review/pic-2.jpg", "_unknown/pic-2.jpg"]
    chip = read_image(tmp_path / "out/Ada/pic-1.jpg")
    assert chip.shape == (224, 224, 3)
    assert abs(int(chip[112, 112, 0]) - 90) < 8  # the grey of the first face, turned upright


def test_a_face_without_points_is_told(photo, tmp_path):
    row = photo("pic.jpg", [face(10, 10, "match")])
    row["faces"][0]["points"][0] = [None, None]
    [done] = export([row], [Wish.of(f"crops={tmp_path / 'out'}")])
    assert done.count == 0
    assert "no five points" in done.ledger.failed[0]


@pytest.mark.parametrize("format", ["copies", "links"])
def test_photos_are_in_the_folder_of_each_match(photo, tmp_path, format):
    rows = [
        photo("a/pic.jpg", [face(10, 10, "match"), face(60, 10, "match", "Bob/Eve")]),
        photo("b/pic.jpg", [face(20, 10, "match")]),
        photo("c/pic.jpg", [face(20, 10, "review")]),
    ]
    for _ in range(2):
        [done] = export(rows, [Wish.of(f"{format}={tmp_path / 'out'}")])
    assert (done.count, done.ledger.failed) == (3, [])
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.jpg"))
    assert found == ["Ada/pic-2.jpg", "Ada/pic.jpg", "Bob_Eve/pic.jpg"]
    assert (tmp_path / "out/Ada/pic.jpg").read_bytes() == (tmp_path / "a/pic.jpg").read_bytes()
    assert os.path.islink(tmp_path / "out/Ada/pic.jpg") == (format == "links")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Ada", "Ada"), ("a/b\\c:d", "a_b_c_d"), ("..", "-"), ("con", "-con"), ("CON.x", "-CON.x"),
        ("_review", "-_review"), (".hidden", "-.hidden"), ("end. ", "end"), ("Zoë 李", "Zoë 李"),
    ],
)  # fmt: skip
def test_folders_are_named_so_that_every_system_has_them(name, folder):
    assert folder_name(name) == folder
    assert len(folder_name("李" * 200).encode()) <= 200


def test_two_people_never_share_a_folder(tmp_path):
    folders = Folders(tmp_path)
    found = [folders(name).name for name in ("a/b", "a:b", "A_B", "a/b")]
    assert found == ["a_b", "a_b (2)", "A_B (3)", "a_b"]


def test_coco_boxes_lie_inside_the_image(photo, tmp_path):
    row = photo("pic.jpg", [face(10, 10, "match"), face(110, 10, "unknown")])
    row["faces"][1]["box"] = [110.0, -5.0, 170.0, 50.0]
    row["faces"][1]["points"] = None
    export([row], [Wish.of(f"coco={tmp_path / 'c.json'}")])
    data = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert [(i["width"], i["height"]) for i in data["images"]] == [(160, 90)]
    first, second = data["annotations"]
    assert (first["bbox"], first["num_keypoints"], first["attributes"]["person"]) == (
        [10.0, 10.0, 40.0, 40.0], 5, "Ada",
    )  # fmt: skip
    assert first["keypoints"][:3] == [22.0, 22.0, 2]
    assert (second["bbox"], second["keypoints"]) == ([110.0, 0.0, 50.0, 50.0], [0] * 15)
    assert second["attributes"] == {"person": None, "outcome": "unknown"}
    assert len({one["id"] for one in data["annotations"]}) == 2
    assert {one["image_id"] for one in data["annotations"]} == {data["images"][0]["id"]}


def test_cvat_holds_image_boxes_and_attributes(photo, tmp_path):
    rows = [photo("ü&.jpg", [face(10, 10, "match"), face(60, 10, "review", "Bob")])]
    [done] = export(rows, [Wish.of(f"cvat={tmp_path / 'v.xml'}")])
    root = Xml.parse(tmp_path / "v.xml").getroot()
    image = root.find("image")
    assert (root.findtext("version"), done.count) == ("1.1", 2)
    assert image.get("name").endswith("ü&.jpg")
    assert [box.get("xtl") for box in image] == ["10.0", "60.0"]
    assert [[one.text or "" for one in box] for box in image] == [["Ada", "match"], ["", "review"]]


def test_edl_numbers_events_and_adds_up_their_times(film_answer, tmp_path):
    [done] = export([film_answer(FILMS)], [Wish.of(f"edl={tmp_path / 'out'}")], rate=25)
    lines = (tmp_path / "out/a film.edl").read_text("utf-8").splitlines()
    assert done.count == 1
    assert lines[:2] == ["TITLE: a film.mkv", "FCM: NON-DROP FRAME"]
    events = [line for line in lines if line[:3].isdigit()]
    assert events == [
        "001  AX       V     C        00:00:00:00 00:00:02:00 00:00:00:00 00:00:02:00",
        "002  AX       V     C        00:00:01:00 00:00:03:00 00:00:02:00 00:00:04:00",
        "003  AX       V     C        00:00:02:12 00:00:04:00 00:00:04:00 00:00:05:13",
    ]
    assert lines.count("* COMMENT: Ada") == 2


def test_edl_of_a_thousand_events_goes_on_in_a_second_file(film_answer, tmp_path):
    spans = [("Ada", "Ada", float(k), k + 0.5) for k in range(1000)]
    [done] = export([film_answer(spans, 1000.0)], [Wish.of(f"edl={tmp_path}")], rate=30)
    assert done.count == 2
    assert "001  AX" in (tmp_path / "a film-2.edl").read_text("utf-8")
    assert "999  AX" in (tmp_path / "a film.edl").read_text("utf-8")


@pytest.mark.parametrize(
    ("frame", "rate", "code"),
    [(0, 25, "00:00:00:00"), (90_000, 25, "01:00:00:00"), (30, 29.97, "00:00:01:00"),
     (25, 23.976, "00:00:01:01")],
)  # fmt: skip
def test_timecode_counts_frames(frame, rate, code):
    assert timecode(frame, rate) == code


def test_the_rate_comes_from_the_film(film_answer, film, scene, tmp_path):
    path = film([scene({})] * 10, rate=20)
    export([film_answer([("Ada", "Ada", 0.0, 0.5)], 0.5, path)], [Wish.of(f"edl={tmp_path}")])
    assert "00:00:00:10" in (tmp_path / "film.edl").read_text("utf-8")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_rates_are_refused(film_answer, tmp_path, rate):
    with pytest.raises(MienError, match="frame rate of"):
        export([film_answer(FILMS)], [Wish.of(f"otio={tmp_path}")], rate=rate)


def test_opentimelineio_reads_the_timeline(film_answer, tmp_path):
    otio = pytest.importorskip("opentimelineio")
    export([film_answer(FILMS)], [Wish.of(f"otio={tmp_path}")], rate=25)
    timeline = otio.adapters.read_from_file(str(tmp_path / "a film.otio"))
    assert [track.name for track in timeline.tracks] == ["Ada", "unknown-1"]
    clips = list(timeline.tracks[0].find_clips())
    spans = [clip.range_in_parent() for clip in clips]
    assert [(s.start_time.value, s.duration.value) for s in spans] == [(0, 50), (62, 38)]
    assert [clip.source_range.start_time.value for clip in clips] == [0, 62]
    assert clips[0].media_reference.available_range.duration.value == 100
    assert clips[0].metadata["mien"]["person"] == "Ada"


def test_elan_tiers_refer_to_times_in_milliseconds(film_answer, tmp_path):
    export([film_answer(FILMS)], [Wish.of(f"eaf={tmp_path}")])
    root = Xml.parse(tmp_path / "a film.eaf").getroot()
    slots = {s.get("TIME_SLOT_ID"): int(s.get("TIME_VALUE")) for s in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    tiers = {
        tier.get("TIER_ID"): [
            (slots[one.get("TIME_SLOT_REF1")], slots[one.get("TIME_SLOT_REF2")])
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in root.iter("TIER")
    }
    assert tiers == {"Ada": [(0, 2000), (2500, 4000)], "unknown-1": [(1000, 3000)]}
    types = {one.get("LINGUISTIC_TYPE_ID") for one in root.iter("LINGUISTIC_TYPE")}
    assert {tier.get("LINGUISTIC_TYPE_REF") for tier in root.iter("TIER")} <= types
    ids = [one.get("ANNOTATION_ID") for one in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(ids)) == len(ids) == 3


def test_textgrid_tiers_have_no_holes(film_answer, tmp_path):
    spans = [('A "quoted" name', None, 0.0, 2.0), ("Bob", "Bob", 1.0, 3.0)]
    export([film_answer(spans)], [Wish.of(f"textgrid={tmp_path}")])
    text = (tmp_path / "a film.TextGrid").read_text("utf-8")
    assert 'name = "A ""quoted"" name"' in text
    numbers = [line.split("= ")[1] for line in text.splitlines() if "xm" in line]
    first = numbers[2:]  # after those of the file: tier, then its intervals
    assert first[:6] == ["0", "4.000", "0.000", "2.000", "2.000", "4.000"]
    assert first[6:] == ["0", "4.000", "0.000", "1.000", "1.000", "3.000", "3.000", "4.000"]
    assert "intervals: size = 3" in text


def test_events_of_watch_become_tiers(tmp_path):
    rows = [
        {"seq": 1, "kind": "start", "source": "door.mp4", "time": 0.0},
        {"seq": 2, "kind": "enter", "person": "unknown-1", "time": 1.0, "decision": None},
        {"seq": 3, "kind": "name", "person": "Ada", "was": "unknown-1", "time": 2.0},
        {"seq": 4, "kind": "exit", "person": "Ada", "time": 5.0},
        {"seq": 5, "kind": "enter", "person": "Bob", "time": 6.0, "decision": None},
        {"seq": 6, "kind": "end", "reason": "interrupted", "time": 8.0},
        {"row": "event", "track": 3, "person": None, "kind": "blink", "side": "both",
         "onset": 1.5, "offset": 1.7},
        {"row": "event", "track": 3, "person": None, "kind": "AU12", "side": "left",
         "onset": 2.0, "offset": 3.0},
    ]  # fmt: skip
    [done] = export(rows, [Wish.of(f"eaf={tmp_path}")])
    root = Xml.parse(tmp_path / "door.eaf").getroot()
    names = [tier.get("TIER_ID") for tier in root.iter("TIER")]
    assert (done.count, names) == (1, ["Ada", "track-3 blink", "track-3 AU12 left", "Bob"])


def test_facial_events_of_analyze_become_tiers(tmp_path):
    table = tmp_path / "t.events.csv"
    table.write_text(
        "input,who,kind,side,onset,apex,offset,peak,begun,ended\n"
        "a/one.mp4,Ada,blink,both,1.0,1.1,1.2,1,True,True\n"
        "a/one.mp4,Ada,AU12,left,1.0,1.5,2.0,3,True,False\n"
        "b/two.mp4,track-0,blink,both,0.5,0.6,0.7,1,True,True\n", "utf-8")  # fmt: skip
    [done] = export(read_answers(table), [Wish.of(f"textgrid={tmp_path}")])
    assert done.count == 2
    one = (tmp_path / "one.TextGrid").read_text("utf-8")
    assert 'name = "Ada blink"' in one
    assert 'name = "Ada AU12 left"' in one
    assert 'name = "track-0 blink"' in (tmp_path / "two.TextGrid").read_text("utf-8")
    table.write_text("input,who,kind,side,onset,offset\na,b,c,d,x,1\n", "utf-8")
    with pytest.raises(MienError, match="line 2: onset and offset are no times"):
        list(read_answers(table))
    table.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(MienError, match="lacks the columns input, who, kind"):
        list(read_answers(table))


def test_two_films_of_one_name_get_two_files(film_answer, tmp_path):
    rows = [film_answer(FILMS, film=tmp_path / one / "a.mkv") for one in ("x", "y")]
    [done] = export(rows, [Wish.of(f"eaf={tmp_path}")])
    assert done.count == 2
    assert {p.name for p in tmp_path.glob("*.eaf")} == {"a.eaf", "a (2).eaf"}


@pytest.mark.parametrize("format", ["edl", "otio", "eaf", "textgrid"])
def test_an_answer_without_films_is_refused(photo, tmp_path, format):
    with pytest.raises(MienError, match="nothing is exported"):
        export([photo("a.jpg", [])], [Wish.of(f"{format}={tmp_path}")])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("docx=a", "no export format 'docx'; expected one of csv"),
        ("csv", "needs a file"), ("crops=", "needs a folder"), ("xmp-embedded=x", "has no place"),
        ("csv=.", "'.' is a folder"), (f"crops={__file__}", "is a file"), ("", "no export format"),
    ],
)  # fmt: skip
def test_wrong_wishes_name_the_right_ones(text, says):
    with pytest.raises(MienError, match=says.replace("'.'", r"'\.'")):
        Wish.of(text)


def test_every_format_has_a_writer(photo, film_answer, tmp_path):
    rows = [photo("a.jpg", [face(10, 10, "match")]), film_answer(FILMS)]
    for name, (_, where) in FORMATS.items():
        place = "" if where == "nothing" else f"={tmp_path / name}"
        [done] = export(rows, [Wish.of(name + place)], rate=25)
        assert done.count >= 1, name


def test_a_saved_answer_gives_the_rows_of_the_run(photo, tmp_path):
    row = photo("a.jpg", [face(10, 10, "match")])
    path = tmp_path / "saved.jsonl"
    path.write_bytes(json_line({"mien": {"gallery": "g"}}) + json_line(row) + b"\n")
    assert list(read_answers(path)) == [row]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"nothing\n", "line 1 is not JSON"), (b"[1]\n", "not an answer"),
        (b"{}\n", "not an answer"),
        (b'{"schema":1,"image":"a"}\n', "version 1 of the answer, expected 2"),
        (b"\xff\xfe\n", "not UTF-8"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, text, says):
    (tmp_path / "x").write_bytes(text)
    with pytest.raises(MienError, match=says):
        list(read_answers(tmp_path / "x"))


def test_a_file_that_is_missing_is_told(tmp_path):
    with pytest.raises(MienError, match="cannot be read"):
        list(read_answers(tmp_path / "none"))
