"""Known shapes; faces never mix; two steps of training; the shipped file equals the network."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from mien.contracts import Samples, Subject
from mien.errors import TrainingError
from mien.metrics.findings import plain
from mien.service import audit
from mien.testing import TOY_DEVICE, check, noise
from mien.types import Crop, Reading
from mien.zoo import load


def test_the_shipped_head_keeps_its_contract():
    head = load("expression-convcut")
    check("chip-head", head)
    for reading in head(noise(3, head.crop.size)):
        assert sum(reading.values.values()) == pytest.approx(1, abs=1e-5)
        assert tuple(reading.values) == head.classes


@pytest.mark.realdata
@pytest.mark.weights
def test_the_figure_of_the_card_holds(data, tmp_path):
    """On a quarter of the validation part of FERPlus, which takes ten seconds."""
    from mien.evaluate.attributes.card_task import LabelledData, evaluate_card_task
    from mien.photo import open_pipeline
    from mien.zoo import find

    with zipfile.ZipFile(data / "ferplus.zip") as archive:
        archive.extractall(tmp_path)
    card = find("expression-convcut")
    source = LabelledData(folder=tmp_path / "ferplus", layout="ferplus", split="validation",
                          most=700)  # fmt: skip
    found = plain(evaluate_card_task(card.eval, "expression", load(card.name), source,
                                     open_pipeline(embedder=None)))  # fmt: skip
    accuracy = found["headline"]["accuracy"]
    stated = card.results[0]
    assert accuracy["low"] <= stated["high"]
    assert accuracy["high"] >= stated["low"]
    assert accuracy["value"] > 0.70


def test_the_shipped_head_processes_each_face_alone():
    head = load("expression-convcut")
    result = plain(audit("batch-leakage", Subject("chip-head", head)))
    assert result["headline"]["leaks"]["value"] == 0


def test_shapes_of_the_base_are_those_of_the_paper(torch, lab):
    with torch.device("meta"):  # no memory, no time: only shapes
        net = lab.model.ConvCut(7, "base")
        maps = net.maps(torch.empty(1, 3, 224, 224))
        assert maps.shape == (1, 512, 14, 14)
        padded = torch.nn.functional.pad(maps, net.head.detail.pad)
        assert net.head.detail.first(padded).shape == (1, 256, 4, 4)
        assert net.head.detail(maps).shape == (1, 256, 2, 2)
        full = lab.model.ConvCut(7, "base", "full")
    ratio = sum(p.numel() for p in net.parameters()) / sum(p.numel() for p in full.parameters())
    assert ratio <= 0.6
    small = lab.model.ConvCut(7)
    assert small.maps(torch.zeros(1, 3, 64, 64)).shape == (1, 96, 4, 4)
    assert small.head.detail(torch.zeros(1, 96, 4, 4)).shape == (1, 64, 2, 2)


class Asked:
    """A network as a head, for the audit."""

    name, digest, device, crop = "asked", "", TOY_DEVICE, Crop(size=64)

    def __init__(self, torch, net, tensor):
        self.torch, self.net, self.tensor = torch, net.eval(), tensor

    def __call__(self, chips):
        with self.torch.no_grad():
            logits = self.net(self.tensor(chips))
        return [
            Reading("x", {str(k): float(v) for k, v in enumerate(row)}, "logit", "x")
            for row in logits
        ]


def test_faces_of_a_batch_never_mix_and_the_published_defect_is_noticed(torch, lab):
    torch.manual_seed(0)
    chips = noise(64, 64)
    chips[32:] //= 3  # two classes, so that sorting by them matters
    labels = ("light",) * 32 + ("dark",) * 32
    for kind, leaks in ((lab.model.ConvCut, 0), (lab.model.BatchMixing, 1)):
        head = Asked(torch, kind(7), lab.train.tensor)
        data = Samples("noise", tuple(chips), {"light": labels})
        result = plain(audit("batch-leakage", Subject("chip-head", head), data))
        assert result["headline"]["leaks"]["value"] == leaks
        if not leaks:
            assert result["headline"]["largest change"]["value"] < 1e-5


def faces(lab, count=56, seed=0):
    """Grey faces of two halves; a class brightens one stripe."""
    random = np.random.default_rng(seed)
    label = np.arange(count) % 7
    images = random.integers(60, 120, (count, 64, 64, 3), dtype=np.uint8)
    for k, place in enumerate(label):
        images[k, 8 * place : 8 * place + 8] += 100
    return lab.data.Faces(
        images, label.astype(np.int64), np.array([f"P{k // 7}" for k in range(count)])
    )


@pytest.mark.slow
@pytest.mark.parametrize("part", ["whole", "no-detail", "no-attention", "full"])
def test_every_part_learns_and_its_file_answers_as_the_network(lab, tmp_path, part):
    from mien.train import export

    learnt, test = faces(lab), faces(lab, 14, seed=9)
    config = lab.train.Config(
        part=part, size="small", precision="32", epochs=6, batch=16, rate=3e-3
    )
    net = lab.train.network(config, learnt, test, tmp_path / "run")
    assert (tmp_path / "run" / "curves.png").is_file()
    assert lab.train.measured(lab.train.probabilities(net, test), test.label)["accuracy"] > 0.3
    assert export(net, tmp_path / "net.onnx", lab.train.tensor(test.images)) < 1e-4


def test_a_temperature_makes_a_network_as_sure_as_it_is_right(torch, lab):
    class Sure(torch.nn.Module):
        """Right on three of four, with certainty."""

        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))

        def forward(self, pixels):
            k = ((pixels[:, 0, 0, 0] + 1) * 127.5).round().long()  # its number is its colour
            predicted = torch.where(k % 4 == 0, (k + 1) % 7, k % 7)
            return self.scale * 20 * torch.nn.functional.one_hot(predicted, 7).float()

    images = np.broadcast_to(np.arange(84, dtype=np.uint8)[:, None, None, None], (84, 64, 64, 3))
    few = lab.data.Faces(images, np.arange(84) % 7, np.array(["P"] * 84))
    net = lab.train.Calibrated(Sure())
    net.fit(few)
    assert lab.train.probabilities(net, few).max(1) == pytest.approx(np.full(84, 0.75), abs=0.01)


def test_a_test_picture_in_training_is_refused(lab):
    learnt = faces(lab)
    test = learnt.rows(np.arange(3))
    with pytest.raises(TrainingError, match="3 images of the test are in training as well"):
        lab.train.network(lab.train.Config(), learnt, test, None)


def test_a_trunk_from_nothing_needs_epochs(lab):
    with pytest.raises(TrainingError, match="set epochs=20"):
        lab.train.network(lab.train.Config(size="small"), faces(lab), faces(lab, 14, 9), None)


@pytest.mark.slow
def test_a_frozen_face_trunk_keeps_its_weights_and_the_rest_learns(torch, lab):
    config = lab.train.Config(frozen=3, batch=16, precision="32")
    torch.manual_seed(0)
    net = lab.train.network(config, faces(lab), faces(lab, 14, seed=9), None)
    fresh = lab.model.FaceCut(7).state_dict()
    same = "trunk.blocks.0.first.conv.weight"
    assert torch.equal(net.state_dict()[same], fresh[same])
    test = faces(lab, 28, seed=5)
    assert lab.train.measured(lab.train.probabilities(net, test), test.label)["accuracy"] > 0.2


def test_weights_of_the_original_trunk_are_taken_and_frozen_at_first(torch, lab, tmp_path):
    torch.manual_seed(1)
    full = lab.model.ConvCut(7, "small", "full")
    names = {n: v for n, v in full.state_dict().items() if n.startswith(("down", "stages"))}
    torch.save({"model": names}, tmp_path / "trunk.pth")
    net = lab.model.ConvCut(7)
    taken = lab.model.load_trunk(net, tmp_path / "trunk.pth")
    assert taken == sum(n.startswith(("down", "stages")) for n in net.state_dict())
    config = lab.train.Config(
        trunk=str(tmp_path / "trunk.pth"), size="small", frozen=1, epochs=1, batch=16
    )
    tuned = lab.train.network(config, faces(lab), faces(lab, 14, seed=9), None).state_dict()
    assert torch.equal(tuned["stages.0.0.dwconv.weight"], names["stages.0.0.dwconv.weight"])
    assert not torch.equal(tuned["stages.2.0.dwconv.weight"], names["stages.2.0.dwconv.weight"])
    del names["stages.0.0.gamma"]
    torch.save(names, tmp_path / "trunk.pth")
    with pytest.raises(TrainingError, match=r"1 of \d+ layers of the trunk are missing"):
        lab.model.load_trunk(net, tmp_path / "trunk.pth")


def test_class_folders_are_read_and_doubles_stay_in_the_test(lab, tmp_path):
    from mien.media import write_image

    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for k, word in enumerate(lab.data.CLASSES):
            image = random.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            (tmp_path / split / word).mkdir(parents=True)
            write_image(tmp_path / split / word / f"{k}.png", image)
    write_image(tmp_path / "train" / "anger" / "9.png", image)  # surprise of the test again
    learnt, test, result = lab.data.read(tmp_path, 64, tmp_path / "run")
    assert (len(learnt.label), len(test.label)) == (7, 7)
    assert result == "1 training images are in the test too and are left out"
    (tmp_path / "test" / "fear" / "2.png").unlink()
    with pytest.raises(TrainingError, match="No row of the test is fear"):
        lab.data.read(tmp_path, 64, tmp_path / "run")


@pytest.mark.slow
def test_the_large_size_is_trained_on_larger_images_and_its_run_is_a_head(
    lab, tmp_path, monkeypatch
):
    from mien.media import write_image
    from mien.train.commands import train_system
    from mien.zoo import find_system, load

    # Of the large network only the depths and widths are made small.
    plan = replace(lab.model.SIZES["base"], depths=(1, 1, 2, 1), widths=(8, 8, 16, 16), cut=1)
    monkeypatch.setitem(lab.model.SIZES, "base", replace(plan, detail=16))
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for word in lab.data.CLASSES:
            (tmp_path / split / word).mkdir(parents=True)
            for k in range(2):
                image = random.integers(0, 256, (48, 48, 3), dtype=np.uint8)
                write_image(tmp_path / split / word / f"{k}.png", image)
    settings = ["size=base", "epochs=1", "batch=4", "held=0.3"]
    system = find_system("expression-convcut")
    found = train_system(system, settings, tmp_path, tmp_path / "run", None)
    assert found["side"] == 224
    head = load(str(tmp_path / "run"))
    assert head.crop.size == 224
    check("chip-head", head)


def test_rendered_faces_of_another_side_or_code_are_made_again(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(lab.data, "TRAIN_PEOPLE", 1)
    monkeypatch.setattr(lab.data, "TEST_PEOPLE", 1)
    monkeypatch.setattr(lab.data, "TRAIN_EACH", 2)
    monkeypatch.setattr(lab.data, "TEST_EACH", 2)
    np.savez(tmp_path / "faces.npz", images=np.zeros((3, 64, 64, 3), np.uint8), label=np.arange(3))
    with pytest.warns(UserWarning, match="made by other code"):
        learnt, test = lab.data.rendered(tmp_path / "faces.npz", 48)
    assert learnt.images.shape == test.images.shape == (2, 48, 48, 3)
    again, _ = lab.data.rendered(tmp_path / "faces.npz", 48)  # kept: no warning
    assert np.array_equal(again.images, learnt.images)
