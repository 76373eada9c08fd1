"""Faces that are cut out of whole pictures: crops, shares, mask, training and answers."""

from dataclasses import replace

import numpy as np
import pytest

from mien.errors import TrainingError
from mien.media import write_image
from mien.systems.evoked_a4net.drawn import draw_scenes
from mien.systems.evoked_a4net.faces import MOST, cut_faces, expressions_of, padded
from mien.systems.evoked_a4net.head import FACES
from mien.types import Clip, Face, Reading
from mien.zoo import find_system, load


def face(*box, points=None):
    return Face(np.array(box, np.float32), 1.0, points)


@pytest.fixture
def picture():
    """A dark picture with a white square of 20 px."""
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[10:30, 40:60] = 255
    return picture


def test_the_largest_faces_are_cut_and_count_by_their_area(picture):
    crops, share = cut_faces(picture, [face(0, 0, 10, 10), face(40, 10, 60, 30)], 16)
    assert crops.shape == (2, 16, 16, 3)
    assert crops[0].mean() > 180
    assert crops[1].mean() == 0
    assert share == pytest.approx([0.8, 0.2])
    many = [face(k, k, k + 10 + k, k + 10 + k) for k in range(9)]
    crops, share = cut_faces(picture, many, 16)
    assert len(crops) == MOST
    assert (np.diff(share) < 0).all()
    assert share.sum() == pytest.approx(1)


def test_a_face_with_points_is_aligned_and_one_without_is_not(picture):
    points = np.array([[46, 18], [54, 18], [50, 22], [47, 26], [53, 26]], np.float32)
    [aligned], _ = cut_faces(picture, [face(40, 10, 60, 30, points=points)], 16)
    [cut], _ = cut_faces(picture, [face(40, 10, 60, 30, points=np.full((5, 2), np.nan))], 16)
    assert aligned.mean() > 250  # the framing of FER2013 lies within the square
    assert cut.mean() < aligned.mean()


@pytest.mark.parametrize("box", [(np.nan, 0, 9, 9), (200, 200, 220, 220), (9, 9, 9, 9)])
def test_boxes_that_show_no_face_are_left_out(picture, box):
    for faces in ([face(*box)], []):
        crops, share = cut_faces(picture, faces, 16)
        assert crops.shape == (0, 16, 16, 3)
        assert share.shape == (0,)
    crops, share = cut_faces(picture, [face(*box), face(40, 10, 60, 30)], 16)
    assert share.tolist() == [1.0]


def test_rows_without_a_face_are_padded():
    one = np.ones((1, 8, 8, 3), np.uint8), np.ones(1, np.float32)
    crops, share = padded([one, (one[0][:0], one[1][:0])], 8)
    assert crops.shape == (2, MOST, 8, 8, 3)
    assert share.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    assert crops[0, 1:].max() == 0


def test_crops_do_not_change_the_scenes():
    plain, cut = draw_scenes(20, 4), draw_scenes(20, 4, crop=16)
    assert (plain.images == cut.images).all()
    assert (plain.emotion == cut.emotion).all()
    assert not len(plain.crops)
    assert ((cut.crop_share > 0) == (cut.crop_face >= 0)).all()
    assert ((cut.crop_share.sum(1) > 0.99) == (cut.face >= 0)).all()
    alone = (cut.crop_face >= 0).sum(1) == 1
    assert (cut.crop_face[alone, 0] == cut.face[alone]).all()
    loose = draw_scenes(20, 4, crop=16, loose=0.1)
    assert (loose.images == cut.images).all()
    assert (loose.crops != cut.crops).any()


@pytest.fixture(params=["branch", "expression"])
def part(request, lab, torch):
    torch.manual_seed(0)
    made = lab.model.FaceCrops(4, 8, request.param, width=4).eval()
    made.mean.normal_()
    shape = (3, 16, 16) if request.param == "branch" else (7,)
    return made, torch.rand(3, 2, *shape)


def test_faces_are_averaged_by_their_shares_and_none_gives_zeros(part, torch):
    made, crops = part
    share = torch.tensor([[0.7, 0.3], [0.0, 0.0], [1.0, 0.0]])
    pooled, faces = made.pooled(crops, share)
    assert pooled[1].abs().max() == faces[1].abs().max() == faces[2, 1].abs().max() == 0
    assert pooled[:, -1].tolist() == [1, 0, 1]  # the mask
    one, two = made.vectors(crops[0])[0]
    assert torch.allclose(pooled[0, :-1], 0.7 * one + 0.3 * two, atol=1e-6)
    # Each face alone, averaged afterwards, adds the same to the logits.
    shift, face, average = made(crops[0])
    assert torch.allclose(0.7 * shift[0] + 0.3 * shift[1], made.out(pooled[0]), atol=1e-6)
    assert torch.allclose(face, faces[0], atol=1e-6)
    assert torch.allclose(average[1], made.out(made.mean))
    empty, _ = made.pooled(crops, torch.zeros(3, 2))
    assert empty.abs().max() == 0


def test_a_batch_without_faces_has_the_loss_of_the_picture_alone(lab, torch):
    net = lab.model.Net((8, 8, 16, 16), (3, 1, 1, 1), 6, 4, face_crops="branch").eval()
    none = torch.full((2,), -1)
    args = (torch.rand(2, 3, 64, 64), torch.tensor([0, 1]), torch.rand(2), torch.rand(2), none,
            none)  # fmt: skip
    crops = torch.zeros((2, MOST, 16, 16, 3), dtype=torch.uint8)
    label = torch.full((2, MOST), -1)
    alone = lab.train.loss(net, *args)
    assert torch.allclose(alone, lab.train.loss(net, *args, crops, torch.zeros(2, MOST), label))
    share = torch.zeros(2, MOST)
    share[0, 0] = 1
    label[0, 0] = 2
    found = lab.train.loss(net, *args, crops, share, label)
    assert torch.isfinite(found)
    assert found != alone


