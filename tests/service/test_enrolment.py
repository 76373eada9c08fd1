import hashlib
from dataclasses import replace

import numpy as np
import pytest

import mien
import mien.service
from mien.errors import MienError
from mien.gallery import open_gallery
from mien.media import write_image
from mien.service import enroll, items_in


@pytest.fixture
def gallery(tmp_path, toy_pipeline):
    with open_gallery(tmp_path / "g.mien", toy_pipeline.embedder.contract, create=True) as it:
        yield it


@pytest.fixture
def write(tmp_path, portrait):
    """Return write(path, *people): save a portrait below photos/, tell its path."""

    def write(path, *people, **how):
        target = tmp_path / "photos" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(target, portrait(*people, **how))
        return target

    return write


def told(results):
    return [(r.item.person, r.item.path.name, r.outcome, r.reason) for r in results]


def test_a_folder_a_person(tmp_path, write):
    write("Ada/1.png", "Ada")
    write("Ada/deep/2.png", "Ada")
    write("Bob.png", "Bob")
    items = items_in(tmp_path / "photos")
    assert {(item.person, item.path.name) for item in items} == {
        ("Ada", "1.png"),
        ("Ada", "2.png"),
        ("Bob", "Bob.png"),
    }


def test_a_csv_with_unicode_names(tmp_path, write):
    write("a.png", "Ada")
    table = tmp_path / "people.csv"
    table.write_text("person,path\nÅsa Öst/Ålund,photos/a.png\n", encoding="utf-8-sig")
    [item] = items_in(table)
    assert item.person == "Åsa Öst/Ålund"  # a name may hold a path separator: it is only a name


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("name,path\nA,a.png\n", "its first line names name, path"),
        ("person,path\n,a.png\n", "No images to enrol"),
        ("person,path\n", "No images to enrol"),
        ("", "its first line names nothing"),
    ],
)
def test_a_wrong_csv_says_which_line_or_column(tmp_path, text, error):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(MienError, match=error):
        items_in(tmp_path / "x.csv")


@pytest.mark.parametrize(
    "data",
    [
        b"person;path\nAda;a/1.png\n",
        b"person\tpath\nAda\ta/1.png\n",
        b"person, path\nAda, a/1.png\n",
        b"Person,PATH \nAda,a/1.png\n",
        b"person,path\r\nAda,a\\1.png\r\n",
        b"\xef\xbb\xbfperson,path\n\nAda,a/1.png\n,\n",
        "person,path\nAda,a/1.png\n".encode("utf-16"),
        b"note,person,path\nM\xfcller,Ada,a/1.png\n",
        b"sep=;\nPath;Person\na/1.png;Ada\n",
    ],
)
def test_a_csv_is_read_as_spreadsheets_write_it(tmp_path, data):
    (tmp_path / "x.csv").write_bytes(data)
    [item] = items_in(tmp_path / "x.csv")
    assert (item.person, item.path) == ("Ada", tmp_path / "a/1.png")


@pytest.mark.parametrize("suffix", [".tsv", ".txt", ".TAB"])
def test_a_table_may_have_another_suffix(tmp_path, suffix):
    path = tmp_path / f"people{suffix}"
    path.write_text("person\tpath\nAda\ta.png\n")
    assert [item.person for item in items_in(path)] == ["Ada"]


def test_a_path_may_be_an_address_of_a_file(tmp_path):
    (tmp_path / "x.csv").write_text(f"person,path\nAda,{(tmp_path / 'a b.png').as_uri()}\n")
    [item] = items_in(tmp_path / "x.csv")
    assert item.path == tmp_path / "a b.png"


def test_a_name_that_cannot_be_stored_leaves_the_others(tmp_path):
    (tmp_path / "x.csv").write_text("person,path\nA\x07da,a.png\nBob,b.png\nCy,Jr,c.png\n")
    skipped = []
    items = items_in(tmp_path / "x.csv", skipped=skipped.append)
    assert [item.person for item in items] == ["Bob"]
    assert "line 2: left out" in skipped[0]
    assert "U+0007" in skipped[0]
    assert "line 4: it has more cells" in skipped[1]  # the comma of a name without quotation marks


def test_a_line_that_is_left_out_is_a_warning_in_python(tmp_path, monkeypatch):
    monkeypatch.setattr(mien.service, "enroll", lambda *_: [])
    (tmp_path / "x.csv").write_text("person,path\nAda,\nBob,b.png\n")
    with pytest.warns(UserWarning, match="path is empty"):
        mien.enroll(tmp_path / "x.csv", tmp_path / "x.mien")


def test_a_line_that_lacks_a_cell_is_reported_and_the_others_are_enrolled(tmp_path):
    (tmp_path / "x.csv").write_text("person,path\nAda,a.png\n,b.png\nCy,\nDora,d.png\n")
    skipped = []
    items = items_in(tmp_path / "x.csv", skipped=skipped.append)
    assert [item.person for item in items] == ["Ada", "Dora"]
    assert ["line 3: person is empty" in skipped[0], "line 4: path is empty" in skipped[1]] == [
        1,
        1,
    ]


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(MienError, match="No images to enrol"):
        items_in(tmp_path)


