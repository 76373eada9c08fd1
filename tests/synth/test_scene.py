import dataclasses
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien.synth import Actor, Camera, Pose, Scene, aged, make_person, render
from mien.synth.data.samples import Sample
from mien.synth.head.eyes import paint_eyes
from mien.synth.head.geometry_checks import small_step, warping
from mien.synth.render import raster
from mien.synth.render.backdrop import backdrop
from mien.synth.render.camera import place, project
from mien.synth.render.flow import flow
from mien.synth.render.light import Lamp, Light
from mien.synth.skin.appearance import Appearance, Person
from mien.synth.skin.paint import BESIDE, LABELS, NUMBER, _Painter, paint

NOSE, CHIN, TOP = [0.0, -45.0, 105.0], [0.0, -118.0, 80.0], [0.0, 100.0, 0.0]
SMALL = Camera(128, 128)


def seen(point, pose):
    return project(place(np.array([point]), pose), Camera())[0]


def test_yaw_turns_the_nose_to_image_right():
    assert seen(NOSE, Pose(20))[0] > seen(NOSE, Pose())[0] + 10


def test_pitch_turns_the_nose_up():
    assert seen(NOSE, Pose(pitch=20))[1] < seen(NOSE, Pose())[1] - 10


def test_roll_is_clockwise_on_the_screen():
    assert seen(TOP, Pose(roll=20))[0] > seen(TOP, Pose())[0] + 10


def test_the_subjects_left_is_image_right_and_centres_of_pixels_are_at_a_half():
    camera = Camera(100, 200, centre=(0, 0))
    at = project(np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]]), camera)
    assert at[0].tolist() == [100, 50, 700]
    assert at[1, 0] > 100
    assert at[2, 1] < 50


def test_a_head_behind_the_camera_is_refused(someone):
    with pytest.raises(MienError, match="behind the camera"):
        render(someone, Scene(pose=Pose(shift=(0, 0, 2000)), camera=SMALL))


def test_a_frame_without_a_face_says_so(someone):
    away = render(someone, Scene(pose=Pose(shift=(900, 0, 0)), camera=SMALL))
    assert not away.face_visible
    assert render(someone, Scene(camera=SMALL)).face_visible


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_noise(builtin, someone):
    scene = Scene(weights={"AU12": 0.7}, camera=SMALL, noise=2.0, seed=4)
    again = Actor(builtin, make_person(5, builtin))
    first, second = render(someone, scene, nir=True), render(again, scene, nir=True)
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.nir, second.nir)
    assert np.array_equal(first.depth, second.depth, equal_nan=True)
    other = render(someone, dataclasses.replace(scene, seed=5))
    assert not np.array_equal(first.rgb, other.rgb)


def test_without_numba_the_same_picture_comes_out(someone, monkeypatch):
    lamps = (Lamp((0.7, 0.4, 0.6)), Lamp((-0.9, 0.3, -0.4), (0.5, 0.5, 0.6)))
    moves = {"AU12": 0.8, "AU4": 0.5}
    scene = Scene(moves, Pose(25, -5, 4), Camera(96, 96), Light(lamps=lamps), noise=1.0)
    quick = render(someone, scene, nir=True)
    monkeypatch.setattr(raster, "HAS_NUMBA", False)
    plain = render(someone, scene, nir=True)
    assert np.array_equal(quick.triangle, plain.triangle)
    assert np.array_equal(quick.seg, plain.seg)
    for name in ("rgb", "nir"):
        apart = np.abs(getattr(quick, name).astype(int) - getattr(plain, name))
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.01


def test_no_background_shines_through_the_corners_of_the_eyes(builtin):
    turned = Scene(pose=Pose(48, -12, 3), camera=Camera(256, 256))
    frame = render(Actor(builtin, make_person(44, builtin)), turned)
    eyes = np.zeros((256, 256), np.uint8)
    for eye in (frame.lm68[36:42], frame.lm68[42:48]):
        cv2.fillPoly(eyes, [eye.round().astype(np.int32)], 1)
    assert eyes.sum() > 100
    assert (frame.seg[eyes > 0] > 0).all()