def test_a_setting_that_names_no_reader_is_refused(lab):
    with pytest.raises(TrainingError, match="face_crops must be one of expression, branch"):
        lab.train.drawn(lab.train.Config(face_crops="yes"))


def test_a_set_without_faces_is_refused(lab, tmp_path, monkeypatch):
    bare = replace(draw_scenes(8, 0), crops=np.zeros((8, MOST, 32, 32, 3), np.uint8),
                   crop_share=np.zeros((8, MOST), np.float32))  # fmt: skip
    monkeypatch.setattr(lab.train, "drawn", lambda config: (bare, bare))
    with pytest.raises(TrainingError, match="Fewer than two faces"):
        lab.train.train(lab.train.Config(face_crops="branch"), None, tmp_path)


def test_faces_of_a_set_are_cut_where_they_are_found(lab, tmp_path):
    """Bright pictures have two faces, dark ones none; the set names the expression of one."""
    rng = np.random.default_rng(0)
    for name, level in (("awe", 20), ("fear", 220)):
        (tmp_path / name).mkdir()
        for k in range(6):
            noise = rng.integers(0, 30, (40, 40, 3), np.uint8)
            write_image(tmp_path / name / f"{k}.png", noise + np.uint8(level))

    def cut(picture):
        found = [face(0, 0, 10, 10), face(5, 5, 30, 30)] if picture.mean() > 120 else []
        return cut_faces(picture, found, 32)

    some = lab.data.read_set(tmp_path, "train", 32, faces=cut)
    seen = some.crop_share.sum(1) > 0
    assert (seen == (some.emotion == some.emotions.index("fear"))).all()
    assert some.crops.shape == (len(some.emotion), MOST, 32, 32, 3)
    assert (some.crop_face == -1).all()  # this layout names no expression


@pytest.fixture(scope="module", params=["branch", "expression"])
def run(request, lab, tmp_path_factory):
    """A run folder of one short training, with its head."""
    from mien.train.finish import finish_run

    out = tmp_path_factory.mktemp("faces")
    config = lab.train.Config(widths=(8, 8, 16, 16), depths=(3, 1, 1, 1), size=4, images=60,
                              test=40, epochs=1, face_crops=request.param)  # fmt: skip
    figures = lab.train.train(config, None, out)
    assert figures["graph differs by"] < 1e-4
    assert "crop F1" in figures
    finish_run(find_system("evoked-a4net"), config, None, out, figures)
    _, test = lab.train.drawn(config)
    return load(str(out)), test


def effects(reading):
    return next(one.values for one in reading.derived if one.task == "evoked-contributions")


def test_a_head_reads_the_faces_that_it_is_given(run):
    head, test = run
    assert head.uses_faces
    picture = test.images[int(np.flatnonzero(test.face >= 0)[0])]
    some, other = face(5, 5, 40, 40), face(30, 30, 50, 50)
    none, one, two = (head.read(picture, faces=f) for f in ((), [some], [some, other]))
    assert none.values != one.values != two.values
    assert sum(two.values.values()) == pytest.approx(1, abs=1e-5)
    assert set(effects(one)) == {"colourfulness", "brightness", "scene", "face", "face crops"}
    shown = next(r.values for r in one.derived if r.task == "picture-face")
    assert list(shown) == list(FACES)
    assert sum(shown.values()) == pytest.approx(1, abs=1e-5)
    many = [face(k, k, k + 20, k + 20) for k in range(12)]
    assert np.isfinite(list(head.read(picture, faces=many).values.values())).all()
    boxes = np.array([[5, 5, 40, 40], [np.nan] * 4], np.float32)
    clip = Clip(np.array([0.0, 0.5]), frames=np.stack([picture, picture]), boxes=boxes)
    first, second = head(clip)
    assert first.values == pytest.approx(one.values, abs=1e-6)
    assert second.values == pytest.approx(none.values, abs=1e-6)


def test_expressions_of_no_face_are_no_rows():
    blank = np.zeros((0, 64, 64, 3), np.uint8)
    assert expressions_of(lambda chips: [], blank).shape == (0, 7)
    values = {str(k): 1 / 7 for k in range(7)}
    one = expressions_of(lambda chips: [Reading("expression", values, "probability", "m")],
                         np.zeros((1, 64, 64, 3), np.uint8))  # fmt: skip
    assert one.shape == (1, 7)


@pytest.mark.slow
def test_the_proof_of_faces_runs(lab, tmp_path):
    from mien.train.proofs import run_proof

    rng = np.random.default_rng(0)
    for name in ("anger", "disgust", "fear", "happy", "sadness", "surprise"):
        (tmp_path / "ck48" / name).mkdir(parents=True)
        for person in (5, 10):
            path = tmp_path / f"ck48/{name}/S{person:03d}_001_00000001.png"
            write_image(path, rng.integers(0, 256, (48, 48, 3), np.uint8))
    found = run_proof(find_system("evoked-a4net"), tmp_path, tmp_path / "out", quick=True,
                      only=("face-crops",))  # fmt: skip
    assert "expression head" in found.texts["face-crops"]
    (tmp_path / "ck48/fear/S005_001_00000001.png").unlink()
    from mien.systems.evoked_a4net.face_crops import read_faces

    with pytest.raises(TrainingError, match="show no fear"):
        read_faces(tmp_path, tmp_path)