def test_every_picture_gets_an_outcome_and_a_reason(tmp_path, toy_pipeline, gallery, write):
    write("Ada/1.png", "Ada")
    write("Ada/2-both.png", "Ada", "Bob")
    write("Ada/3-nobody.png")
    (tmp_path / "photos/Ada/4-text.jpg").write_text("not a picture")
    (tmp_path / "photos/Ada/5-empty.jpg").write_bytes(b"")
    write("Ada/6-small.png", "Ada", side=12)
    results = told(enroll(items_in(tmp_path / "photos"), toy_pipeline, gallery))
    assert [(name, outcome, reason) for _, name, outcome, reason in results] == [
        ("1.png", "enrolled", None),
        ("2-both.png", "refused", "several-faces"),
        ("3-nobody.png", "refused", "no-face-none"),
        ("4-text.jpg", "refused", "unreadable"),
        ("5-empty.jpg", "refused", "unreadable"),
        ("6-small.png", "refused", "too-small"),
    ]
    assert len(gallery) == 1


def test_a_second_run_does_nothing_again(tmp_path, toy_pipeline, gallery, write):
    write("Ada/1.png", "Ada")
    write("Ada/2.png")
    items = items_in(tmp_path / "photos")
    list(enroll(items, toy_pipeline, gallery))
    again = told(enroll(items, toy_pipeline, gallery))
    assert [row[2:] for row in again] == [("already", None), ("refused", "no-face-none")]
    assert len(gallery) == 1


def test_the_same_picture_twice_in_a_folder_is_one_template(tmp_path, toy_pipeline, gallery, write):
    first = write("Ada/1.png", "Ada")
    (first.parent / "copy.png").write_bytes(first.read_bytes())
    results = told(enroll(items_in(tmp_path / "photos"), toy_pipeline, gallery))
    assert [row[2] for row in results] == ["enrolled", "already"]


def test_a_picture_that_looks_like_somebody_else_is_refused_by_name(
    tmp_path, toy_pipeline, gallery, write
):
    write("Ada/1.png", "Ada")
    write("Bob/1.png", "Bob")
    wrong = write("Cyd/ada.png", "Ada", side=61)
    items = items_in(tmp_path / "photos")
    refused = [r for r in enroll(items, toy_pipeline, gallery) if r.outcome == "refused"]
    assert [r.item.path for r in refused] == [wrong]
    assert refused[0].reason == "conflict"
    assert "similar to 'Ada'" in refused[0].detail
    assert {person.name for person in gallery.people() if person.templates} == {"Ada", "Bob"}
    results = enroll(items, toy_pipeline, gallery, allow_conflicts=True, retry=True)
    assert sum(r.outcome == "enrolled" for r in results) == 1


def test_a_stopped_run_keeps_what_it_told(tmp_path, toy_pipeline, gallery, write):
    for number in range(5):
        write(f"Ada/{number}.png", "Ada", side=50 + number)
    run = enroll(items_in(tmp_path / "photos"), toy_pipeline, gallery)
    done = [next(run).template for _ in range(3)]
    run.close()  # Ctrl-C
    assert [t.id for t in gallery.templates("Ada")] == done
    rest = told(enroll(items_in(tmp_path / "photos"), toy_pipeline, gallery))
    assert [row[2] for row in rest] == ["already"] * 3 + ["enrolled"] * 2


def test_a_template_remembers_its_picture(tmp_path, toy_pipeline, gallery, write):
    path = write("Ada/1.png", "Ada")
    list(enroll(items_in(tmp_path / "photos"), toy_pipeline, gallery))
    [stored] = gallery.templates("Ada")
    assert stored.source == str(path)
    assert stored.source_digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert np.allclose(stored.box, [20, 20, 80, 80])
    assert stored.quality


def test_a_file_that_vanished_is_told_and_the_rest_goes_on(tmp_path, toy_pipeline, gallery, write):
    gone = write("Ada/1.png", "Ada")
    write("Ada/2.png", "Ada", side=59)
    items = items_in(tmp_path / "photos")
    gone.unlink()
    results = told(enroll(items, toy_pipeline, gallery))
    assert [row[2:] for row in results] == [("refused", "unreadable"), ("enrolled", None)]


def test_a_name_that_looks_like_a_known_one_is_a_conflict(tmp_path, write, gallery, toy_pipeline):
    write("Ada/1.png", "Ada")
    write("\uff21da/2.png", "Bob")  # a full-width A, and another face
    items = items_in(tmp_path / "photos")
    assert told(enroll(items, toy_pipeline, gallery)) == [
        ("Ada", "1.png", "enrolled", None),
        ("\uff21da", "2.png", "refused", "conflict"),
    ]
    [again] = list(enroll(items[1:], toy_pipeline, gallery, retry=True))
    assert (again.reason, "invisible characters" in again.detail) == ("conflict", True)
    [allowed] = list(enroll(items[1:], toy_pipeline, gallery, retry=True, allow_conflicts=True))
    assert allowed.outcome == "enrolled"


def test_several_workers_give_the_results_of_one(tmp_path, toy_pipeline, write):
    for number in range(4):
        write(f"Ada/{number}.png", "Ada", side=50 + number)
        write(f"Bob/{number}.png", "Bob", side=50)  # the same bytes, under way at the same time
    items = items_in(tmp_path / "photos")
    results = []
    for name, workers in (("one.mien", 1), ("three.mien", 3)):
        pipeline = replace(toy_pipeline, workers=workers)
        contract = toy_pipeline.embedder.contract
        with open_gallery(tmp_path / name, contract, create=True) as gallery:
            results.append(told(enroll(items, pipeline, gallery)))
            assert len(gallery) == 5
    assert results[0] == results[1]
    assert [outcome for _, _, outcome, _ in results[1]].count("already") == 3