def test_the_nose_does_not_hide_the_far_eye_of_a_face_turned_by_45_degrees(builtin):
    nobody = Person(tuple(0.0 for _ in builtin.identity), Appearance(hair_style="bald"))
    before = Camera(160, 160, centre=(67, -24))  # the camera stands before the face
    seg = render(Actor(builtin, nobody), Scene(pose=Pose(45), camera=before)).seg
    near, far = ((seg == NUMBER[eye]).sum() for eye in ("r_eye", "l_eye"))
    assert far > 0.35 * near


def test_a_full_beard_is_one_from_the_chin_to_the_ears():
    bald, full = (paint(Appearance(tone=3, beard=kind)).colour.mean(2) for kind in ("none", "full"))
    hairs = (full < 0.6 * bald).astype(np.uint8)
    hairs = cv2.morphologyEx(hairs, cv2.MORPH_CLOSE, np.ones((25, 25), np.uint8))
    sizes = cv2.connectedComponentsWithStats(hairs)[2][1:, cv2.CC_STAT_AREA]
    assert sizes.max() > 0.98 * sizes.sum()


def test_the_white_of_dark_eyes_does_not_glow():
    ahead = np.float32([[0.9, 0.0, 0.44]])  # beside the iris
    light, dark = (
        paint_eyes(ahead, np.zeros((1, 2), np.float32), 13.5, Appearance(tone=tone))[0].mean()
        for tone in (2.0, 9.0)
    )
    assert dark < 0.6 * light


def test_long_hair_hides_the_ear_and_leaves_the_cheek_free(builtin):
    person = make_person(5, builtin)
    plain = dataclasses.replace(person.appearance, glasses="none", beard="none")
    turned = Scene(pose=Pose(45), camera=Camera(160, 160))
    ears, cheeks = [], []
    for style in ("short", "long"):
        appearance = dataclasses.replace(plain, hair_style=style)
        frame = render(Actor(builtin, dataclasses.replace(person, appearance=appearance)), turned)
        ears.append(int((frame.seg == NUMBER["r_ear"]).sum()))
        cheeks.append(int((frame.seg == NUMBER["skin"]).sum()))
    assert ears[1] < 0.1 * ears[0]
    assert cheeks[1] > 0.75 * cheeks[0]


def test_backgrounds_are_as_bright_beside_faces_of_every_tone_as_in_photographs():
    light = Light(sky=(0.6,) * 3, ground=(0.6,) * 3)
    for albedo in (0.05, 0.6):  # times 1.3, lamps included, is what leaves a face
        means = [float(backdrop(seed, (8, 8), light, albedo).mean()) for seed in range(200)]
        low, middle, high = np.percentile(means, [25, 50, 75]) / (1.3 * albedo)
        assert 0.1 < low < 0.4 < middle < 1.2 < high < 3


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_lids_meet_at_a_full_blink_and_not_before(builtin, seed):
    actor = Actor(builtin, make_person(seed, builtin))
    before = Camera(192, 192)
    gaps = []
    for strength in (0.0, 0.67, 1.0):
        flat = render(actor, Scene({"AU45": strength}, camera=before), truth=False).lm68_3d
        gaps.append(float((flat[[37, 38, 43, 44], 1] - flat[[41, 40, 47, 46], 1]).mean()))
    open_, late, shut = gaps
    assert 0.1 * open_ < late < 0.4 * open_
    assert -1.2 < shut < 0.1  # mm; below 0 the upper lid lies over the lower one


def test_the_five_points_are_middles_of_eyes_tip_of_nose_and_corners_of_the_mouth(someone):
    frame = render(someone, Scene(camera=SMALL), truth=False)
    right, left, nose, *mouth = frame.five
    assert right == pytest.approx(frame.lm68[36:42].mean(0))
    assert left == pytest.approx(frame.lm68[42:48].mean(0))
    assert np.array_equal([nose, *mouth], frame.lm68[[30, 48, 54]])


