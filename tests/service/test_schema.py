import numpy as np

from mien.albums.groups import Group, Member
from mien.service.schema import SCHEMA, group_row


def test_a_group_holds_no_vectors():
    box = np.float32([30, 30, 70.123, 80])
    points = np.zeros((5, 2), np.float32)
    member = Member(box, points, np.float32([1, 0]), id=5, paths=("a.jpg",), digest="d", group=3)
    box = [30.0, 30.0, 70.1, 80.0]
    face = {"face": 5, "images": ["a.jpg"], "box": box, "confirmed": False, "told": False}
    row = group_row(Group(3, None, (member,)))
    assert row == {"schema": SCHEMA, "group": 3, "name": None, "faces": [face]}
