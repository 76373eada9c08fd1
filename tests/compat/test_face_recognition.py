"""Scripts for face_recognition run after one changed import, and every tolerance has a rate."""

import warnings

import numpy as np
import pytest

from mien.compat import CompatWarning, scale
from mien.errors import NoFaceError
from mien.media import encode_image, write_image

pytestmark = pytest.mark.weights


@pytest.fixture
def fr(monkeypatch):
    import mien.compat.face_recognition as face_recognition

    scale.state_once.cache_clear()
    return face_recognition


@pytest.mark.parametrize(
    ("distance", "rate"), [(0.6, 1e-3), (0.3, 1e-6), (1.2, 1.0), (5.0, 1.0), (0.0, 0.0)]
)
def test_a_tolerance_has_a_rate(distance, rate):
    # 0.6 is the score 3; half of it is 3 more; 1.2 is the score 0: every pair
    assert scale.rate_of(distance) == pytest.approx(rate)


def test_a_script_finds_and_compares(fr, astronaut, hopper, tmp_path):
    write_image(tmp_path / "a.png", astronaut)
    image = fr.load_image_file(str(tmp_path / "a.png"))
    [(top, right, bottom, left)] = fr.face_locations(image)
    assert 0 <= top < bottom <= 512
    assert 0 <= left < right <= 512
    [known] = fr.face_encodings(image)
    assert (known.shape, known.dtype) == ((128,), np.float64)
    [same] = fr.face_encodings((image * 0.8).astype(np.uint8))
    [other] = fr.face_encodings(hopper)
    with pytest.warns(CompatWarning, match=r"tolerance 0.6 stands for a false match rate of 0.001"):
        assert fr.compare_faces([known, other], same) == [True, False]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is stated once
        fr.compare_faces([known], same)
    near, far = fr.face_distance([known, other], same)
    assert near < 0.6 < far <= 1.2
    assert fr.face_distance([known], known).tolist() == [0.0]
    assert fr.face_distance([], known).shape == (0,)
    assert fr.compare_faces([], known) == []


def test_the_distance_is_that_of_the_calibrated_score(fr, astronaut, hopper):
    [a], [b] = fr.face_encodings(astronaut), fr.face_encodings(hopper)
    pair = np.float32([a]), np.float32([b])
    [score] = scale.calibration().pair_scores(*pair)
    assert fr.face_distance([a], b)[0] == pytest.approx(1.2 * 2 ** (-score / 3))


def test_encodings_of_another_library_are_refused(fr):
    with pytest.raises(ValueError, match="original images again"):
        fr.face_distance([np.full(128, 0.12)], np.full(128, 0.12))
    with pytest.raises(ValueError, match="original images again"):
        fr.compare_faces([np.eye(64)[0]], np.eye(64)[0])


def test_a_face_at_a_known_location(fr, astronaut, hopper):
    both = np.hstack([astronaut, hopper[:512]])
    first, second = sorted(fr.face_locations(both), key=lambda box: box[3])
    [left], [right] = (fr.face_encodings(both, [box]) for box in (first, second))
    [a], [b] = fr.face_encodings(astronaut), fr.face_encodings(hopper)
    assert fr.face_distance([a, b], left).argmin() == 0
    assert fr.face_distance([a, b], right).argmin() == 1
    with pytest.raises(NoFaceError, match="no face at"):
        fr.face_encodings(both, [(0, 40, 40, 0)])


def test_no_face_is_an_empty_list(fr):
    black = np.zeros((200, 200, 3), np.uint8)
    assert fr.face_locations(black) == []
    assert fr.face_encodings(black) == []
    assert fr.face_landmarks(black) == []


def test_landmarks_have_the_parts_of_the_original(fr, astronaut):
    pytest.importorskip("ai_edge_litert", reason="landmarks need LiteRT: 'mien[analyze]'")
    [large] = fr.face_landmarks(astronaut)
    counts = {name: len(points) for name, points in large.items()}
    assert counts == {
        "chin": 17,
        "left_eyebrow": 5,
        "right_eyebrow": 5,
        "nose_bridge": 4,
        "nose_tip": 5,
        "left_eye": 6,
        "right_eye": 6,
        "top_lip": 12,
        "bottom_lip": 12,
    }
    eyes = np.mean(large["left_eye"], axis=0), np.mean(large["right_eye"], axis=0)
    assert eyes[0][0] < eyes[1][0]
    [small] = fr.face_landmarks(astronaut, model="small")
    assert {name: len(points) for name, points in small.items()} == {
        "nose_tip": 1,
        "left_eye": 2,
        "right_eye": 2,
    }
    with pytest.raises(ValueError, match="landmarks model"):
        fr.face_landmarks(astronaut, model="huge")


def test_what_has_no_effect_is_stated(fr, astronaut):
    with pytest.warns(CompatWarning, match="number_of_times_to_upsample"):
        fr.face_locations(astronaut, 2)
    with pytest.warns(CompatWarning, match="num_jitters"):
        fr.face_encodings(astronaut, num_jitters=10)


def test_an_image_from_an_open_file_and_in_grey(fr, astronaut, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode_image(astronaut, "png"))
    with path.open("rb") as file:
        assert np.array_equal(fr.load_image_file(file), astronaut)
    assert fr.load_image_file(path, mode="L").shape == astronaut.shape[:2]
    with pytest.raises(ValueError, match="Mode"):
        fr.load_image_file(path, mode="CMYK")


def test_its_command(fr, astronaut, hopper, tmp_path, capsys):
    for name, image in (("known/Eileen.png", astronaut), ("unknown/1.png", astronaut)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_image(tmp_path / name, image)
    write_image(tmp_path / "unknown/2.png", hopper)
    write_image(tmp_path / "unknown/3.png", np.zeros((99, 99, 3), np.uint8))
    assert fr.main([str(tmp_path / "known"), str(tmp_path / "unknown")]) == 0
    lines = [line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["1.png,Eileen", "2.png,unknown_person", "3.png,no_persons_found"]
    assert fr.main(["--show-distance", str(tmp_path / "known"), str(tmp_path / "unknown")]) == 0
    assert "1.png,Eileen,0.0000" in capsys.readouterr().out
    assert fr.main([]) == 2
    assert fr.main([str(tmp_path / "nowhere"), str(tmp_path)]) == 1
