"""Known answers of the parts; the contract; a few epochs; the shipped file on real people."""

import zipfile

import numpy as np
import pytest

from mien.liveness import Companions, LivenessCheck
from mien.systems.liveness_mmda.head import ABSENT, SIDE, as_input
from mien.testing import check, made_up_clip
from mien.types import Clip, Face, Series
from mien.zoo import load


@pytest.fixture(scope="module")
def head():
    return load("liveness-mmda")


def test_the_shipped_head_keeps_its_contract(head):
    check("clip-head", head)
    assert head(Clip(np.zeros(0))) == []


def chips(count=1, grey=100):
    return np.full((count, SIDE, SIDE, 3), grey, np.uint8)


def test_planes_of_a_relief_by_hand():
    depth = np.full((1, SIDE, SIDE), 500.0, np.float32)
    depth[0, 0, 0], depth[0, 0, 1], depth[0, 0, 2] = 530.0, 503.0, np.nan
    planes = as_input(chips(), depth, None)[0]
    assert planes[3, 0, :3] == pytest.approx([0.5, 0.05, 0])  # of 60 mm
    assert planes[4, 0, :3] == pytest.approx([1, 0.2, 0])  # of 15 mm
    assert planes[5, 0, :3].tolist() == [1, 1, -1]  # where it is known
    assert (planes[6:] == ABSENT).all()
    assert planes[0, 0, 0] == pytest.approx(100 / 127.5 - 1)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_depth_without_values_counts_as_missing(value):
    depth = np.full((2, SIDE, SIDE), value, np.float32)
    depth[1] = 400
    planes = as_input(chips(2), depth, None)
    assert (planes[0, 3:6] == ABSENT).all()
    assert planes[1, 3].tolist() == np.zeros((SIDE, SIDE)).tolist()


def test_infrared_has_its_strength():
    dark = np.zeros((2, SIDE, SIDE), np.uint8)
    dark[1, : SIDE // 2] = 255
    planes = as_input(chips(2), None, dark)
    assert (planes[0, 8] == 0).all()  # a flat picture
    assert (planes[1, 8] == 1).all()
    assert (planes[0, 7] == 0).all()


def test_depth_and_infrared_change_the_score_and_far_ones_are_not_used(head):
    clip = made_up_clip(1, head)
    alone = head(Clip(clip.times, frames=clip.frames, boxes=clip.boxes))[0].values["live"]
    time = float(clip.times[0])
    relief = np.full((1, 48, 48), 0.6, np.float32)

    def with_depth(at):
        series = Series(np.array([at]), relief)
        seen = Clip(clip.times, frames=clip.frames, boxes=clip.boxes, depth=series)
        return head(seen)[0].values["live"]

    assert with_depth(time) != pytest.approx(alone, abs=1e-6)
    assert with_depth(time + 0.5) == pytest.approx(alone, abs=1e-9)


def test_each_set_of_modalities_has_every_operating_point(head):
    names = {name.partition("+")[0] for name in head.points}
    endings = {"".join(name.partition("+")[1:]) for name in head.points}
    assert names == {"half", "bpcer1", "bpcer5", "bpcer10"}
    assert endings == {"", "+depth", "+infrared", "+depth+infrared"}
    assert len(head.points) == 16
    image = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    face = Face(np.array([50, 50, 110, 110], np.float32), 0.9)
    seen = Companions(np.full((160, 160), 0.5, np.float32), image[..., 0])
    for point in names:
        found = LivenessCheck(head, point).of(image, face, companions=seen)
        assert found.threshold == head.points[f"{point}+depth+infrared"]


@pytest.mark.realdata
@pytest.mark.weights
def test_colour_alone_separates_people_of_nuaa_as_the_page_says(head, data, tmp_path):
    """People whom no training saw; the bounds are the interval of the page over people."""
    from mien.datasets import ATTEMPTS, BONA_FIDE
    from mien.detect import detect_with_retries
    from mien.liveness import cut_square
    from mien.media import read_image
    from mien.metrics import roc_area
    from mien.systems.liveness_mmda.head import ZOOM
    from mien.zoo import DETECTOR

    with zipfile.ZipFile(data / "nuaa.zip") as packed:
        packed.extractall(tmp_path)
    detector, every = load(DETECTOR), ATTEMPTS["nuaa"](tmp_path / "nuaa")
    held = sorted({one.person for one in every})[::3]
    chips, live = [], []
    for one in (one for one in every if one.person in held):
        image = read_image(one.path)
        if faces := detect_with_retries(detector, image, "never").faces:
            box = max(faces, key=lambda face: float(np.prod(face.box[2:] - face.box[:2]))).box
            chips.append(cut_square(image, box, ZOOM, SIDE))
            live.append(one.species == BONA_FIDE)
    p, real = head.scores(as_input(np.stack(chips), None, None)), np.array(live)
    assert roc_area(p[real], p[~real]) > 0.9


def proof():
    from mien.systems.liveness_mmda import proof

    return proof


def frames(lab, count=64):
    """Live faces are round in depth and dark in infrared; attacks are flat and bright."""
    rng = np.random.default_rng(0)
    live = np.arange(count) % 2 == 0
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    bowl = np.hypot(x, y) * 2
    depth = 500 + live[:, None, None] * bowl + rng.normal(0, 1, (count, SIDE, SIDE))
    dark = np.where(live, 60, 160)[:, None, None] + rng.integers(0, 40, (count, SIDE, SIDE))
    domain = np.where(np.arange(count) % 4 < 2, "desk", "door")
    person = np.array([f"{d} {k // 4 % 6}" for k, d in enumerate(domain)])
    return lab.data.Frames(
        rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8), depth.astype(np.float32),
        dark.astype(np.uint8), np.ones(count, bool), np.where(live, "bona-fide", "mask"), person,
        domain, np.full(count, 5, np.float32),
    )  # fmt: skip


