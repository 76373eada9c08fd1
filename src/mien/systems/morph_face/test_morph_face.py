"""Pictures follow their maps, declare themselves, and show nobody of the training."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import onnx
import pytest
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

from mien.contracts import Artefact
from mien.errors import MienError, OptionError, TrainingError, WeightsError
from mien.media import read_note
from mien.service import make
from mien.synth import Actor, make_person, open_head
from mien.synth.data.styles import USUAL
from mien.systems.morph_face.make import DRAWS, MorphFace, Options, packed
from mien.systems.morph_face.style import SIDE, mean_person, picture
from mien.testing import check
from mien.zoo import find_system, load

YAW, LIGHT = 0, 5  # places in a style


def graph(path):
    """A toy sampler, whose pictures are the style maps."""
    sizes = {"a": [3], "b": [6], "axis": [1]}
    held = [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in sizes.items()]
    nodes = [h.make_node("Slice", ["x", "a", "b", "axis"], ["y"])]
    inputs = [h.make_tensor_value_info("x", T.FLOAT, ["n", 7, SIDE, SIDE])]
    outputs = [h.make_tensor_value_info("y", T.FLOAT, ["n", 3, SIDE, SIDE])]
    made = h.make_graph(nodes, "toy", inputs, outputs, held)
    onnx.save(h.make_model(made, opset_imports=[h.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def maker(tmp_path):
    return MorphFace(graph(tmp_path / "toy.onnx"), name="toy", digest="12")


@pytest.fixture(scope="module")
def mean():
    head = open_head("builtin")
    return Actor(head, mean_person(head))


def styled(**changed):
    style = USUAL.middle.copy()
    for place, value in changed.values():
        style[place] = value
    return style


def test_a_style_map_keeps_pose_and_light_apart(mean):
    plain, same = picture(mean, styled()), picture(mean, styled(), 0)
    assert plain.shape == (SIDE, SIDE, 3)
    assert np.array_equal(plain, same)
    lit = {
        turn: picture(mean, styled(light=(LIGHT, turn)))[8:18].astype(float).mean(2)
        for turn in (-60, 60)
    }
    left, right = (slice(6, 12), slice(12, 18))
    assert lit[60][:, right].mean() > lit[60][:, left].mean() + 10
    assert lit[-60][:, left].mean() > lit[-60][:, right].mean() + 10
    turned = picture(mean, styled(yaw=(YAW, 30.0))).astype(int)
    assert np.abs(turned - plain).mean() > 3


def test_another_person_in_the_same_style_differs(mean):
    head = open_head("builtin")
    other = picture(Actor(head, make_person(3, head)), styled()).astype(int)
    assert np.abs(other - picture(mean, styled())).mean() > 3


def test_it_keeps_the_contract_of_makers(maker):
    check("maker", maker, inputs={})
    made = maker({}, Options(people=2, each=3, size=48))
    assert [one.name for one in made.artefacts][:4] == ["0000-00", "0000-01", "0000-02", "0001-00"]
    assert all(one.image.shape == (48, 48, 3) for one in made.artefacts)
    assert made.provenance.change == "synthetic"
    assert made.provenance.made_from == ()
    assert "do not exist" in made.notes[0]


def test_the_same_seed_gives_the_same_pictures_and_another_one_others(maker):
    first, again, other = (
        maker({}, Options(people=1, each=1, seed=seed)).artefacts[0].image for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_noise_map_and_draws_have_planes_of_their_own():
    draws = np.arange(DRAWS[0] * DRAWS[1], dtype=np.float32).reshape(DRAWS)
    maps = np.full((2, SIDE, SIDE, 3), 255, np.uint8)
    planes = packed(draws, maps, np.full((2, 3, SIDE, SIDE), 7, np.float32))
    assert (planes[:, :3] == 7).all()
    assert (planes[:, 3:6] == 1).all()
    assert np.array_equal(planes[1, 6].ravel()[: draws.size], draws.ravel())


@pytest.mark.parametrize(
    ("inputs", "options", "error", "says"),
    [
        ({"image": Artefact("image", image=np.zeros((9, 9, 3), np.uint8))}, Options(), MienError,
         "takes no picture"),
        ({}, Options(people=0), OptionError, "people is 0; expected 1 to"),
        ({}, Options(each=201), OptionError, "each is 201; expected 1 to"),
        ({}, Options(size=9), OptionError, "size is 9; expected 24 to"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(maker, inputs, options, error, says):
    with pytest.raises(error, match=says):
        maker(inputs, options)


def test_no_weights_are_shipped():
    with pytest.raises(WeightsError, match="ships no weights"):
        load("morph-face")


def test_a_picture_of_another_person_stands_for_the_person(lab):
    """The vector does not contain the style of the picture that is to be drawn."""
    torch = import_module("torch")
    own = torch.tensor([4, 5, 6])
    drawn = {int(one) for _ in range(20) for one in lab.train._others(own, 5)}
    assert drawn == {4, 6}


def test_invented_people_are_near_none_of_the_known_ones(lab):
    torch = import_module("torch")
    known = torch.nn.functional.normalize(torch.eye(2, 32).repeat_interleave(2, 0)
                                          + 0.05 * torch.eye(4, 32).flip(0), dim=1)  # fmt: skip
    invent = lab.model.Invented(known)
    invent.middle, invent.root = torch.zeros(32), torch.eye(32)
    draws = torch.zeros(2, 3, 32)
    draws[0, :, :4] = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    draws[1, :, :4] = torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0], [1, 0.1, 0, 0]])
    first, second = invent(draws)
    assert first.argmax() == 2  # the first candidate is a known person, the second is not
    assert second[1] > 0  # all are near: the farthest
    assert torch.allclose(torch.stack([first, second]).norm(dim=1), torch.ones(2))


@pytest.fixture
def few(lab, monkeypatch):
    """Two steps of the sampler, since a file of twenty takes long to write and to open."""
    monkeypatch.setattr(lab.model, "FEW", 2)


def test_the_file_of_the_sampler_gives_the_pictures_of_the_network(lab, tmp_path, mean, few):
    torch = import_module("torch")
    torch.manual_seed(0)
    known = torch.nn.functional.normalize(torch.randn(12, 32), dim=1)
    sampler = lab.model.Sampler(lab.model.Denoiser(8), known, lab.train.GUIDANCE["blending"])
    rng = np.random.default_rng(0)
    draws = rng.normal(size=DRAWS).astype(np.float32)
    maps = np.stack([picture(mean, styled(yaw=(YAW, turn))) for turn in (0.0, 20.0)])
    noise = rng.normal(size=(2, 3, SIDE, SIDE)).astype(np.float32)
    some = torch.from_numpy(packed(draws, maps, noise))
    path = tmp_path / "weights.onnx"
    lab.train.export(sampler, path, some, outputs=("y",))
    drawn = MorphFace(path, name="new").drawn(draws, maps, noise)
    with torch.no_grad():
        wanted = sampler(some).permute(0, 2, 3, 1).numpy()
    assert np.abs(drawn / 127.5 - 1 - wanted).max() < 0.02
    by_hand = lab.train.sampled(sampler.net, sampler.invented(
        torch.from_numpy(draws)[None].repeat(2, 1, 1)).numpy(), maps,
        lab.train.GUIDANCE["blending"], seed=0)  # fmt: skip
    assert by_hand.shape == drawn.shape  # other noise


@pytest.mark.slow
def test_a_run_folder_draws_people_who_declare_themselves(lab, tmp_path, few):
    out = tmp_path / "run"
    settings = ["people=8", "each=3", "warm=2", "steps=2", "batch=8"]
    commands = import_module("mien.train.commands")
    measured = commands.train_system(find_system("morph-face"), settings, None, out, None)
    assert (measured["people"], measured["images"]) == (8, 24)
    [item] = make(str(out), [], tmp_path / "made", settings=["people=1", "each=2"])
    assert not item.error
    pictures = [path for path in item.files if path.suffix == ".png"]
    assert len(pictures) == 2
    assert all("synthetic" in str(read_note(path)) for path in pictures)


@pytest.mark.parametrize("settings", [{"people": 7}, {"each": 1}])
def test_too_few_people_or_pictures_and_real_data_are_refused(lab, tmp_path, settings):
    config = lab.train.Config()
    with pytest.raises(TrainingError, match="are too few"):
        lab.train.train(replace(config, **settings), None, tmp_path)
    with pytest.raises(TrainingError, match="rendered people only"):
        lab.train.train(config, tmp_path, tmp_path)


def test_figures_of_identity_and_leakage_by_hand(torch):
    proof = import_module("mien.systems.morph_face.proof")
    people = np.eye(3, 4, dtype=np.float32)
    who = np.repeat(np.arange(3), 2)
    same = proof.identity(people[who], people[who], who, who)
    assert same == {"pairs": 1.0, "person": 1.0}
    mixed = proof.identity(people[[0, 1, 0, 1, 0, 1]], people[who], who, who)
    assert mixed["pairs"] < 0.5  # each person has two different faces
    shown, group = people[np.repeat(np.arange(3), 4)], np.arange(2)
    copied = proof.leakage(people[who], shown, who, people[:2], group)
    assert copied["threshold"] == pytest.approx(1.0)
    assert copied["nearest"] == pytest.approx(1.0)
    far = proof.leakage(people[who], shown, who, np.eye(4, dtype=np.float32)[3:], group[:1])
    assert far["leaks"] == 0.0
