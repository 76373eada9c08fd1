import hashlib
import multiprocessing
import os
import signal
import sqlite3

import numpy as np
import pytest

from mien.albums import edits
from mien.albums.groups import Groups, PhotoFace, keep_ids
from mien.decision import Calibration, Evidence, Point
from mien.errors import GalleryError
from mien.gallery import open_gallery

MADE_BY = ("toy/1/2", "eye")


CALIBRATION = Calibration(
    "toy", "toy/1/2", "eye", "nobody", 10, 10, 10**7,
    (Point(0.1, 0.3, 0.2, 0.4), Point(1e-6, 0.95, 0.9, 0.96)),
    (Evidence(1.0, -3.0), Evidence(6.0, 8.0)), 20.0, -10.0, None, "none",
)  # fmt: skip


def face(degrees, reason=None):
    vector = np.float32([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    return PhotoFace(np.float32([1, 2, 3, 4]), np.zeros((5, 2), np.float32), vector, reason)


def digest_of(name):
    return hashlib.sha256(name.encode()).hexdigest()


class Album:
    """A folder of made-up photos, and the file of its groups."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "groups.mien"
        self.open()

    def open(self):
        self.groups = Groups(self.file, made_by=MADE_BY, read_only=False)

    def photo(self, name, *degrees, reason=None):
        path = self.folder / f"{name}.jpg"
        path.write_text(name)
        self.groups.add(digest_of(name), path, [face(d) for d in degrees], reason)
        return path

    def run(self):
        return self.groups.regroup(CALIBRATION)

    def now(self):
        """Face number -> group number."""
        return {m.id: m.group for m in self.groups.members()}

    def named(self):
        return {m.id: g.name for g in self.groups.groups() for m in g.faces}


@pytest.fixture
def album(tmp_path):
    album = Album(tmp_path)
    yield album
    album.groups.close()


@pytest.fixture
def family(album):
    """Faces 1, 2, 3 look alike, so do 4, 5; 6 stands between nobody."""
    for number, degrees in enumerate([0, 1, 2, 90, 91, 180], 1):
        album.photo(f"p{number}", degrees)
    album.run()
    return album


def test_faces_of_one_person_are_one_group(family):
    assert family.now() == {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3}
    assert [len(group.faces) for group in family.groups.groups()] == [3, 2, 1]


def test_a_run_that_finds_nothing_new_changes_nothing(family):
    edits.rename(family.groups, 1, "Ada")
    before, lines = family.now(), len(edits.journal(family.groups))
    change = family.run()
    assert (change.added, change.moved, change.renamed) == (0, 0, 0)
    assert family.now() == before
    assert len(edits.journal(family.groups)) == lines


def test_two_faces_of_one_photo_are_two_people(album):
    album.photo("twins", 0, 1)
    album.photo("single", 0)
    album.run()
    groups = album.now()
    assert groups[1] != groups[2]
    assert groups[3] == groups[1]


def test_unless_somebody_says_otherwise(album):
    album.photo("mirror", 0, 1)
    album.run()
    edits.put(album.groups, [2], album.now()[1])
    album.run()
    assert len(set(album.now().values())) == 1


def test_new_photos_join_old_groups_and_numbers_stay(family):
    edits.rename(family.groups, 2, "Bob")
    family.photo("more", 90.5)
    family.photo("else", 270)
    change = family.run()
    assert change.renamed == 0
    assert family.now() == {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 2, 8: 4}
    assert family.named()[7] == "Bob"


def test_a_photo_that_is_gone_is_left_out_and_known_when_it_returns(family):
    edits.rename(family.groups, 2, "Bob")
    paths = sorted(family.folder.glob("*.jpg"))
    family.groups.only(paths[:3])
    family.run()
    assert set(family.now()) == {1, 2, 3}
    assert all(family.groups.known(path) for path in paths)
    family.run()
    assert family.named()[4] == "Bob"
    assert family.now() == {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3}


def test_copies_of_a_photo_are_one(family):
    copy = family.folder / "copy.jpg"
    copy.write_text("p1")
    assert family.groups.seen(digest_of("p1"), copy)
    [first, *_] = family.groups.members()
    assert [path.rsplit("/", 1)[1] for path in first.paths] == ["copy.jpg", "p1.jpg"]
    assert len(family.groups.members()) == 6


def test_a_changed_file_is_looked_at_again(family):
    path = family.folder / "p1.jpg"
    assert family.groups.known(path)
    path.write_text("something else")
    assert not family.groups.known(path)


def test_photos_without_faces_are_told_with_the_reason(album):
    album.photo("wall", reason="none")
    assert album.groups.faceless() == [(str(album.folder / "wall.jpg"), "none")]
    change = album.run()
    assert (change.faces, change.groups) == (0, 0)


def test_faces_that_are_too_small_are_kept_and_not_grouped(album):
    path = album.folder / "far.jpg"
    path.write_text("far")
    album.groups.add("0" * 64, path, [face(0, "too-small"), face(0)])
    album.run()
    assert [m.group for m in album.groups.members()] == [None, 1]


def test_a_merge_holds_although_the_faces_differ(family):
    edits.rename(family.groups, 1, "Ada")
    edits.merge(family.groups, 3, 1)
    assert family.now() == {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 1}
    assert family.run().moved == 0
    assert family.named()[6] == "Ada"


def test_the_name_of_the_group_that_has_one_is_kept(family):
    edits.rename(family.groups, 3, "Eve")
    edits.merge(family.groups, 3, 2)
    assert family.named()[4] == "Eve"


def test_a_split_holds_although_the_faces_are_alike(family):
    new = edits.split(family.groups, 1, [2])
    family.photo("more", 0.4)
    assert family.run().moved == 0
    groups = family.now()
    assert groups[2] == new
    assert groups[1] == groups[3] == 1
    assert groups[7] in (1, new)


def test_not_this_person_holds_and_the_face_may_go_elsewhere(family):
    edits.exclude(family.groups, 1, [3])
    family.photo("like 3", 2)  # nobody said anything about this one
    family.run()
    groups = family.now()
    assert groups[3] not in (1, None)
    assert groups[1] == groups[2] == 1


def test_what_was_put_into_a_group_stays(family):
    edits.put(family.groups, [6], 2)
    family.run()
    assert family.now()[6] == 2
    assert [group.id for group in family.groups.groups()] == [1, 2]  # 3 is empty, so gone


def test_numbers_of_groups_that_are_gone_are_never_used_again(family):
    edits.merge(family.groups, 3, 1)
    family.photo("new", 270)
    family.run()
    assert family.now()[7] == 4


@pytest.mark.parametrize(
    "edit",
    [
        lambda g: edits.rename(g, 1, "Ada"),
        lambda g: edits.merge(g, 2, 1),
        lambda g: edits.split(g, 1, [1, 3]),
        lambda g: edits.exclude(g, 1, [2]),
        lambda g: edits.put(g, [6], 1),
    ],
)
def test_undo_takes_back_each_edit(family, edit):
    edits.rename(family.groups, 2, "Bob")
    state = "SELECT id, grouped, told FROM faces", "SELECT * FROM groups", "SELECT * FROM nots"
    before = [family.groups.all(query) for query in state]
    edit(family.groups)
    assert [family.groups.all(query) for query in state] != before
    edits.undo(family.groups)
    assert [family.groups.all(query) for query in state] == before
    assert family.run().moved == 0


def test_undo_goes_back_one_edit_at_a_time_and_then_says_so(family):
    edits.rename(family.groups, 1, "Ada")
    edits.merge(family.groups, 3, 1)
    family.run()
    assert edits.undo(family.groups) == "merged group 3 into 1"
    assert edits.undo(family.groups) == "named group 1 'Ada'"
    with pytest.raises(GalleryError, match="no edit to undo"):
        edits.undo(family.groups)
    told = [(line.edit.split(":")[0], line.undone) for line in edits.journal(family.groups)]
    assert told == [
        ("run", False),
        ("named group 1 'Ada'", True),
        ("merged group 3 into 1", True),
        ("undid 3", False),
        ("undid 2", False),
    ]


def test_undoing_a_split_after_a_run_loses_no_face(family):
    new = edits.split(family.groups, 1, [2])
    family.photo("like 2", 1)
    family.photo("and 2", 1.1)
    family.run()
    edits.undo(family.groups)
    family.run()
    groups = family.now()
    assert groups[2] == 1
    assert new not in groups.values()
    assert None not in groups.values()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda g: edits.exclude(g, 1, [3]), lambda g: edits.put(g, [3], 1)),
        (lambda g: edits.exclude(g, 1, [3]), lambda g: edits.merge(g, 4, 1)),
        (lambda g: edits.exclude(g, 1, [3]), lambda g: edits.merge(g, 1, 4)),
    ],
)
def test_an_edit_that_contradicts_another_is_refused(family, first, second):
    first(family.groups)
    before = family.now()
    with pytest.raises(GalleryError, match="Face 3 is excluded from group 1"):
        second(family.groups)
    assert family.now() == before


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda g: edits.find(g, "Nobody"), "Group 'Nobody' does not exist"),
        (lambda g: edits.find(g, "99999999999999999999999"), "Group '999.* does not exist"),
        (lambda g: edits.rename(g, 1, " "), "is empty"),
        (lambda g: edits.merge(g, 1, 1), "cannot be merged with itself"),
        (lambda g: edits.split(g, 1, [4]), "Face 4 is in group 2, not in group 1"),
        (lambda g: edits.split(g, 1, [1, 2, 3]), "would keep none"),
        (lambda g: edits.split(g, 1, []), "would keep all"),
        (lambda g: edits.exclude(g, 3, [6]), "would keep none"),
        (lambda g: edits.put(g, [77], 1), "Face 77 does not exist"),
    ],
)
def test_edits_that_make_no_sense_are_refused(family, edit, words):
    with pytest.raises(GalleryError, match=words):
        edit(family.groups)


def test_two_groups_never_have_one_name(family):
    edits.rename(family.groups, 1, "Ada")
    with pytest.raises(GalleryError, match=r"Group 1 has the name 'Ada' already.*merge 2 1"):
        edits.rename(family.groups, 2, "Ada")
    assert edits.find(family.groups, "Ada") == 1
    assert edits.find(family.groups, "2") == 2


def test_a_named_group_goes_into_a_gallery_once(family, tmp_path):
    with open_gallery(tmp_path / "people.mien", MADE_BY[0], create=True) as gallery:
        with pytest.raises(GalleryError, match="has no name yet"):
            edits.enroll(family.groups, 1, gallery)
        edits.rename(family.groups, 1, "Ada")
        first = edits.enroll(family.groups, 1, gallery)
        assert edits.enroll(family.groups, 1, gallery) == first
        assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 3)]
        [best] = gallery.search(face(0).vector[None])[0]
        assert best.person == "Ada"


def test_a_gallery_of_another_embedder_is_refused(family, tmp_path):
    edits.rename(family.groups, 1, "Ada")
    with open_gallery(tmp_path / "people.mien", "other/1/2", create=True) as gallery:
        with pytest.raises(GalleryError, match="their similarity would mean nothing"):
            edits.enroll(family.groups, 1, gallery)
        assert len(gallery) == 0


def test_all_is_there_after_opening_again(family):
    edits.rename(family.groups, 1, "Ada")
    edits.exclude(family.groups, 1, [3])
    before = family.now(), family.named(), edits.journal(family.groups)
    family.groups.close()
    family.open()
    assert (family.now(), family.named(), edits.journal(family.groups)) == before


def test_groups_of_other_models_are_refused(family):
    family.groups.close()
    with pytest.raises(GalleryError, match="use the same models"):
        Groups(family.file, made_by=("other/1/2", "eye"), read_only=False)
    family.open()


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 20, b"SQLite format 3\0" + b"x" * 90]
)
def test_another_file_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "x.mien"
    path.write_bytes(content)
    with pytest.raises(GalleryError):
        Groups(path, made_by=MADE_BY, read_only=False)
    assert path.read_bytes() == content


def test_a_gallery_is_no_file_of_groups(tmp_path):
    path = tmp_path / "people.mien"
    open_gallery(path, MADE_BY[0], create=True).close()
    with pytest.raises(GalleryError, match="is not a file of groups"):
        Groups(path, made_by=MADE_BY, read_only=False)


def test_nothing_is_created_to_look_at(tmp_path):
    path = tmp_path / "none.mien"
    with pytest.raises(GalleryError, match="mien cluster FOLDER"):
        Groups(path, made_by=None, read_only=True)
    assert not path.exists()


def test_a_full_disk_is_told_and_loses_nothing(family):
    pages = family.groups.one("PRAGMA page_count")[0]
    family.groups.db.execute(f"PRAGMA max_page_count = {pages}")
    path = family.folder / "big.jpg"
    path.write_text("big")
    with pytest.raises(GalleryError, match="disk is full"):
        family.groups.add("f" * 64, path, [face(d) for d in range(2000)])
    assert len(family.groups.members()) == 6


def _add_for_ever(folder):
    album = Album(folder)
    for number in range(10**6):
        album.photo(f"n{number}", number % 360)


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX matter")
def test_a_killed_run_keeps_every_photo_that_was_done(tmp_path):
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_add_for_ever, args=(tmp_path,))
    child.start()
    file = tmp_path / "groups.mien"
    while child.is_alive():
        try:
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
                if db.execute("SELECT count(*) FROM faces").fetchone()[0] > 20:
                    break
        except sqlite3.Error:
            pass
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    album = Album(tmp_path)
    assert album.groups.one("PRAGMA integrity_check")[0] == "ok"
    assert len(album.groups.members()) > 20
    album.groups.close()


def test_a_group_that_falls_apart_gives_its_number_to_the_larger_part():
    members = [_member(1), _member(1), _member(1), _member(None)]
    assert keep_ids(np.array([0, 1, 1, 2]), members) == {0: None, 1: 1, 2: None}


def test_of_two_groups_that_grow_together_the_larger_one_stays():
    members = [_member(4), _member(2), _member(2)]
    assert keep_ids(np.array([0, 0, 0]), members) == {0: 2}


def _member(group):
    from mien.albums.groups import Member

    zero = np.zeros(4, np.float32)
    return Member(zero, zero, zero, group=group)
