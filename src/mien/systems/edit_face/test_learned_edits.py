"""Attributes as data, directions by hand, short trainings, and a run folder as an editor."""

import tomllib
from importlib import import_module

import numpy as np
import pytest

from mien.contracts import Artefact
from mien.errors import OptionError, TrainingError, WeightsError
from mien.media import write_image
from mien.media.skin import cheeks
from mien.metrics import tone_angle
from mien.service.balance_plan import BalancePlan
from mien.service.balancing import balance
from mien.systems.edit_face.attributes import changes_of, contradictory, parsed
from mien.systems.edit_face.editing import LearnedEdits, open_edits, packed
from mien.systems.edit_face.make import EditFace, Options
from mien.zoo import find_system, load

pytestmark = pytest.mark.weights
RULES = ("female:gender=female", "senior:age>=60", "child:age<=12")


def test_a_rule_is_a_name_a_label_and_a_value():
    female, senior, child = parsed(RULES)
    assert female.of({"gender": "female"}) is True
    assert (senior.of({"age": "60"}), senior.of({"age": "59"})) == (True, False)
    assert (child.of({"age": "12"}), child.of({"age": "13"})) == (True, False)
    assert female.of({"age": "3"}) is None
    assert senior.of({"age": "old"}) is None


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (("female",), "write NAME:COLUMN=LABEL"),
        (("Big:age>=9",), "a name in lower case"),
        (("old:age>=many",), "compares with a number"),
        (("a:age>=3", "a:age<=9"), "is there already"),
        (("tone:age>=3",), "is there already"),
    ],
)
def test_rules_of_another_form_are_refused(rules, says):
    with pytest.raises(OptionError, match=says):
        parsed(rules)


def test_attributes_that_never_meet_exclude_each_other():
    has = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0]], bool)
    contrary = contradictory(has)
    assert contrary.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert not contradictory(has, 2).any()  # two that are rare say nothing
    names = ("female", "senior", "child")
    assert changes_of("senior:0.5, female:-1", names, contrary).tolist() == [-1, 0.5, 0]
    assert changes_of("", names, contrary).tolist() == [0, 0, 0]
    assert changes_of("senior:1,child:-1", names, contrary).tolist() == [0, 1, -1]
    for text, says in (
        ("bald:1", "no attribute of this editor; it has female, senior, child"),
        ("senior:2", "write senior:NUMBER, from -1 to 1"),
        ("senior", "write senior:NUMBER"),
        ("senior:nan", "write senior:NUMBER"),
        ("senior:1,child:0.1", "exclude each other"),
    ):
        with pytest.raises(OptionError, match=says):
            changes_of(text, names, contrary)


def test_the_correction_of_an_editor_is_added_to_the_face():
    def run(x):
        return {"y": np.full((len(x), 3, 32, 32), 20 / 127.5, np.float32)}

    edits = LearnedEdits(run, ("a",), np.zeros((1, 1), np.float32))
    chips = np.full((2, 128, 128, 3), (120, 90, 70), np.uint8)
    done = edits.edited(chips, np.ones((2, 1), np.float32))
    assert done.shape == chips.shape
    assert (done[:, 60:70, 60:70] == np.array([140, 110, 90])).all()
    x = packed(chips, np.full((2, 1), 0.5, np.float32), np.array([1.0, 2]), np.array([3.0, 4]))
    assert x[1, 3].ravel()[:4].tolist() == [0.5, 2, 4, 0]
    assert x[0, :3, 9, 9] == pytest.approx(np.array([120, 90, 70]) / 127.5 - 1)


