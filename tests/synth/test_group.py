"""Several people in a scene: who hides whom is true, and each person has the whole truth."""

import itertools
import json
from functools import partial

import numpy as np
import pytest

from mien.errors import MienError
from mien.media import open_film
from mien.synth import Actor, Pose, make_person, read_truth
from mien.synth.data.dataset import Plan, draw
from mien.synth.data.film_truth import truth_path
from mien.synth.data.group_film import person_path, read_group, record_group
from mien.synth.data.groups import MOST, moment, random_group
from mien.synth.motion.gait import gesture
from mien.synth.render.camera import Camera, project, rotation
from mien.synth.render.group import (
    GROUP_LABELS,
    NOBODY,
    Member,
    Setting,
    pose_of,
    render_group,
)
from mien.synth.render.room import CEILING, FLOOR, random_room, room_picture

SMALL = Setting(Camera(180, 320, 1800.0, 0.85, (0.0, -120.0)), room=3, noise=0.0)
NUMBER = {name: k for k, name in enumerate(GROUP_LABELS)}


@pytest.fixture(scope="module")
def pair(builtin):
    """Two different people."""
    return [Actor(builtin, make_person(seed, builtin)) for seed in (5, 6)]


@pytest.fixture(scope="module")
def apart(pair):
    """Both beside each other."""
    return render_group([Member(pair[0], -400, 300), Member(pair[1], 400, -300)], SMALL)


@pytest.fixture(scope="module")
def behind(pair):
    """The second one half behind the first."""
    return render_group([Member(pair[0], 0, 300), Member(pair[1], 130, -300)], SMALL)


def test_people_who_stand_apart_are_wholly_visible(apart):
    for number, one in enumerate(apart.people):
        assert one.share == 1
        assert one.frame.lm68_seen.mean() > 0.85
        x, y = one.frame.lm68[30]
        assert apart.owner[int(y), int(x)] == number
        assert apart.seg[int(y), int(x)] == NUMBER["nose"]
    near, far = (one.box[3] - one.box[1] for one in apart.people)
    assert near / far == pytest.approx(2100 / 1500, rel=0.15)  # sizes follow from depth
    assert ((apart.owner == NOBODY) == (apart.seg == 0)).all()


def test_the_nearer_person_hides_the_other_and_the_truth_says_how_much(behind, apart):
    front, back = behind.people
    assert front.share == 1
    assert 0.2 < back.share < 0.8
    assert 5 < back.frame.lm68_seen.sum() < 60
    hidden = ~back.frame.lm68_seen & (back.body[0, 2] > 0)
    columns, rows = back.frame.lm68[hidden].astype(int).T
    assert np.isin(behind.owner[rows, columns], (0, 1)).all()
    seen = back.frame.lm68[back.frame.lm68_seen].astype(int)
    assert (behind.owner[seen[:, 1], seen[:, 0]] == 1).mean() > 0.85  # the others: on its edge
    between = behind.owner == 0
    assert np.median(behind.depth[between]) < np.median(behind.depth[behind.owner == 1])


def test_depth_is_that_of_who_is_visible(behind):
    for number, one in enumerate(behind.people):
        nose = one.frame.lm68[30]
        at = int(nose[1]), int(nose[0])
        if behind.owner[at] == number:
            true = 1800 - one.frame.lm68_3d[30, 2]
            assert behind.depth[at] == pytest.approx(true, abs=12)
    room = behind.depth[behind.owner == NOBODY]
    assert room.max() <= 1800 - random_room(3).back


def test_a_person_is_drawn_as_alone_where_nobody_stands_in_front(pair, behind):
    alone = render_group([Member(pair[0], 0, 300)], SMALL)
    mine = behind.owner == 0
    assert (alone.owner[mine] == 0).all()
    assert (alone.seg[mine] == behind.seg[mine]).all()


def test_the_order_of_people_changes_numbers_and_nothing_else(pair, behind):
    other = render_group([Member(pair[1], 130, -300), Member(pair[0], 0, 300)], SMALL)
    swapped = np.where(other.owner == NOBODY, NOBODY, 1 - other.owner)
    assert (swapped == behind.owner).all()
    assert (other.rgb == behind.rgb).all()