def test_every_third_person_of_a_domain_is_for_the_test(lab):
    every = frames(lab)
    assert set(every.person[every.test]) == {"desk 0", "desk 3", "door 0", "door 3"}


def test_modalities_that_are_left_out_are_absent(lab):
    every = frames(lab, 4)
    assert (every.inputs(frozenset({"depth"}))[:, 6:] == ABSENT).all()
    assert (every.inputs(frozenset())[:, 3:] == ABSENT).all()
    every.has[1] = False
    there = (every.inputs() > ABSENT + 0.5).all((2, 3))
    assert there[0].all()
    assert there[1].tolist() == [True] * 3 + [False] * 6


def test_a_share_of_zero_is_plain_attention_bit_for_bit(torch, lab):
    torch.manual_seed(0)
    part = lab.model.Md2a().eval()
    tokens = torch.randn(2, 6, lab.model.WIDTH)
    here = torch.tensor([[1.0] * 6, [1, 1, 1, 1, 0, 0]])
    found = part(tokens, tokens.flip(0), here, torch.tensor(0.0))
    x = part.norm(tokens)
    query = part._split(part.query(x))[..., : part.each]
    key = part._split(part.key(x))[..., : part.each]
    hidden = (1 - here[:, None, None]) * -1e4
    plain = (query @ key.transpose(-1, -2) / part.each**0.5 + hidden).softmax(-1)
    plain = plain @ part._split(part.value(x))
    plain = plain * plain.pow(2).mean(-1, keepdim=True).add(1e-5).rsqrt() * part.scale
    plain = plain * (1 - part.start)
    plain = tokens + part.out(plain.transpose(1, 2).reshape(tokens.shape))
    assert torch.equal(found, plain)
    # Tokens of a modality that is missing change nothing.
    other = tokens.clone()
    other[1, 4:] += 5
    changed = part(other, other.flip(0), here, torch.tensor(0.0))
    assert torch.allclose(changed[1, :4], found[1, :4], atol=1e-6)


def test_partners_are_of_the_same_domain_and_often_the_row_itself(torch, lab):
    torch.manual_seed(0)
    domain = torch.tensor([0, 1] * 200)
    other = lab.train.partners(domain)
    assert (domain[other] == domain).all()
    assert 0.4 < float((other == torch.arange(400)).float().mean()) < 0.6


def test_a_row_never_loses_all_modalities(torch, lab):
    torch.manual_seed(0)
    here = torch.tensor([[1.0, 0, 0], [1, 1, 1]]).repeat(200, 1)
    kept = lab.train.dropped(here, 0.3)
    assert (kept.sum(1) >= 1).all()
    assert (kept <= here).all()
    assert 0.6 < float(kept[1::2].mean()) < 0.8


def test_alignment_is_zero_at_a_word_of_the_class_and_large_at_one_of_the_other(torch, lab):
    words = torch.zeros(2, 1, 2, 4)
    words[0, 0, 0, 0] = words[0, 0, 1, 1] = words[1, 0, 0, 2] = words[1, 0, 1, 3] = 1
    vectors = torch.eye(4)[:, None]  # each is one word
    live = torch.tensor([0.0, 0, 1, 1])
    here = torch.ones(4, 1)
    assert lab.train.alignment(vectors, words, live, here, 0.07) < 1e-5
    wrong = lab.train.alignment(vectors, words, 1 - live, here, 0.07)
    assert float(wrong) == pytest.approx(1 / 0.07 - np.log(2), abs=1e-3)
    only = torch.tensor([[1.0], [0], [0], [0]])
    mixed = lab.train.alignment(vectors, words, torch.zeros(4), only, 0.07)
    assert mixed < 1e-5  # rows without that modality do not count


