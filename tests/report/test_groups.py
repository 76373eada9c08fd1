"""The page of groups: all faces are on it, and nothing on it is anybody's markup."""

import numpy as np

from mien.albums.groups import Group, Member
from mien.media import write_image
from mien.report.groups import ALONE, SHOWN, write_groups

HOSTILE = '<script>alert("1")</script> & Ünï'
POINTS = np.float32([[40, 40], [60, 40], [50, 52], [42, 62], [58, 62]])
BOX = np.float32([30, 30, 70.123, 80])


def member(number, path, group=1):
    vector = np.float32([1, 0])
    return Member(BOX, POINTS, vector, id=number, paths=(str(path),), digest="d", group=group)


def page(tmp_path, groups, **how):
    write_groups(tmp_path / "page.html", groups, **how)
    return (tmp_path / "page.html").read_text("utf-8")


def test_every_group_is_there_with_its_faces_and_the_commands_to_correct_it(tmp_path):
    photo = tmp_path / "photo.png"
    write_image(photo, np.full((100, 100, 3), 90, np.uint8))
    groups = [
        Group(3, "Ada", (member(1, photo), member(2, photo))),
        Group(8, None, (member(7, photo),)),
    ]
    html = page(tmp_path, groups, faceless=[("wall.jpg", "none")], file="x/my.mien")
    for words in ("Ada", "group 3", "group 8", "photo.png", "wall.jpg", "x/my.mien"):
        assert words in html
    assert html.count("data:image/jpeg;base64,") == 3
    assert "http" not in html.replace("http-equiv", "")


def test_names_and_paths_are_never_markup(tmp_path):
    gone = tmp_path / HOSTILE.replace("/", "_")
    html = page(tmp_path, [Group(1, HOSTILE, (member(1, gone), member(2, gone)))])
    assert "<script>" not in html
    assert "Ünï" in html


def test_a_photo_that_is_gone_leaves_an_empty_place(tmp_path):
    html = page(tmp_path, [Group(1, None, (member(1, tmp_path / "gone.jpg"),))])
    assert "data:image" not in html
    assert 'class="gone"' in html


def test_of_a_large_group_some_are_shown_and_the_others_counted(tmp_path):
    faces = tuple(member(number, tmp_path / "gone.jpg") for number in range(SHOWN + 1234))
    html = page(tmp_path, [Group(1, "Ada", faces)])
    assert html.count('class="gone"') == SHOWN
    assert "+ 1,234" in html


def test_of_many_seen_once_some_are_shown_and_the_others_counted(tmp_path):
    gone = tmp_path / "gone.jpg"
    groups = [Group(n, None, (member(n, gone, n),)) for n in range(1, ALONE + 1235)]
    html = page(tmp_path, groups)
    assert html.count('class="gone"') == ALONE
    assert "+ 1,234" in html


def test_no_group_is_a_page_too(tmp_path):
    assert "Seen again" not in page(tmp_path, [])
