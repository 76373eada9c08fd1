import os
from dataclasses import replace
from pathlib import Path

import pytest

from mien.albums import edits
from mien.albums.clustering import ContradictionError
from mien.albums.groups import Groups
from mien.errors import GalleryMismatchError
from mien.gallery import open_gallery
from mien.media import read_image, write_image
from mien.service import Item, enroll
from mien.service.photo_groups import group_photos
from mien.testing import TOY_DEVICE

CONTRACT = "toy/1/3"


class Counting:
    """A detector that counts how often it is asked."""

    name, digest, device = "squares", "", TOY_DEVICE

    def __init__(self, detector):
        self.detector, self.pictures = detector, 0

    def __call__(self, image):
        self.pictures += 1
        return self.detector(image)


@pytest.fixture
def pipeline(toy_pipeline):
    toy_pipeline.detector = Counting(toy_pipeline.detector)
    toy_pipeline.turns = "never"
    return toy_pipeline


@pytest.fixture
def album(tmp_path, portrait):
    """Return make(name, *people) -> path of a photo of these people."""

    def make(name, *people, **how):
        write_image(tmp_path / name, portrait(*people, **how))
        return tmp_path / name

    return make


@pytest.fixture
def groups(tmp_path):
    with Groups(tmp_path / "groups.mien", made_by=(CONTRACT, "squares"), read_only=False) as groups:
        yield groups


def who(groups):
    """Group -> names of photos."""
    found = {}
    for group in groups.groups():
        found[group.id] = sorted(Path(f.paths[0]).name for f in group.faces)
    return found


def test_a_folder_is_grouped_and_a_second_run_looks_at_nothing(album, pipeline, groups):
    photos = [album("a.png", "Ada", "Bob"), album("b.png", "Ada"), album("c.png", "Cyd", "Bob")]
    change, failed = group_photos(photos, pipeline, groups)
    assert not failed
    assert (change.faces, change.groups, change.added) == (5, 3, 3)
    before, looked = who(groups), pipeline.detector.pictures
    assert sorted(map(len, before.values())) == [1, 2, 2]
    change, _ = group_photos(photos, pipeline, groups)
    assert (change.added, change.moved, change.renamed) == (0, 0, 0)
    assert who(groups) == before
    assert pipeline.detector.pictures == looked


def test_edits_survive_new_photos(album, pipeline, groups):
    photos = [album("a.png", "Ada"), album("b.png", "Bob"), album("c.png", "Ada", side=55)]
    group_photos(photos, pipeline, groups)
    [ada] = [group.id for group in groups.groups() if len(group.faces) == 2]
    edits.rename(groups, ada, "Ada")
    photos.append(album("d.png", "Ada", "Cyd"))
    change, _ = group_photos(photos, pipeline, groups)
    assert change.renamed == 0
    [named] = [group for group in groups.groups() if group.name]
    assert named.id == ada
    assert len(named.faces) == 3


def test_copies_are_one_photo_and_looked_at_once(album, pipeline, groups):
    first = album("a.png", "Ada")
    copy = first.with_name("copy.png")
    copy.write_bytes(first.read_bytes())
    change, _ = group_photos([first, copy], pipeline, groups)
    assert change.faces == 1
    assert pipeline.detector.pictures == 1
    [face] = groups.members()
    assert len(face.paths) == 2


def test_a_moved_photo_keeps_its_faces_and_its_group(album, pipeline, groups):
    first = album("a.png", "Ada")
    group_photos([first], pipeline, groups)
    moved = first.rename(first.with_name("b.png"))
    change, _ = group_photos([moved], pipeline, groups)
    assert (change.faces, change.added, pipeline.detector.pictures) == (1, 0, 1)


def test_bad_photos_are_told_and_the_others_grouped(album, pipeline, groups, tmp_path):
    empty, broken = tmp_path / "empty.jpg", tmp_path / "broken.jpg"
    empty.write_bytes(b"")
    broken.write_bytes(b"\xff\xd8\xff\xe0 cut short")
    gone = tmp_path / "gone.jpg"
    gone.symlink_to(tmp_path / "nowhere.jpg")
    wall = album("wall.png")
    photos = [empty, broken, album("a.png", "Ada"), gone, wall]
    change, failed = group_photos(photos, pipeline, groups)
    assert set(failed) == {empty, broken, gone}
    assert all(str(path) in sentence for path, sentence in failed.items())
    assert change.faces == 1
    assert [Path(path) for path, _ in groups.faceless()] == [wall]