def test_arrays_have_the_shapes_that_the_record_tells(someone):
    frame = render(someone, Scene(camera=Camera(96, 128)), nir=True)
    assert frame.rgb.shape == (96, 128, 3)
    assert frame.rgb.dtype == frame.nir.dtype == frame.seg.dtype == np.uint8
    assert frame.depth.shape == frame.seg.shape == frame.triangle.shape == (96, 128)
    assert frame.lm68.shape == (68, 2)
    assert len(LABELS) == 19


def test_truth_agrees_with_itself(actor):
    frame = render(actor, Scene(camera=Camera(256, 256)))
    nothing = frame.triangle < 0
    assert np.array_equal(np.isnan(frame.depth), nothing)
    assert np.array_equal(frame.seg == 0, nothing)
    assert frame.inside[~nothing].sum(1) == pytest.approx(1, abs=1e-5)
    x, y = frame.lm68[30].astype(int)
    assert frame.seg[y, x] == NUMBER["nose"]
    assert frame.lm68_seen[30]
    right, left = frame.lm68[36:42].mean(0), frame.lm68[42:48].mean(0)
    assert right[0] < left[0]  # the subject's right eye is at image left
    assert frame.seg[int(right[1]), int(right[0])] == NUMBER["r_eye"]
    assert frame.seg[int(left[1]), int(left[0])] == NUMBER["l_eye"]


def test_points_on_the_far_side_are_hidden(someone):
    turned = render(someone, Scene(pose=Pose(yaw=70), camera=Camera(256, 256)))
    assert turned.lm68_seen[:6].mean() > turned.lm68_seen[11:17].mean()


def test_closed_lids_hide_the_eyes(actor):
    shut = render(actor, Scene({"AU45": 1}, camera=Camera(256, 256)))
    open_ = render(actor, Scene(camera=Camera(256, 256)))
    eyes = [int(np.isin(f.seg, (4, 5)).sum()) for f in (shut, open_)]
    assert eyes[0] < 0.05 * eyes[1]


def test_warping_the_next_frame_by_the_flow_gives_this_one(actor):
    assert warping(actor, *small_step()) >= 35


def test_flow_of_a_turn_alone_is_rigid_and_that_of_a_smile_alone_is_not(someone):
    still, camera = Scene(camera=SMALL), SMALL
    turn = flow(someone, still, Scene(pose=Pose(yaw=3), camera=camera))
    assert np.abs(turn.moves).max() < 0.01
    assert np.abs(turn.rigid).max() > 1
    smile = flow(someone, still, Scene({"AU12": 0.8}, camera=camera))
    assert np.abs(smile.rigid).max() < 0.01
    assert np.abs(smile.moves).max() > 1
    nothing = flow(someone, still, still)
    assert np.abs(nothing.whole).max() < 0.01
    assert nothing.valid.mean() > 0.98


def test_light_from_one_side_lights_that_side(someone):
    def halves(side):
        lamp = Lamp((side, 0.2, 0.6))
        light = Light(sky=(0.1,) * 3, ground=(0.1,) * 3, lamps=(lamp,))
        rgb = render(someone, Scene(camera=SMALL, light=light)).rgb[40:90].astype(float)
        return rgb[:, 40:60].mean(), rgb[:, 68:88].mean()

    left, right = halves(-1)
    assert left > right * 1.3
    left, right = halves(1)
    assert right > left * 1.3


def test_darker_tones_are_darker_and_infrared_hardly_sees_them(builtin):
    frames = []
    for tone in (2.0, 9.0):
        person = make_person(5, builtin, tone=tone)
        plain = dataclasses.replace(person.appearance, beard="none", glasses="none", make_up=0.0)
        person = dataclasses.replace(person, appearance=plain)
        frames.append(render(Actor(builtin, person), Scene(camera=SMALL), nir=True))
    skin = (frames[0].seg == 1) & (frames[1].seg == 1)
    assert frames[0].rgb[skin].mean() > 2 * frames[1].rgb[skin].mean()
    assert frames[0].nir[skin].mean() < 1.3 * frames[1].nir[skin].mean()


def test_children_have_smaller_chins_and_larger_eyes(builtin):
    person = make_person(5, builtin)
    young, old = (Actor(builtin, aged(person, years)) for years in (4, 30))
    a, b = (render(x, Scene(camera=SMALL)).lm68_3d for x in (young, old))
    heights = [(p[27, 1] - p[8, 1]) / (p[45, 0] - p[36, 0]) for p in (a, b)]
    assert heights[0] < heights[1]