def test_turning_the_body_turns_head_and_landmarks(pair):
    shown = render_group([Member(pair[0], 0, 0, 30, pose=Pose(-10, 5, 3))], SMALL).people[0]
    assert shown.frame.pose.yaw == pytest.approx(20, abs=1)
    assert shown.body3d[12, 2] > shown.body3d[11, 2]  # the right shoulder comes to the front
    for pose in (Pose(20, -10, 5), Pose(-70, 30, -20)):
        again = pose_of(rotation(pose))
        assert (again.yaw, again.pitch, again.roll) == pytest.approx(
            (pose.yaw, pose.pitch, pose.roll)
        )


def test_feet_stand_on_the_floor_and_hands_are_where_the_joints_say(pair):
    stance = gesture("raise", 1, 0, 2, left=True)
    frame = render_group([Member(pair[0], -100, -700, stance=stance, legs=1.05)], SMALL)
    one = frame.people[0]
    assert one.body3d[29:33, 1].min() == pytest.approx(FLOOR, abs=0.01)
    middle = one.hands[0, 9]  # of the raised hand
    assert middle[1] < one.box[1]
    assert frame.seg[int(middle[1]), int(middle[0])] == NUMBER["hand"]
    assert frame.owner[int(middle[1]), int(middle[0])] == 0
    flat = project(one.hands3d.reshape(-1, 3).astype(float), SMALL.camera)
    assert flat == pytest.approx(one.hands.reshape(-1, 3), abs=0.01)
    assert one.body[15] == pytest.approx(one.hands[0, 0])  # the left wrist


def test_without_truth_the_picture_is_the_same(pair, behind):
    bare = render_group([Member(pair[0], 0, 300), Member(pair[1], 130, -300)], SMALL, truth=False)
    assert (bare.rgb == behind.rgb).all()
    assert bare.depth.size == bare.owner.size == 0


def test_bad_groups_are_refused(pair):
    with pytest.raises(MienError, match="1 to 8 people, not 0"):
        render_group([], SMALL)
    with pytest.raises(MienError, match="1 to 8 people, not 9"):
        render_group([Member(pair[0])] * 9, SMALL)
    with pytest.raises(MienError, match="behind the camera"):
        render_group([Member(pair[0], 0, 3000)], SMALL)
    with pytest.raises(MienError, match="no group 'queue'"):
        random_group(1, 2, "queue")
    with pytest.raises(MienError, match="'crossing' has 2 to 6 people, not 1"):
        random_group(1, 1, "crossing")
    with pytest.raises(MienError, match=r"0\.1 to 600 s"):
        random_group(1, 2, seconds=float("nan"))


def test_rooms_differ_and_have_walls_all_around():
    camera = Camera(90, 160, 1800.0, 0.85, (0.0, -120.0))
    pictures = [room_picture(random_room(seed), camera, SMALL.light) for seed in range(4)]
    for light, depth in pictures:
        assert np.isfinite(light).all()
        assert light.min() >= 0
        assert (depth > 0).all()
    for one, other in itertools.pairwise(pictures):
        assert np.abs(one[0] - other[0]).mean() > 0.02
    assert FLOOR < 0 < CEILING
    assert room_picture(random_room(1), camera, SMALL.light) is pictures[1]  # kept for a film


def test_random_groups_are_seeded_and_people_stay_in_sight(builtin):
    group = random_group(11, MOST, size=(180, 320))
    same = random_group(11, MOST, size=(180, 320))
    assert [one.path(0.5) for one in group.roles] == [one.path(0.5) for one in same.roles]
    assert group.setting == same.setting
    at = np.array([role.path(1.0)[:2] for role in group.roles])
    depth = 1800 - at[:, 1]
    columns = at[:, 0] / depth * group.setting.camera.focal_px + 160
    assert ((columns > 0) & (columns < 320)).all()
    assert len({role.identity for role in group.roles}) == MOST


def test_two_people_cross_in_the_middle_of_the_film():
    group = random_group(4, 3, "crossing", seconds=2.0)
    first, second = group.roles[:2]
    before = first.path(0.2).x - second.path(0.2).x
    after = first.path(1.8).x - second.path(1.8).x
    assert before * after < 0
    assert first.path(1.0).x == pytest.approx(second.path(1.0).x)
    assert first.path(1.0).z - second.path(1.0).z == pytest.approx(450)
    assert group.roles[2].path(0.2) == group.roles[2].path(1.8)


