"""Known answers of the flow image and the fit; the contract; the real figure."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.systems.micro_mol.head import CLASSES, SIDE, UNITS, flow_image, motion_of
from mien.testing import check
from mien.types import Clip
from mien.zoo import load


@pytest.fixture(scope="module")
def head():
    return load("micro-mol")


def clip_of(flow, length=6, noise=0.0):
    """A textured face-like square that moves by 0, 1/5 ... all of a flow."""
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32), (0, 0), 1.5)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    chips = [
        cv2.remap(image, x - s * flow[..., 0], y - s * flow[..., 1], cv2.INTER_CUBIC,
                  borderMode=cv2.BORDER_REFLECT)
        for s in np.linspace(0, 1, length, dtype=np.float32)
    ]  # fmt: skip
    chips = np.clip(np.stack(chips) + rng.normal(0, noise, (length, 1, 1, 3)), 0, 255)
    return Clip(np.arange(length) / 100, chips.astype(np.uint8))


def bump(row, column, move, width=8.0):
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    weight = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 2 / width**2)
    return (weight[..., None] * np.array(move, np.float32)).astype(np.float32)


def test_the_planes_are_strain_v_and_u_each_stretched():
    image = flow_image(bump(30, 40, (0, -2.0)))
    assert (image.shape, image.dtype) == ((28, 28, 3), np.uint8)
    up = np.unravel_index(image[..., 1].argmin(), (28, 28))
    assert abs(up[0] - 30 * 28 / 128) <= 1
    assert abs(up[1] - 40 * 28 / 128) <= 1
    assert image[..., 1].max() == 255  # what does not move is the largest v
    assert image[..., 2].max() == 0  # u is constant, so nothing is stretched
    assert image[..., 0].max() == 255


def test_the_apex_is_the_frame_that_differs_most_and_the_head_is_subtracted():
    flow = bump(92, 30, (0, -2.0), 14) + 1.0
    clip = clip_of(flow)
    motion = motion_of(clip.chips)
    assert motion.apex == 5
    assert motion.head == pytest.approx(np.sqrt(2), abs=0.2)
    assert np.linalg.norm(motion.flow[10:30, 90:110], axis=-1).mean() < 0.15
    assert -2.2 < motion.flow[92, 30, 1] < -1  # DIS smooths: it finds two thirds of it


def test_the_shipped_head_keeps_its_contract(head):
    check("clip-head", head)
    assert head(Clip(np.zeros(0))) == []


@pytest.mark.parametrize("row", [15, 20, 25])
def test_raised_brows_are_a_surprise(head, row):
    brows = sum(bump(row, c, (0, -2.0), 9) for c in (30, 45, 83, 98))
    classes, units = head(clip_of(brows))
    assert max(classes.values, key=classes.values.get) == "surprise"
    assert units.values["AU1"] > units.values["AU12"]
    assert classes.span == (0.0, 0.05)
    assert (tuple(classes.values), tuple(units.values)) == (CLASSES, UNITS)


@pytest.mark.parametrize(
    ("clip", "why"),
    [
        (lambda: clip_of(np.zeros((SIDE, SIDE, 2), np.float32)), "no micro-expression"),
        (lambda: clip_of(np.full((SIDE, SIDE, 2), 8.0, np.float32)), "large motion"),
        (lambda: clip_of(bump(30, 30, (0, 2.0)), 2), "too short"),
    ],
)
def test_a_clip_without_a_small_motion_gets_a_reason(head, clip, why):
    [reading] = head(clip())
    assert reading.values == {}
    assert reading.text.startswith(why)


def test_a_film_has_its_columns_although_it_refuses_the_still_example(head):
    from mien.film.clips import example

    found = {one.task: tuple(one.values) for one in example(head)}
    assert found == {"micro-expression": CLASSES, "micro-units": UNITS}


def made_flows(lab, count=60):
    """Classes differ in one pixel, units in another; 12 people."""
    rng = np.random.default_rng(0)
    image = rng.integers(100, 140, (count, 28, 28, 3), dtype=np.uint8)
    label = np.arange(count) % 3
    image[np.arange(count), 5, 5 + label] = 255
    units = np.zeros((count, len(UNITS)), bool)
    units[np.arange(count), np.arange(count) % len(UNITS)] = True
    image[np.arange(count), 20, np.arange(count) % len(UNITS)] = 255
    people = tuple(f"P{k % 12}" for k in range(count))
    return lab.data.Flows(image, label, units, np.ones(count, bool), people)


def put(folder, flows):
    np.savez(folder / "micro_flow.npz", flow=flows.image)
    rows = ["dataset,subject,label3,aus"]
    for k, person in enumerate(flows.person):
        units = ";".join(np.array(UNITS)[flows.units[k]].tolist()).replace("AU", "")
        rows.append(f"made,{person},{CLASSES[flows.label[k]]},{units}")
    (folder / "micro_labels.csv").write_text("\n".join(rows) + "\n")


def test_it_learns_and_the_file_answers_as_the_fit(torch, lab, tmp_path):
    put(tmp_path, made_flows(lab))
    found = lab.train.train(lab.train.Config(penalty=0.1), tmp_path, tmp_path)
    assert found["UF1"] == 1
    assert found["units F1"] > 0.8
    assert found["graph differs by"] < 1e-4
    assert set(found["thresholds"]) == set(UNITS)


def test_a_ridge_by_hand(torch, lab):
    # One column, x = -1, 0, 1, y = x: the penalty 1 halves the slope.
    x = np.array([[-1.0], [0.0], [1.0]])
    slope, bias = lab.train.ridge(x, x + 3, np.ones(3), 3.0)
    assert (slope.item(), bias.item()) == (pytest.approx(0.5), pytest.approx(3))


def test_files_that_do_not_fit_are_refused(torch, lab, tmp_path):
    from mien.errors import TrainingError

    with pytest.raises(TrainingError, match="--data"):
        lab.data.read(tmp_path)
    put(tmp_path, made_flows(lab))
    np.savez(tmp_path / "micro_flow.npz", flow=np.zeros((3, 28, 28, 3), np.uint8))
    with pytest.raises(TrainingError, match="60 labels"):
        lab.data.read(tmp_path)
    put(tmp_path, made_flows(lab))
    table = tmp_path / "micro_labels.csv"
    table.write_text(table.read_text().replace("made,P1,", "made,,", 1))
    with pytest.raises(TrainingError, match="line 3 names no subject"):
        lab.data.read(tmp_path)


@pytest.mark.realdata
def test_subjects_that_were_left_out_have_the_figure_of_the_page(torch, lab, data):
    every = lab.data.read(data)
    found = lab.train.measured(every, lab.train.score_left_out(every, lab.train.Config(1.0)))
    assert 0.65 <= found["UF1"] <= 0.78
    assert found["units F1"] > 2 * found["units F1 if all are always named"]


def test_the_proof_leaves_out_subjects_and_its_control_keeps_the_classes_of_sets(torch, lab):
    from mien.systems.micro_mol import proof

    every = made_flows(lab)
    part, _ = proof.PARTS
    quick = {name: part.quick(arm) for name, arm in part.arms.items()}
    assert part.run(quick[proof.ALL], 0, every)["UF1"] == 1
    assert part.run(quick[proof.ONE], 0, every)["accuracy"] < 0.5
    blind = part.run(quick[proof.STRAIN], 0, every)
    assert set(blind) == {"UF1", "UAR", "accuracy"}
    both = replace(every, person=tuple(f"{'AB'[k % 2]} {p}" for k, p in enumerate(every.person)))
    mixed = proof._shuffled(both, 0)
    assert (mixed != every.label).any()
    assert sorted(mixed[::2]) == sorted(every.label[::2])


def test_a_full_convolution_without_places_turns_with_its_input(torch, lab):
    torch.manual_seed(0)
    net = lab.model.FullyConnected(8, 6, place=False).eval()
    x = torch.randn(2, 8, 6, 6)
    turned = net(x.roll((2, 3), (2, 3)))
    assert torch.allclose(turned, net(x).roll((2, 3), (2, 3)), atol=1e-5)
    with torch.no_grad():
        for line in net.modules():
            if isinstance(getattr(line, "place", None), torch.nn.Parameter):
                line.place[:, 0] += 1
    assert not torch.allclose(net(x.roll(2, 2)), net(x).roll(2, 2), atol=1e-3)


def test_a_line_is_the_circular_convolution_that_it_says(torch, lab):
    line = lab.model._Line(1, 4, 3)
    with torch.no_grad():
        line.kernel.copy_(torch.tensor([[1.0, 10, 0, 0]]))
    x = torch.tensor([[[[1.0, 2, 3, 4]] * 4]])
    assert line(x)[0, 0, 0].tolist() == [21, 32, 43, 14]


@pytest.mark.parametrize("over", ["channels", "positions"])
def test_the_correspondence_is_that_of_a_loop_over_nodes(torch, lab, over):
    torch.manual_seed(0)
    net = lab.model.Correspondence(4, near=3, over=over, width=7)
    x = torch.randn(2, 7, 4, 4)
    nodes = x.flatten(2) if over == "channels" else x.flatten(2).transpose(1, 2)
    rows = []
    for one in nodes:
        for i, node in enumerate(one):
            cosine = torch.nn.functional.cosine_similarity(node[None], one)
            cosine[i] = -9
            edges = [net.own(node) + net.edge(one[j] - node) for j in cosine.topk(3).indices]
            rows.append(torch.stack(edges).relu().amax(0))
    slow = torch.stack(rows).reshape(nodes.shape)
    slow = slow if over == "channels" else slow.transpose(1, 2)
    assert torch.allclose(net(x), slow.reshape(x.shape), atol=1e-5)


def test_channels_in_another_order_are_answered_in_that_order(torch, lab):
    torch.manual_seed(0)
    net, x = lab.model.Correspondence(4), torch.randn(2, 7, 4, 4)
    order = torch.randperm(7)
    assert torch.allclose(net(x[:, order]), net(x)[:, order], atol=1e-5)


def test_what_the_block_must_beat_is_as_large(torch, lab):
    size = lab.model.parameters
    full = lab.model.F5C(32, 14)
    assert size(lab.model.Residual(32, size(full))) == pytest.approx(size(full), rel=0.01)


def test_the_network_of_the_block_learns(torch, lab):
    every = made_flows(lab)
    for k, label in enumerate(every.label):  # further apart than the training shifts an image
        every.image[k, 10:14, 3 + 8 * label : 7 + 8 * label] = 255
    how = lab.train.Network(width=8, epochs=40, batch=20)
    start = lab.train.fit_network(every, replace(how, epochs=1), 0)
    net = lab.train.fit_network(every, how, 0)
    right = [(lab.train.shares_of(one, every).argmax(1) == every.label).mean()
             for one in (start, net)]  # fmt: skip
    assert right[1] > max(0.6, right[0])


def test_folds_are_the_same_for_the_ridge_and_the_networks(torch, lab):
    from mien.systems.micro_mol import proof

    every = made_flows(lab)
    _, part = proof.PARTS
    quick = {name: part.quick(arm) for name, arm in part.arms.items()}
    assert part.run(quick[proof.RIDGE], 0, every)["UF1"] == 1
    found = part.run(quick[proof.F5C_BLOCK], 0, every)
    assert set(found) == {"UF1", "UAR", "accuracy", "with ridge"}


@pytest.mark.realdata
def test_over_folds_of_subjects_the_ridge_is_not_worse_than_a_small_network(torch, lab, data):
    from mien.systems.micro_mol import proof

    every = lab.data.read(data)
    few = replace(proof.READERS[proof.NO_BLOCK], network=lab.train.Network("none", epochs=20))
    ridge = proof._read_folds(proof.READERS[proof.RIDGE], 0, every)["UF1"]
    assert 0.62 <= ridge <= 0.78
    assert 0.4 <= proof._read_folds(few, 0, every)["UF1"] <= ridge + 0.03