def test_a_tone_is_asked_for_until_it_is_measured():
    def run(x):  # half of what is asked for: 1 degree is about 0.55 grey values here
        more = (x[:, 3, 0, 1] - x[:, 3, 0, 0]) * 0.9 / 127.5
        return {"y": np.broadcast_to(more[:, None, None, None], (len(x), 3, 32, 32))}

    edits = LearnedEdits(run, (), np.zeros((0, 0), np.float32))
    chip = np.full((128, 128, 3), (170, 130, 110), np.uint8)
    done = edits.toned(chip, tone_angle(cheeks(chip)) - 20)
    assert tone_angle(cheeks(done)) == pytest.approx(tone_angle(cheeks(chip)) - 20, abs=4)


@pytest.fixture
def lab_parts(torch):
    return tuple(
        import_module(f"mien.systems.edit_face.{name}") for name in ("data", "model", "train")
    )


def test_directions_of_planted_codes_are_found_though_attributes_are_related(lab_parts):
    *_, train = lab_parts
    rng = np.random.default_rng(0)
    first = rng.random(4000) < 0.5
    second = rng.random(4000) < np.where(first, 0.8, 0.2)  # related to the first
    angle = rng.uniform(-20, 60, 4000)
    codes = np.zeros((4000, 4), np.float32)
    codes[:, 0], codes[:, 1], codes[:, 2] = 2 * first, 3 * second, 0.1 * angle
    codes += rng.normal(0, 0.1, codes.shape)
    found = train.directions(codes, np.stack([first, second], 1), angle)
    assert found == pytest.approx(np.array([[2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 0.1, 0]]), abs=0.15)
    plain = codes[first].mean(0) - codes[~first].mean(0)
    assert plain[1] > 1.5  # what the weights remove


def test_weights_of_both_sides_match_the_other_columns(lab_parts):
    *_, train = lab_parts
    sides = np.array([[1, 1], [1, 0], [1, 0], [0, 1], [0, 1], [0, 0]], bool)
    with_it, without = (train.matched_weights(sides, 0, side) for side in (True, False))
    assert with_it.tolist() == [0.5, 0.25, 0.25, 0, 0, 0]
    assert without.tolist() == [0, 0, 0, 0.25, 0.25, 0.5]


def test_the_tone_with_a_gradient_is_the_measured_one(lab_parts, torch):
    _, model, _ = lab_parts
    colours = np.array([(220, 180, 155), (170, 120, 95), (110, 76, 58), (80, 55, 45)], np.uint8)
    chips = np.broadcast_to(colours[:, None, None], (4, 32, 32, 3))
    x = torch.from_numpy(chips.transpose(0, 3, 1, 2) / 127.5 - 1).requires_grad_()
    found = model.tone_of(x)
    assert found.detach().numpy() == pytest.approx(
        [tone_angle(cheeks(chip)) for chip in chips], abs=1.0
    )
    found.sum().backward()
    assert x.grad.abs().sum() > 0
    flat = model.shading(x.detach())
    assert flat.abs().max() < 1e-6  # nothing fine in one colour