@pytest.fixture(scope="module")
def film(builtin, tmp_path_factory):
    """A short lossless film of two people who cross, with all of its truth."""
    path = tmp_path_factory.mktemp("group") / "hall.mkv"
    group = random_group(4, 2, "crossing", size=(126, 224), seconds=1.0, rate=8.0)
    frames = record_group(group, group.cast(builtin), path, truth="all", lossless=True)
    return path, group, frames


def test_a_film_has_the_truth_of_every_person_in_every_frame(film):
    path, group, frames = film
    known = read_group(path)
    assert frames == len(known.times) == 8
    assert known.identities == tuple(role.identity for role in group.roles)
    assert known.actions == ("crossing", "crossing")
    with open_film(path) as opened:
        assert [frame.time for frame in opened.frames()] == pytest.approx(known.times.tolist())
    assert known.owner.values.shape == known.seg.values.shape == (8, 126, 224)
    shares = np.stack([one.whole.share for one in known.people])
    assert (shares[0] == 1).all()  # who is in front
    assert shares[1].min() < 0.3
    assert shares[1, [0, -1]].min() > 0.9
    for number, one in enumerate(known.people):
        noses = one.clip.points[:, 30].astype(int)
        for row, (x, y) in enumerate(noses):
            if shares[number, row] > 0.95:
                assert known.owner.values[row, y, x] == number
        body = one.clip.body
        assert body.values.shape == (8, 33, 4)
        assert body.values[..., 2][:, 23:25].mean(1) == pytest.approx(np.zeros(8), abs=1e-2)
        assert np.isin(body.values[..., 3], (0, 1)).all()
    moved = known.people[0].whole.box[:, 0]
    assert (np.diff(moved) * np.sign(moved[-1] - moved[0]) > 0).all()


def test_damaged_missing_and_other_truth_is_told(film, tmp_path):
    path, _, _ = film
    with pytest.raises(MienError, match=r"has no truth.*mien synth group"):
        read_group(tmp_path / "none.mkv")
    copies = [truth_path(path), *(truth_path(person_path(path, k)) for k in range(2))]
    for one in copies:
        (tmp_path / one.name).write_bytes(one.read_bytes())
    assert len(read_group(tmp_path / path.name).people) == 2
    (tmp_path / copies[1].name).unlink()
    with pytest.raises(MienError, match=r"person-0\.truth\.npz does not exist"):
        read_group(tmp_path / path.name)
    (tmp_path / copies[0].name).write_bytes(copies[0].read_bytes()[:500])
    with pytest.raises(MienError, match="damaged"):
        read_group(tmp_path / path.name)
    (tmp_path / copies[0].name).write_bytes(copies[2].read_bytes())
    with pytest.raises(MienError, match="one person; use read_truth"):
        read_group(tmp_path / path.name)
    assert read_truth(person_path(path, 1)).whole is not None


def test_recipes_of_groups_write_pictures_and_films(tmp_path, monkeypatch):
    short = partial(random_group, seconds=0.3, rate=10.0)
    monkeypatch.setattr("mien.synth.data.dataset.random_group", short)
    for name, kind in (("groups", "rgb"), ("crossings", "film")):
        out = tmp_path / name
        rows = draw(Plan(name, 1, 3, size=64), out).read_text("utf-8").splitlines()
        row = json.loads(rows[0])
        assert (out / row["files"][kind]).is_file()
        assert (out / row["files"]["truth"]).is_file()
        assert len(row["labels"]["people"]) == 2
    with pytest.raises(MienError, match="needs what a photograph does not show"):
        Plan("groups", 1, puppets="abc")


def test_a_moment_of_a_film_is_its_picture(builtin, pair):
    group = random_group(4, 2, "crossing", seconds=1.0, rate=8.0)
    members = moment(group, pair, 0.0)
    start = [role.path(0.0) for role in group.roles]
    assert [(m.x, m.z) for m in members] == [(s.x, s.z) for s in start]
    assert moment(group, pair, 1.0)[0].x != members[0].x


def test_the_face_itself_is_the_portrait_of_the_same_person(pair):
    """A group changes where a face is, not what it is: half the size from twice as far."""
    one = render_group([Member(pair[0], 0, 300)], SMALL).people[0].frame
    two = render_group([Member(pair[0], 0, -1200)], SMALL).people[0].frame
    assert one.shapes == two.shapes
    assert (
        np.linalg.norm(
            (one.lm68_3d - one.lm68_3d[30]) - (two.lm68_3d - two.lm68_3d[30]), axis=1
        ).max()
        < 1e-3
    )
