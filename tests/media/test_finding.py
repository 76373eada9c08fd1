import os
from pathlib import Path

import pytest

from mien.errors import ImageError
from mien.media import find_images


@pytest.fixture
def album(tmp_path):
    for name in (
        "img10.jpg", "img2.JPG", "img1.jpeg", "notes.txt", ".hidden.jpg", "Zoë 山.png", "raw",
        "b/2.webp", "b/10.heic", "a/x.avif", "a/deep/y.tiff", ".git/z.jpg", "film.mp4",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def names(paths, root):
    return [path.relative_to(root).as_posix() for path in paths]


def test_a_folder_is_searched_to_the_bottom_in_the_order_people_count(album):
    assert names(find_images(album), album) == [
        "img1.jpeg",
        "img2.JPG",
        "img10.jpg",
        "Zoë 山.png",
        "a/x.avif",
        "a/deep/y.tiff",
        "b/2.webp",
        "b/10.heic",
    ]


def test_arguments_keep_their_order_and_nothing_comes_twice(album):
    given = [album / "b", str(album / "img2.JPG"), album / "b" / "2.webp"]
    assert names(find_images(given), album) == ["b/2.webp", "b/10.heic", "img2.JPG"]


def test_a_file_named_outright_may_have_any_name(album):
    assert names(find_images([album / "raw", album / ".hidden.jpg"]), album) == [
        "raw",
        ".hidden.jpg",
    ]


def test_patterns_are_filled_in_with_pictures_only(album):
    assert names(find_images(album / "*"), album)[:3] == ["a/x.avif", "a/deep/y.tiff", "b/2.webp"]
    assert names(find_images(f"{album}/img*"), album) == ["img1.jpeg", "img2.JPG", "img10.jpg"]
    assert names(find_images(f"{album}/**/*.webp"), album) == ["b/2.webp"]
    with pytest.raises(ImageError, match=r"No file matches the pattern .*\.bmp"):
        find_images(album / "*.bmp")


def test_a_name_that_looks_like_a_pattern_is_a_name_if_it_exists(tmp_path):
    path = tmp_path / "me[1].jpg"
    path.write_bytes(b"")
    assert find_images(path) == [path]


def test_a_folder_without_pictures_gives_none(tmp_path):
    assert find_images(tmp_path) == []
    assert find_images([]) == []


def test_says_that_a_path_is_missing(tmp_path):
    with pytest.raises(ImageError, match="gone' does not exist; check the path"):
        find_images([tmp_path / "gone"])


def test_links_in_a_circle_end(album):
    (album / "a" / "again").symlink_to(album, target_is_directory=True)
    found = names(find_images(album), album)
    assert len(found) == len(set(found)) == 8


def test_a_link_to_a_file_that_is_gone_is_listed_so_that_reading_it_complains(album):
    (album / "b" / "broken.jpg").symlink_to(album / "nowhere.jpg")
    assert names(find_images(album / "b"), album)[-1] == "b/broken.jpg"
    assert find_images(album / "b" / "broken.jpg") == [album / "b" / "broken.jpg"]


def test_says_that_a_folder_may_not_be_read(album):
    if os.geteuid() == 0:
        pytest.skip("root may read every folder, so permissions cannot be tried")
    (album / "b").chmod(0)
    try:
        with pytest.raises(ImageError, match="is not readable"):
            find_images(album)
    finally:
        (album / "b").chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_not_taken_for_empty(album, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ImageError, match=r"is not readable \(Permission denied\)"):
        find_images(album)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_says_that_a_path_is_impossible(path):
    with pytest.raises(ImageError, match=r"cannot be accessed|does not exist"):
        find_images(path)


def test_the_order_does_not_depend_on_the_file_system(album, monkeypatch):
    straight = find_images(album)
    scan = os.scandir

    class Backwards:
        def __init__(self, path):
            with scan(path) as entries:
                self.entries = list(entries)[::-1]

        def __enter__(self):
            return self.entries

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(os, "scandir", Backwards)
    assert find_images(album) == straight
    assert all(isinstance(path, Path) for path in straight)
