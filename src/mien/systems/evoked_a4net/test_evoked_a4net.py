"""Formulas by hand, exact parts of the network, EmoSet's layout, a small training, the command."""

import json
from itertools import product

import numpy as np
import pytest

from mien.errors import ImageError, TrainingError, WeightsError
from mien.media import write_image
from mien.service.pictures import read_scene
from mien.systems.evoked_a4net.attributes import brightness, colourfulness
from mien.systems.evoked_a4net.head import BRANCHES, EMOTIONS, OUTPUTS, EvokedA4Net
from mien.testing import check
from mien.types import Clip
from mien.zoo import find, find_system, load


def flat(*colour, side=40):
    return np.full((side, side, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("colour", "bright", "colourful"),
    [
        ((128, 128, 128), 128 / 255, 0.0),
        ((0, 0, 0), 0.0, 0.0),
        ((255, 255, 255), 1.0, 0.0),
        # red: rg = 255, yb = 127.5; nothing varies, so 0.3 * |(255, 127.5)| / 109
        ((255, 0, 0), 0.299, 0.3 * np.hypot(255, 127.5) / 109),
        ((0, 255, 0), 0.587, 0.3 * np.hypot(255, 127.5) / 109),
        ((0, 0, 255), 0.114, 0.3 * 255 / 109),
    ],
)
def test_formulas_on_flat_pictures(colour, bright, colourful):
    assert brightness(flat(*colour)) == pytest.approx(bright)
    assert colourfulness(flat(*colour)) == pytest.approx(colourful)


def test_formulas_on_checkerboards():
    board = np.indices((40, 40)).sum(0) % 2 == 0
    grey = np.where(board[..., None], flat(255, 255, 255), flat(0, 0, 0))
    assert brightness(grey) == pytest.approx(0.5)
    assert colourfulness(grey) == 0
    # half red, half green: rg = +-255, yb = 127.5 everywhere; limited to 1
    assert colourfulness(np.where(board[..., None], flat(255, 0, 0), flat(0, 255, 0))) == 1
    # pale red and green: rg = +-20; yb = -90 everywhere
    pale = np.where(board[..., None], flat(100, 80, 180), flat(80, 100, 180))
    assert colourfulness(pale) == pytest.approx((20 + 0.3 * 90) / 109)


def test_no_weights_are_shipped_and_the_head_says_so():
    assert find("evoked-a4net").files == ()
    assert not find("evoked-a4net").default
    with pytest.raises(WeightsError, match="ships no weights"):
        EvokedA4Net(name="evoked-a4net")


def test_a_small_picture_is_refused_and_a_grey_one_is_not():
    with pytest.raises(ImageError, match="31 x 40 px is too small"):
        read_scene(np.zeros((40, 31, 3), np.uint8))
    found = read_scene(flat(128, 128, 128))
    assert found.attributes["colourfulness"] == 0
    assert (found.first, found.contributions, found.map) == (None, {}, None)


def test_drawn_scenes_are_seeded_and_their_labels_follow_the_rule(lab):
    from mien.systems.evoked_a4net.drawn import draw_scenes, rule

    some = draw_scenes(30, 4)
    again = draw_scenes(30, 4)
    assert (some.images == again.images).all()
    assert (some.emotion == again.emotion).all()
    assert np.allclose(some.share.sum(1), 1)
    assert (some.height[some.face < 0] == 0).all()
    assert (some.height[some.face >= 0] >= 14).all()
    bright, colour = np.array([0.9], np.float32), np.array([0.35], np.float32)
    wood, happy = np.array([4]), np.array([3])
    nobody = np.array([-1])
    best = [EMOTIONS[int(rule(*four).argmax())] for four in (
        (bright, colour, wood, nobody), (1 - bright, colour, wood, np.array([2])),
        (bright, colour * 3, np.array([5]), happy),
    )]  # fmt: skip
    assert best == ["contentment", "fear", "amusement"]


@pytest.fixture(scope="module")
def net(lab, torch):
    torch.manual_seed(1)
    net = lab.model.Net((8, 8, 16, 16), (3, 1, 1, 1), 6, 4)
    with torch.no_grad():
        for one in net.parameters():
            one.add_(torch.randn_like(one) * 0.1)
        net.means.normal_()
    return net.eval()


def test_response_normalisation_starts_as_the_identity(lab, torch):
    x = torch.randn(2, 5, 5, 8)
    layer = lab.model.Response(8)
    assert torch.equal(layer(x), x)
    torch.nn.init.ones_(layer.gamma)
    size = x.square().sum((1, 2), keepdim=True).sqrt()
    assert torch.allclose(layer(x), x + x * size / size.mean(-1, keepdim=True), atol=1e-4)


def test_the_map_is_grad_cam(torch, net):
    """The closed form against the derivatives of torch."""
    x = torch.rand(2, 3, 64, 64)
    found = net.found(x)
    for k in (0, 5):
        [slope] = torch.autograd.grad(found.logits[:, k].sum(), found.last, retain_graph=True)
        alpha = slope.mean((2, 3), keepdim=True)
        # mean of the slope over places; equation 1 of the source
        by_hand = (alpha * found.last).sum(1).relu()
        assert torch.allclose(net.map(found.last)[:, k], by_hand, atol=1e-5)


def test_without_a_branch_its_vector_is_the_mean(torch, net):
    found = net.found(torch.rand(2, 3, 64, 64))
    for number in range(len(BRANCHES)):
        fused = found.fused.clone()
        start = 16 + 4 * number
        fused[:, start : start + 4] = net.means[number]
        assert torch.allclose(net.without(found)[:, number], net.out(fused), atol=1e-5)


def test_a_batch_without_labels_of_a_branch_has_a_finite_loss(lab, torch, net):
    none = torch.full((4,), -1)
    assert float(lab.train.labelled(torch.randn(4, 6), none)) == 0
    found = lab.train.loss(net, torch.rand(4, 3, 64, 64), torch.arange(4), torch.rand(4),
                           torch.rand(4), none, none)  # fmt: skip
    assert torch.isfinite(found)
    logits, label = torch.randn(3, 6), torch.tensor([2, -1, 0])
    by_hand = torch.nn.functional.cross_entropy(logits[[0, 2]], label[[0, 2]])
    assert torch.allclose(lab.train.labelled(logits, label), by_hand)


def test_a_branch_that_is_not_used_has_no_gradient(lab, torch):
    net = lab.model.Net((8, 8, 16, 16), (3, 1, 1, 1), 6, 4, use=("scene",))
    args = (torch.rand(2, 3, 64, 64), torch.tensor([0, 1]), torch.rand(2), torch.rand(2),
            torch.tensor([0, 1]), torch.tensor([0, 1]))  # fmt: skip
    lab.train.loss(net, *args).backward()
    assert net.branches[2].out.weight.grad.abs().sum() > 0
    assert all(net.branches[k].out.weight.grad is None for k in (0, 1, 3))


@pytest.fixture(scope="module")
def run(lab, tmp_path_factory):
    """A run folder of two short epochs."""
    from mien.train.finish import finish_run

    out = tmp_path_factory.mktemp("run")
    config = lab.train.Config(
        widths=(8, 8, 16, 16), depths=(3, 1, 1, 1), size=4, images=120, test=60, epochs=2
    )
    figures = lab.train.train(config, None, out)
    assert figures["graph differs by"] < 1e-4
    finish_run(find_system("evoked-a4net"), config, None, out, figures)
    return out


def test_the_file_of_a_training_is_a_head(run):
    head = load(str(run))
    check("clip-head", head)
    assert head.scenes[0] == "sky-grass"
    pictures = np.stack([flat(200, 30, 30, side=64), flat(10, 10, 60, side=64)])
    boxes = np.full((2, 4), np.nan, np.float32)
    first, second = head(Clip(np.array([0.0, 0.5]), frames=pictures, boxes=boxes))
    assert sum(first.values.values()) == pytest.approx(1, abs=1e-5)
    assert second.span == (0.5, 0.5)
    assert {one.task for one in first.derived} == {
        "picture-attributes", "picture-scene", "picture-face", "evoked-contributions",
    }  # fmt: skip
    assert first.array.min() >= 0
    alone = head.read(pictures[1]).values
    assert alone == pytest.approx(second.values, abs=1e-5)
    assert set(head.outputs(pictures)) == set(OUTPUTS)


def annotated(root, changes=()):
    """Twelve pictures in the layout of EmoSet; their annotated brightness is the formula's."""
    rows = []
    for k in range(12):
        picture = flat(20 * k, 20 * k, 20 * k)
        write_image(root / f"image/{k}.png", picture)
        note = {"brightness": round(brightness(picture), 1), "scene": ("beach", "shop")[k % 2]}
        if k < 3:
            note["facial_expression"] = "happy"
        (root / f"annotation/{k}.json").write_text(json.dumps(note))
        rows.append([EMOTIONS[k % 8], k, f"image/{k}.png", f"annotation/{k}.json"])
    (root / "train.json").write_text(json.dumps(rows))
    (root / "info.json").write_text(json.dumps({"label2idx": {"scene": {"beach": 0, "shop": 1}}}))
    return rows


@pytest.fixture
def emoset(tmp_path):
    for name in ("image", "annotation"):
        (tmp_path / name).mkdir()
    annotated(tmp_path)
    return tmp_path


def test_the_layout_of_emoset(lab, emoset):
    some = lab.data.emoset(emoset, "train", 32)
    assert some.images.shape == (12, 32, 32, 3)
    assert some.scenes == ("beach", "shop")
    assert some.scene.tolist() == [0, 1] * 6
    assert some.face.tolist() == [3] * 3 + [-1] * 9
    assert some.brightness[5] == pytest.approx(0.4)  # annotated in steps of 0.1
    assert some.colourfulness[5] == 0  # not annotated, so computed
    assert len(lab.data.emoset(emoset, "train", 32, most=5).emotion) == 5


def test_damage_of_emoset_is_named(lab, emoset):
    (emoset / "image/3.png").write_bytes(b"")  # left out
    assert len(lab.data.emoset(emoset, "train", 32).emotion) == 11
    with pytest.raises(TrainingError, match="cannot be read as JSON"):
        lab.data.emoset(emoset, "test", 32)
    (emoset / "train.json").write_text('[["joy", 1, "image/1.png", "annotation/1.json"]]')
    with pytest.raises(TrainingError, match="'joy', which is none of"):
        lab.data.emoset(emoset, "train", 32)
    (emoset / "train.json").write_text("{}")
    with pytest.raises(TrainingError, match="must list"):
        lab.data.emoset(emoset, "train", 32)
    (emoset / "info.json").write_text('{"label2idx": {"scene": {"beach": 4}}}')
    with pytest.raises(TrainingError, match="without gaps"):
        lab.data.emoset(emoset, "train", 32)


@pytest.fixture
def classes(tmp_path):
    """Pictures in a folder for each emotion; two of them are the same."""
    rng = np.random.default_rng(0)
    for name in ("fear", "joy"):
        (tmp_path / name).mkdir()
        for k in range(20):
            write_image(tmp_path / name / f"{k}.png", rng.integers(0, 256, (40, 40, 3), np.uint8))
    (tmp_path / "joy/copy.png").write_bytes((tmp_path / "joy/3.png").read_bytes())
    (tmp_path / "joy/damaged.png").write_bytes(b"no")
    return tmp_path


def test_a_folder_for_each_emotion(lab, classes):
    learn, test = (lab.data.read_set(classes, part, 32) for part in ("train", "test"))
    assert learn.emotions == test.emotions == ("fear", "joy")
    assert len(learn.emotion) + len(test.emotion) == 41
    assert 2 <= len(test.emotion) <= 16
    apart = [{x.tobytes() for x in part.images} for part in (learn, test)]
    assert not apart[0] & apart[1]
    assert (learn.scene == -1).all()
    assert learn.brightness == pytest.approx(0.5, abs=0.1)
    for part, name in product(("train", "test"), ("fear", "joy")):
        (classes / part / name).mkdir(parents=True)
        (classes / part / name / "1.png").write_bytes((classes / name / "1.png").read_bytes())
    given = lab.data.read_set(classes, "test", 32)
    assert given.emotion.tolist() == [0, 1]
    with pytest.raises(TrainingError, match="fewer than two folders"):
        lab.data.read_set(classes / "joy", "train", 32)


def person(*words, train=True):
    if train:
        notes = [{"categories": np.array([word], object)} for word in words]
        return {"body_bbox": [0, 0, 9, 9], "annotations_categories": notes}
    return {"body_bbox": [0, 0, 9, 9], "annotations_categories": [],
            "combined_categories": np.array(words, object)}  # fmt: skip


@pytest.fixture
def emotic(tmp_path):
    from scipy.io import savemat

    (tmp_path / "emotic/mscoco").mkdir(parents=True)
    rows = {"train": [], "test": []}
    for part, train in (("train", True), ("test", False)):
        for k in range(3):
            people = [person("Peace", "Fear", train=train), person("Pain", train=train)][
                : 1 + k % 2
            ]
            name = f"{part}{k}.png"
            write_image(tmp_path / "emotic/mscoco" / name, flat(90, 60 * k, 30))
            rows[part].append({"filename": name, "folder": "mscoco", "person": people})
    savemat(tmp_path / "Annotations.mat", rows)
    return tmp_path


def test_the_layout_of_emotic(lab, emotic):
    for part in ("train", "test"):
        some = lab.data.read_set(emotic, part, 32)
        assert some.emotions == ("Fear", "Pain", "Peace")
        assert some.several.tolist() == [[1, 0, 1], [1, 1, 1], [1, 0, 1]]
        assert (some.emotion == -1).all()
    assert lab.data.read_set(emotic, "test", 32).rows(np.array([1])).several.tolist() == [[1, 1, 1]]
    with pytest.raises(TrainingError, match="no part 'val'"):
        lab.data.read_set(emotic, "val", 32)
    (emotic / "Annotations.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(TrainingError, match="is not the table of EMOTIC"):
        lab.data.read_set(emotic, "train", 32)


def test_several_emotions_are_learnt_and_answered_apart(lab, emotic, tmp_path):
    from mien.train.finish import finish_run

    config = lab.train.Config(widths=(8, 8, 16, 16), depths=(3, 1, 1, 1), size=4, batch=2, epochs=1,
                              images=0, side=32)  # fmt: skip
    out = tmp_path / "run"
    figures = lab.train.train(config, emotic, out)
    assert figures["several"]
    assert figures["by a constant answer"] == pytest.approx(7 / 9)
    finish_run(find_system("evoked-a4net"), config, emotic, out, figures)
    values = load(str(out)).read(flat(90, 30, 30)).values
    assert list(values) == ["Fear", "Pain", "Peace"]
    assert all(0 < one < 1 for one in values.values())
    assert sum(values.values()) != pytest.approx(1, abs=1e-3)


def test_attributes_that_are_not_those_of_the_formulas_are_refused(lab):
    computed = np.linspace(0, 1, 20)
    kept = np.where(np.arange(20) % 2, computed, np.nan)
    assert np.allclose(lab.data.same_measure("brightness", kept, computed), computed)
    with pytest.raises(TrainingError, match="agrees with the formula by"):
        lab.data.same_measure("brightness", np.cos(40 * computed), computed)


@pytest.mark.realdata
def test_formulas_hold_on_photographs(data):
    """Real photographs: brightness is Pillow's own luma, and grey crops have no colour."""
    from mien.media import find_images, read_image

    paths = sorted(find_images([data / "assets"]))[:20]
    assert paths
    for path in paths:
        picture = read_image(path)
        assert 0 < brightness(picture) < 1
        assert colourfulness(np.repeat(picture[..., :1], 3, 2)) == 0
        assert brightness(picture // 2) < brightness(picture)


@pytest.mark.slow
def test_the_proof_runs(lab, tmp_path):
    from mien.train.proofs import run_proof

    for name in ("photos", "one"):
        (tmp_path / name).mkdir()
    for k in range(4):
        write_image(tmp_path / f"photos/{k}.png", flat(60 * k, 30, 90 - 20 * k))
    photos = tmp_path / "photos"
    system, drawn = find_system("evoked-a4net"), {"only": ["drawn"], "quick": True}
    found = run_proof(system, photos, tmp_path / "out", **drawn)
    assert "without face" in found.texts["drawn"]
    assert found.left_out == []
    write_image(tmp_path / "one/1.png", flat(9, 9, 9))
    with pytest.raises(TrainingError, match="fewer than three"):
        run_proof(system, tmp_path / "one", tmp_path / "o", **drawn)