def test_each_face_gets_the_strength_that_convinces_the_jury(lab_parts, torch):
    _, model, _ = lab_parts

    class Paint(torch.nn.Module):  # a code is a colour: an edit makes a face brighter
        def __init__(self):
            super().__init__()
            self.down, self.guess = (lambda x: x.mean((2, 3))), (lambda code: code[:, :1])

        def decode(self, code, step=None):
            code = code if step is None else code + 0.2 * step[:, :1]
            return code[:, :, None, None].expand(-1, -1, 32, 32)

    class Bright(torch.nn.Module):  # convinced from a mean of 0.75 on
        def forward(self, pixels):
            return 20 * (pixels.mean((1, 2, 3)) - 0.75)[:, None] + 1

    levels, none = np.array([0.45, 0.15, -1.0]), np.zeros(3)
    x = np.zeros((3, 4, 32, 32), np.float32)
    x[:, :3] = levels[:, None, None, None]
    x[:, 3, 0, 0] = 1
    net = model.Edits(Paint(), torch.zeros(1, 1), Bright(), margin=1.0)
    found = net(torch.from_numpy(x))[0][:, 0, 0, 0].numpy()
    assert found == pytest.approx([0.1, 0.4, 0.6], abs=1e-5)  # 0.5, 2 and, not enough, 3 times
    x[:, 3, 0, 0] = 0.5
    half = net(torch.from_numpy(x))[0][:, 0, 0, 0].numpy()
    assert half == pytest.approx([0.05, 0.2, 0.3], abs=1e-5)
    x[:, 3, 0, 0] = none
    assert net(torch.from_numpy(x))[0].abs().max() == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Drawn squares named as UTKFace: the skin colour shows the gender, a bar the age."""
    place = tmp_path_factory.mktemp("utk")
    rng = np.random.default_rng(3)
    for k in range(150):
        age, gender = (5, 30, 70)[k % 3], k // 3 % 2
        colour = np.array((210, 165, 140) if k % 2 else (150, 105, 85))
        image = np.clip(colour + rng.normal(0, 9, (64, 64, 3)), 0, 255)
        image[:20] *= 0.6 + 0.3 * gender
        image[50:, : 10 + age // 2] *= 0.5
        image = np.clip(image + rng.normal(0, 25, (8, 8, 1)).repeat(8, 0).repeat(8, 1), 0, 255)
        write_image(place / f"{age}_{gender}_{k % 4}_{k:017d}.jpg.chip.jpg",
                    image.astype(np.uint8))  # fmt: skip
    return place


SHORT = {"attributes": RULES, "warm": 1, "steps": 3, "batch": 8, "identity": 0.0, "jury_epochs": 1}


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    pytest.importorskip("lightning_fabric")
    from mien.train.commands import train_system

    out = tmp_path_factory.mktemp("run")
    settings = [f"{key}={','.join(v) if key == 'attributes' else v}" for key, v in SHORT.items()]
    settings += ["mode=vector", "warm=6", "strength=8"]
    train_system(find_system("edit-face"), settings, folder, out, None)
    return out


def test_a_run_folder_is_an_editor(run, astronaut, mtcnn):
    card = tomllib.loads((run / "card.toml").read_text())
    assert (card["task"], card["commercial"]) == ("face-editing", "unknown")
    maker = load(str(run), detector=mtcnn)
    assert isinstance(maker, EditFace)
    photo = {"image": Artefact("image", image=astronaut, name="a.png", sha256="ab" * 32)}
    made = maker(photo, Options(attributes="senior:1", tone=-10.0))
    done = made.artefacts[0].image
    assert (done != astronaut).any()
    assert np.array_equal(done[420:], astronaut[420:])
    assert any(maker.digest in one for one in made.provenance.weights)
    assert "at 32 px" in made.notes[0]
    for text, says in (("bald:1", "it has female, senior, child"), ("senior:1,child:1", "exclude")):
        with pytest.raises(OptionError, match=says):
            maker(photo, Options(attributes=text))
    with pytest.raises(OptionError, match="Attributes need a trained editor"):
        load("edit-face")(photo, Options(attributes="senior:1"))


def test_an_editor_fills_a_data_set(run, folder, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(folder.iterdir())[::8]:
        (few / path.name).write_bytes(path.read_bytes())
    tones = ("light", "intermediate", "tan", "brown")
    plan = BalancePlan(tones=tones, counts={"brown": 30}, per_source=1)
    with pytest.raises(OptionError, match="edits no faces"):
        balance(few, plan, tmp_path / "no", layout="utkface", model="expression")
    found = balance(few, plan, tmp_path / "out", layout="utkface", model=str(run),
                    same=lambda a, b: True)  # fmt: skip
    assert sum(found.made.values()) + sum(found.unfillable.values()) > 0
    for path in (tmp_path / "out").rglob("*.provenance.json"):
        assert "edit-face-" in path.read_text()


def test_a_graph_without_names_is_no_editor(tmp_path, torch):
    from mien.train import export

    class Nothing(torch.nn.Module):
        def forward(self, x):
            return x[:, :3], x[:, 3, 0, :1]

    export(Nothing(), tmp_path / "weights.onnx", torch.rand(2, 4, 32, 32), outputs=("y", "has"))
    with pytest.raises(WeightsError, match="does not name its attributes"):
        open_edits(tmp_path / "weights.onnx")


def test_both_modes_train_and_their_files_answer_as_the_networks(lab_parts, folder, tmp_path):
    data, _, train = lab_parts
    learn, test = data.examples(folder, tmp_path, parsed(RULES))
    assert not set(map(bytes, learn.images)) & set(map(bytes, test.images))
    for mode in ("gan", "vector"):
        config = train.Config(mode=mode, **SHORT)
        found = train.train(config, folder, tmp_path / mode)
        assert found["adversarial steps"] == (3 if mode == "gan" else 0)
        edits, _ = open_edits(tmp_path / mode / "weights.onnx")
        assert edits.names == ("female", "senior", "child")
        assert edits.contrary[1, 2] == 1
        net, _ = train.edits_of(config, learn)
        same = train.as_edits(net, edits.names, edits.contrary)
        change = np.eye(3, dtype=np.float32)
        assert edits.edited(test.images[:3], change) == pytest.approx(
            same.edited(test.images[:3], change), abs=1
        )
        still = edits.corrections(test.images[:2], np.zeros((2, 3), np.float32))
        assert np.abs(still).max() < 0.1  # nothing asked for, nothing changed


def test_a_person_who_does_not_change_costs_nothing(lab_parts, torch, astronaut):
    *_, train = lab_parts
    face = np.ascontiguousarray(astronaut[20:276, 90:346][::2, ::2])[None]
    person, still = train.Person(), torch.zeros(1, 3, 32, 32)
    mirror = torch.zeros(1, dtype=torch.bool)
    assert float(person(face, mirror, still)) == pytest.approx(0, abs=2e-2)  # sums of 16 bits
    other = 0.8 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    other.requires_grad_()
    loss = person(face, mirror, other)
    loss.backward()
    assert float(loss.detach()) > 0.05
    assert other.grad.abs().sum() > 0


def test_what_cannot_be_learnt_is_refused(lab_parts, folder, tmp_path):
    data, _, train = lab_parts
    with pytest.raises(TrainingError, match="give --data UTKFACE"):
        train.train(train.Config(), None, tmp_path)
    for rules, layout, error, says in (
        (("bald:bald=1",), "utkface", OptionError, "no label 'bald'"),
        (("old:age>=99",), "utkface", TrainingError, "0 of 150 faces are 'old'"),
        (RULES, "x", OptionError, "Layout 'x' is unknown"),
    ):
        with pytest.raises(error, match=says):
            data.examples(folder, tmp_path / "e", parsed(rules), layout)


def test_edits_are_measured_with_every_arm(lab_parts, folder, tmp_path, monkeypatch):
    data, _, train = lab_parts
    proof = import_module("mien.systems.edit_face.proof")
    monkeypatch.setattr(proof, "TESTED", 20)
    monkeypatch.setattr(proof, "LEARNT", ("female", "senior", "child"))
    given = proof.Sets(*data.examples(folder, tmp_path, parsed(RULES)), tmp_path)
    way = proof.Way(train.Config(**SHORT))
    found = proof.changes(way, 0, given)
    assert {"reached", *proof.LEARNT, "kept", "cosine", "kid", "tone"} == set(found)
    assert found["cosine"] > 0.5
    still = proof.changes(proof.Way(way.config, strength=0), 0, given)
    assert (still["kept"], still["cosine"]) == pytest.approx((100, 1), abs=1e-3)
    assert proof.tones(proof.Way(mixed=True), 0, given)["reached"] <= 60
    assert "not measured" in proof._perceptual({}, given)[0]
