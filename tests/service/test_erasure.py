"""Erasure of people from a gallery and from the other files of mien."""

import json
import os

import pytest
from tests.gallery.test_erasing import everything, traces

from mien.albums import edits
from mien.albums.groups import Groups, PhotoFace
from mien.errors import GalleryError, MienError
from mien.gallery import open_gallery
from mien.media.json_log import JsonLog
from mien.service import erase
from mien.service.runs import resumable
from mien.zoo import home

CONTRACT = "toy-16:0f0f"
NAME = "Zoë Quillfeather"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


@pytest.fixture
def gallery(tmp_path, face):
    (tmp_path / "g").mkdir()
    with open_gallery(tmp_path / "g" / "people.mien", CONTRACT, create=True) as gallery:
        gallery.add([face(NAME, 1, "a.jpg"), face("Ben", 2)])
        yield gallery


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def grouped(path, unit, sha):
    """A file of groups: two photos of NAME, one of Ben; both were named."""
    with Groups(path, made_by=(CONTRACT, "toy"), read_only=False) as groups:
        for number, vector in enumerate(unit(3, dimension=16)):
            photo = path.parent / f"{number}.jpg"
            photo.write_bytes(b"\xff\xd8\xff")
            box, points = vector[:4], vector[:10].reshape(5, 2)
            groups.add(sha(str(number)), photo, [PhotoFace(box, points, vector)])
        for number in (1, 2):
            groups.db.execute("INSERT INTO groups (id) VALUES (?)", (number,))
        groups.db.execute("UPDATE faces SET grouped = CASE WHEN id < 3 THEN 1 ELSE 2 END")
        edits.rename(groups, 1, NAME)
        edits.rename(groups, 2, "Ben")
    return path


def test_the_gallery_is_erased_and_what_may_remain_is_listed(gallery):
    done = erase([NAME], gallery)
    assert (done.receipt.templates, done.receipt.complete) == (1, True)
    assert [p.name for p in gallery.people()] == ["Ben"]
    assert (done.runs, done.changed) == (0, ())
    assert "exports and backups of this gallery" in done.remains
    assert any("--also" in each for each in done.remains)


def test_stopped_runs_are_deleted_and_running_ones_are_told(gallery):
    for film in "ab":
        with resumable("identify", film) as place:
            place.write_text("{}")
    with resumable("analyze", "c") as busy:
        busy.mkdir()
        done = erase([NAME], gallery)
        assert busy.exists()
    assert done.runs == 2
    assert [each for each in done.remains if each.startswith(str(busy))]
    assert erase([], gallery).runs == 1
    assert os.listdir(home() / "runs") == []


def test_a_group_of_that_name_is_erased_with_its_faces_and_the_journal(gallery, folder, unit, sha):
    path = grouped(folder / "album.groups", unit, sha)
    secrets = [NAME, *unit(3, dimension=16)[:2]]
    assert all(traces(path.read_bytes(), [secret]) for secret in secrets)
    done = erase([NAME], gallery, also=[path])
    assert done.changed == (f"{path}: 2 faces",)
    assert traces(everything(path), secrets) == []
    with Groups(path, made_by=None, read_only=False) as groups:
        assert groups.all("SELECT id, name FROM groups") == [(2, "Ben")]
        assert len(groups.all("SELECT id FROM faces")) == 1
        assert edits.journal(groups) == []
        assert groups.seen(sha("0"), folder / "0.jpg")  # a later run does not find her again
    assert erase([], gallery, also=[path]).changed == ()


def test_paths_of_photos_that_contain_the_name_are_reported(gallery, tmp_path, unit, sha):
    (tmp_path / NAME).mkdir()
    path = grouped(tmp_path / NAME / "album.groups", unit, sha)
    done = erase([NAME], gallery, also=[path])
    assert done.changed == (f"{path}: 2 faces",)
    assert any("3 paths of photos contain a name" in each for each in done.remains)


def test_rows_that_name_somebody_leave_a_result_file(gallery, folder):
    path = folder / "results.jsonl"
    rows = [
        {"schema": 1, "image": "a.jpg", "faces": [{"decision": {"person": NAME}}]},
        {"schema": 1, "image": "b.jpg", "faces": [{"decision": {"person": "Ben"}}]},
        {"schema": 1, "film": f"{NAME}/c.mp4", "people": []},
    ]
    with JsonLog(path, {"gallery": "g"}) as log:
        for row in rows:
            log.append(row)
    with path.open("rb") as before:  # the bytes on disk, after another file took the name
        done = erase([NAME], gallery, also=[path])
        before.seek(0)
        assert not before.read().strip(b"\0")
    assert done.changed == (f"{path}: 2 rows",)
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [
        {"mien": {"gallery": "g"}},
        rows[1],
    ]
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_folder_is_searched_and_what_cannot_be_changed_is_told(gallery, folder, face, unit, sha):
    grouped(folder / "album.groups", unit, sha)
    (folder / "report.html").write_text(f"<td>{NAME}</td>", "utf-8")
    (folder / "other.json").write_text(json.dumps({"who": NAME}))  # escaped, and not of mien
    (folder / "notes.txt").write_text("nobody", "utf-8")
    (folder / "drawn.png").write_bytes(b"\x89PNG\r\n")
    (folder / "link.html").symlink_to(folder / "report.html")
    with open_gallery(folder / "second.mien", CONTRACT, create=True) as second:
        second.add([face(NAME, 3)])
    done = erase([NAME], gallery, also=[folder])
    assert done.changed == (f"{folder / 'album.groups'}: 2 faces",)
    told = {each.partition(":")[0]: each for each in done.remains}
    named = ("report.html", "other.json", "second.mien")
    assert {str(folder / name) for name in named} <= set(told)
    assert "forget them there" in told[str(folder / "second.mien")]
    assert str(folder / "notes.txt") not in told
    assert any(each.startswith("4 files that are no text") for each in told)  # a drawing, 3 photos
    assert json.loads((folder / "other.json").read_text()) == {"who": NAME}


def test_nothing_is_erased_if_a_name_or_a_path_is_unknown(gallery, folder):
    with pytest.raises(GalleryError, match="nobody called"):
        erase([NAME, "Nobody"], gallery)
    with pytest.raises(MienError, match="does not exist; nothing was erased"):
        erase([NAME], gallery, also=[folder / "missing"])
    assert len(gallery) == 2


def test_a_damaged_file_is_told_and_the_others_are_erased(gallery, folder, unit, sha):
    path = grouped(folder / "a.groups", unit, sha)
    data = bytearray(path.read_bytes())
    data[200:4096] = b"\xff" * 3896
    path.write_bytes(data)
    (folder / "empty.jsonl").write_bytes(b"")
    done = erase([NAME], gallery, also=[folder])
    assert done.receipt.complete
    assert any(each.startswith(f"{path}: ") for each in done.remains)