def test_a_broken_photo_that_was_mended_is_looked_at_again(album, pipeline, groups, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG broken")
    assert path in group_photos([path], pipeline, groups)[1]
    album("a.png", "Ada")
    change, failed = group_photos([path], pipeline, groups)
    assert (change.faces, failed) == (1, {})


def test_a_photo_that_vanishes_between_two_runs_is_told(album, pipeline, groups):
    photos = [album("a.png", "Ada"), album("b.png", "Bob")]
    group_photos(photos, pipeline, groups)
    photos[0].unlink()
    change, failed = group_photos(photos, pipeline, groups)
    assert set(failed) == {photos[0]}
    assert change.faces == 1


def test_no_photos_no_groups(pipeline, groups):
    change, failed = group_photos([], pipeline, groups)
    assert (change.faces, change.groups, failed) == (0, 0, {})


def test_faces_that_are_too_small_are_not_grouped(album, pipeline, groups):
    change, _ = group_photos([album("a.png", "Ada", side=30)], pipeline, groups)
    assert change.faces == 0
    [face] = groups.members()
    assert face.reason == "too-small"


def test_progress_is_told(album, pipeline, groups):
    steps = []
    photos = [album("a.png", "Ada"), album("b.png", "Ada", side=55)]
    group_photos(photos, pipeline, groups, lambda *step: steps.append(step))
    assert steps == [("photos", 0, 2), ("photos", 1, 2), ("photos", 2, 2), ("groups", 1, 2)]


def test_an_interrupted_run_goes_on_where_it_stopped(album, pipeline, groups):
    photos = [album(f"{n}.png", "Ada", side=50 + n) for n in range(4)]

    def stop(task, done, total):
        if (task, done) == ("photos", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        group_photos(photos, pipeline, groups, stop)
    assert pipeline.detector.pictures == 2
    change, _ = group_photos(photos, pipeline, groups)
    assert pipeline.detector.pictures == 4
    assert change.faces == 4


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_photo_that_may_not_be_read_is_told(album, pipeline, groups):
    path = album("a.png", "Ada")
    path.chmod(0)
    assert "cannot be read" in group_photos([path], pipeline, groups)[1][path]


def test_several_workers_process_each_photo_once_and_copies_count_once(album, pipeline, groups):
    photos = [album(f"{n}.png", "Ada", side=50 + n) for n in range(5)]
    photos += [album(f"copy{n}.png", "Ada", side=50) for n in range(3)]  # of 0.png
    steps = []
    several = replace(pipeline, workers=3)
    change, failed = group_photos(photos, several, groups, lambda *step: steps.append(step))
    assert (change.faces, failed) == (5, {})
    assert [done for task, done, _ in steps if task == "photos"][-1] == 8
    assert pipeline.detector.pictures <= 8


# ---------------------------------------------------------------- facts of a gallery


@pytest.fixture
def enrolled(tmp_path, toy_pipeline, album):
    """Return make(*people) -> a gallery with their photos enrolled, and these photos."""

    def make(**people):
        known = open_gallery(tmp_path / "g.mien", CONTRACT, create=True)
        photos = []
        for name, (colour, side) in people.items():
            photos.append(album(f"{name}.png", colour, side=side))
            plain = replace(toy_pipeline, gallery=None)
            list(enroll([Item(name, photos[-1])], plain, known, allow_conflicts=True))
        assert len(known) == len(people)
        return known, photos

    return make


def test_people_who_are_stated_to_be_different_are_not_grouped(enrolled, pipeline, groups):
    gallery, photos = enrolled(Ann=("Ada", 60), Eve=("Ada", 50))
    group_photos(photos, pipeline, groups, gallery=gallery)
    assert len(who(groups)) == 1
    gallery.relate("Ann", "Eve", same=False)
    group_photos(photos, pipeline, groups, gallery=gallery)
    assert sorted(who(groups).values()) == [["Ann.png"], ["Eve.png"]]
    gallery.close()


def test_people_who_are_stated_to_be_one_are_one_group(enrolled, pipeline, groups):
    gallery, photos = enrolled(Ann=("Ada", 60), Bea=("Bob", 60))
    group_photos(photos, pipeline, groups, gallery=gallery)
    assert len(who(groups)) == 2
    gallery.relate("Ann", "Bea", same=True)
    group_photos(photos, pipeline, groups, gallery=gallery)
    assert list(who(groups).values()) == [["Ann.png", "Bea.png"]]
    gallery.close()


def test_a_face_that_is_denied_to_a_person_is_not_in_that_group(
    enrolled, pipeline, groups, album, toy_pipeline
):
    gallery, photos = enrolled(Ann=("Ada", 60))
    pink = {"Pam": [245, 40, 45]}  # as similar to Ada as another image of her
    photos.append(album("other.png", "Pam", colours=pink))
    group_photos(photos, pipeline, groups, gallery=gallery)
    assert list(who(groups).values()) == [["Ann.png", "other.png"]]
    face = replace(toy_pipeline, gallery=None).only_face(read_image(photos[1]))
    gallery.deny("Ann", face.embedding)
    group_photos(photos, pipeline, groups, gallery=gallery)
    assert sorted(who(groups).values()) == [["Ann.png"], ["other.png"]]
    gallery.close()


def test_a_named_group_is_the_person_of_that_name(enrolled, pipeline, groups, album):
    gallery, _ = enrolled(Ann=("Bob", 60), Eve=("Cyd", 60))
    gallery.relate("Ann", "Eve", same=True)
    photos = [album("x.png", "Bob", side=50), album("y.png", "Cyd", side=50)]
    group_photos(photos, pipeline, groups, gallery=gallery)
    assert len(who(groups)) == 2  # nobody has named them
    for group, names in who(groups).items():
        edits.rename(groups, group, "Ann" if names == ["x.png"] else "Eve")
    with pytest.raises(ContradictionError):  # both facts cannot hold: a person decides
        group_photos(photos, pipeline, groups, gallery=gallery)
    gallery.close()


def test_a_gallery_of_another_embedder_is_refused(tmp_path, pipeline, groups, album):
    with (
        open_gallery(tmp_path / "other.mien", "other/1/3", create=True) as gallery,
        pytest.raises(GalleryMismatchError),
    ):
        group_photos([album("x.png", "Ada")], pipeline, groups, gallery=gallery)