@pytest.mark.parametrize("change", [{"tone": 0}, {"age": 1}, {"grey": float("nan")}])
def test_a_look_outside_its_range_is_refused(change):
    with pytest.raises(MienError, match="must be in"):
        Appearance(**change)


def test_an_unknown_hair_style_tells_the_known_ones():
    with pytest.raises(MienError, match="curly"):
        Appearance(hair_style="mullet")


@pytest.mark.parametrize(
    "change", [{"glasses": "sun"}, {"mask": True}, {"hat": True}, {"scarf": True}]
)
def test_things_worn_are_seen(builtin, change):
    person = make_person(3, builtin)
    plain = dataclasses.replace(person.appearance, glasses="none", hair_style="short")
    bare, worn = (
        render(
            Actor(builtin, dataclasses.replace(person, appearance=appearance)), Scene(camera=SMALL)
        )
        for appearance in (plain, dataclasses.replace(plain, **change))
    )
    name = {"glasses": "eye_g", "mask": "cloth", "hat": "hat", "scarf": "cloth"}[next(iter(change))]
    before, after = ((f.seg == NUMBER[name]).sum() for f in (bare, worn))
    assert after > before + 60


def test_the_mouth_alone_looks_as_it_does_in_the_whole_face(someone):
    from mien.synth.head.geometry_checks import mouth_camera

    flat = Light(lamps=(), sky=(0.8,) * 3, ground=(0.8,) * 3)
    scene = Scene({"AU26": 0.5}, camera=mouth_camera(), light=flat)
    whole, part = (render(a, scene, truth=False) for a in (someone, someone.mouth_only()))
    assert part.rgb.shape == (64, 64, 3)
    assert np.array_equal(part.lm68, whole.lm68)
    assert np.abs(part.rgb.astype(int) - whole.rgb).mean() < 3
    assert len(someone.mouth_only().triangles) < len(someone.triangles) / 2


def test_a_furnished_room_lies_behind_the_person_and_changes_nothing_in_front(someone):
    soft = Scene(camera=Camera(96, 96), background=3)
    first, second = (render(someone, replace(soft, room=seed)) for seed in (4, 5))
    plain = render(someone, soft)
    behind = cv2.erode((plain.seg == 0).astype(np.uint8), np.ones((3, 3))) > 0
    face = np.isin(plain.seg, (NUMBER["skin"], NUMBER["nose"]))
    front = cv2.erode(face.astype(np.uint8), np.ones((3, 3))) > 0
    assert (first.rgb[front] == plain.rgb[front]).all()
    assert (first.seg == plain.seg).all()
    for one, other in ((first, plain), (first, second)):
        assert np.abs(one.rgb[behind].astype(int) - other.rgb[behind]).mean() > 5


def test_a_sample_without_a_room_keeps_its_digest(builtin):
    person = make_person(1, builtin)
    bare, furnished = (Sample(person, Scene(room=room)) for room in (None, 3))
    assert "room" not in bare.parameters()["scene"]
    assert furnished.parameters()["scene"]["room"] == 3
    assert bare.digest() != furnished.digest()


def test_skin_does_not_depend_on_what_is_beside_it_and_is_painted_once():
    plain = Appearance(tone=3, seed=8)
    others = {
        "iris": (0.3, 0.2, 0.1), "iris_size": 1.1, "hair_style": "long",
        "hairline": (3.0, 2.0, 1.0),
        "hair_volume": 1.3, "parting": 0.5, "glasses": "square", "mask": True, "hat": True,
        "scarf": True, "clothes": (0.5, 0.4, 0.3),
    }  # fmt: skip
    assert tuple(others) == BESIDE
    beside = replace(plain, **others)
    assert paint(beside) is paint(plain)
    one, two = (_Painter(each).skin() for each in (plain, beside))  # neither is kept
    for name in ("colour", "infrared", "finish", "blood", "labels"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    assert paint(replace(plain, make_up=0.5)) is not paint(plain)