def test_words_that_mean_the_same_are_close():
    from mien.systems.liveness_mmda.prompts import prompts

    words = prompts(64)
    assert words.shape == (2, 3, 9, 64)
    assert np.linalg.norm(words, axis=-1) == pytest.approx(1)
    assert words[1, 0, 0] @ words[1, 0, 1] == pytest.approx(1)  # a live face, a real face
    assert words[1, 0, 0] @ words[0, 0, 4] < 0.95


def test_it_learns_a_difference_and_the_file_answers_as_the_network(torch, lab, tmp_path):
    from mien.metrics import roc_area
    from mien.systems.liveness_mmda.head import LivenessMmda
    from mien.train import export

    every = frames(lab, 128)
    learn, test = every.rows(~every.test), every.rows(every.test)
    config = lab.train.Config(encoder_epochs=4, epochs=3, batch=16)
    encoder = lab.train.train_encoder(config, learn, None)
    net = lab.model.Net(encoder, lab.train.train_head(config, encoder, learn, None)).eval()
    p = lab.train.scores(net, test.inputs())
    assert roc_area(p[test.live], p[~test.live]) > 0.95
    export(net, tmp_path / "w.onnx", torch.from_numpy(test.inputs()[:4]))
    head = LivenessMmda(tmp_path / "w.onnx", name="trained")
    for parts in lab.train.COMPANIONS:
        inputs = test.inputs(parts)
        assert head.scores(inputs) == pytest.approx(lab.train.scores(net, inputs), abs=1e-4)


def test_the_baselines_and_parts_that_are_left_out_learn_as_well(torch, lab):
    every = frames(lab, 32)
    config = lab.train.Config(encoder_epochs=1, epochs=1, batch=16)
    encoder = lab.train.train_encoder(config, every, None)
    for changed in ({"md2a": False}, {"rs2": False}, {"udsa": False}, {"kind": "concatenation"}):
        short = lab.train.Config(epochs=1, batch=16, **changed)
        net = lab.model.Net(encoder, lab.train.train_head(short, encoder, every, None)).eval()
        assert np.isfinite(lab.train.scores(net, every.inputs())).all()
    early = lab.train.train_early(config, every).eval()
    assert np.isfinite(lab.train.scores(early, every.inputs(frozenset()))).all()


def test_the_adapters_up_change_nothing_at_first(torch, lab):
    torch.manual_seed(0)
    tokens, here = torch.randn(2, 3, lab.model.TOKENS, lab.model.WIDTH), torch.ones(2, 3)
    whole = lab.model.Mmda(md2a=False).eval()
    assert torch.allclose(whole(tokens, here)[0], whole.out(tokens[:, :, 0].mean(1)), atol=1e-6)


def test_a_sensor_has_holes_and_a_lamp(lab):
    rng = np.random.default_rng(0)
    rgb, depth = np.full((40, 60, 3), 100, np.uint8), np.full((40, 60), 500.0, np.float32)
    sensor = lab.data.Sensor((1, 0.5, 1), 0.0, 0.0, 0.0, (1.0, 0.0), 1.0, 0.0, 0.25)
    pattern = np.zeros((40, 60))
    colour, far, dark = lab.data.sensed(rgb, depth, rgb[..., 0], sensor, pattern, rng)
    assert colour[0, 0].tolist() == [100, 50, 100]
    assert np.isnan(far).mean() == pytest.approx(0.25, abs=0.01)
    assert dark[0, 0] > 150 > dark[0, -1]


def test_rates_of_the_proof_by_hand(lab):
    p = np.array([0.9, 0.8, 0.3, 0.6, 0.2, 0.1])
    live = np.array([True, True, True, False, False, False])
    bar = proof().balanced_threshold(p, live)
    assert proof().half_total_error(p, live, bar) == pytest.approx(1 / 3)
    assert proof().half_total_error(p, live, 0.7) == pytest.approx(1 / 6)


def test_rendered_frames_have_all_modalities_and_are_kept(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(lab.data, "load", lambda name: Middle())
    monkeypatch.setattr(lab.data, "DOMAINS", {"door": lab.data.DOMAINS["door"]})
    found = lab.data.frames(None, tmp_path, people=1)
    assert len(found.rgb) == 2 * lab.data.EACH
    assert found.live.sum() == lab.data.EACH
    assert found.has.all()
    assert np.isfinite(found.depth).mean() > 0.2
    monkeypatch.setattr(lab.data, "load", lambda name: pytest.fail("cut again"))
    assert np.array_equal(lab.data.frames(None, tmp_path, people=1).rgb, found.rgb)


class Middle:
    """Finds a face in the middle of every picture."""

    def __call__(self, image):
        return [Face(np.array([50, 40, 110, 120], np.float32), 0.9)]
