"""Rates by hand, the refusals, the physics of toner, and an audit of a toy matcher."""

import zipfile

import numpy as np
import pytest

from mien.contracts import Samples, Scope, Subject
from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Estimate
from mien.metrics.findings import plain
from mien.service import audit
from mien.systems.cross_spectral.consistency import Consistency, features
from mien.systems.cross_spectral.measure import (
    BONA_FIDE,
    NIR,
    VIS,
    Rows,
    balanced_threshold,
    compare,
    rates,
    require_grey,
    verdict,
)
from mien.testing import ToyEmbedder, noise


def rows(count=12, attacks=4, width=64):
    """People in two groups; infrared is noisier; laser prints keep the face, dye loses it."""
    rng = np.random.default_rng(0)
    found = []
    for k in range(2 * count):
        group, own = ("dev", "eval")[k % 2], rng.normal(size=width)

        def add(spectrum, kind, role, noise, who=f"p{k}", group=group, own=own):
            vector = own + noise * rng.normal(size=width)
            found.append((vector / np.linalg.norm(vector), spectrum, who, kind, role, group))

        add(VIS, BONA_FIDE, "enrol", 0.1)
        for _ in range(4):
            add(VIS, BONA_FIDE, "probe", 0.3)
            add(NIR, BONA_FIDE, "probe", 0.6)
        for _ in range(attacks):
            add(NIR, "print-laser", "probe", 0.5)
            add(NIR, "replay", "probe", 50)
        add(NIR, "glasses", "probe", 0.1, who="")
    return Rows(*(np.array(column) for column in zip(*found, strict=True)))


def test_a_face_passes_as_its_target_only_if_the_matcher_takes_it():
    found = rates(rows(), NIR, 0.02)
    assert found.accepted["print-laser"].value > 0.9
    assert found.accepted["replay"].value < 0.1
    assert set(found.accepted) == {"print-laser", "replay"}  # glasses have no target
    assert found.presented == {"print-laser": 48, "replay": 48}
    assert found.non_match.value < 0.1
    assert found.equal_error < 0.05
    assert found.false_match.people == 12


def test_the_threshold_comes_from_dev_alone():
    every = rows()
    changed = Rows(*(getattr(every, name).copy() for name in Rows.__slots__))
    changed.vectors[every.group == "eval"] *= -1
    assert rates(changed, NIR, 0.02).threshold == rates(every, NIR, 0.02).threshold


def test_the_best_template_counts_and_no_face_is_no_match():
    every = rows(2)
    broken = Rows(*(getattr(every, name).copy() for name in Rows.__slots__))
    probes = every.where(role="probe", spectrum=VIS, group="dev")
    broken.vectors[np.flatnonzero(probes)[0]] = np.nan
    found = compare(broken, probes, "dev")
    assert (found.value[:2] == -1).all()
    assert found.same.sum() == probes.sum()
    with pytest.raises(TooFewTrialsError, match="Nobody is enrolled in the group 'train'"):
        compare(every, probes, "train")


def test_a_liveness_stage_refuses_faces_and_attacks():
    every = rows()
    nothing = rates(every, NIR, 0.02, np.zeros(len(every.person), bool))
    assert nothing.accepted["print-laser"].value == 0
    assert nothing.non_match.value == 1
    assert nothing.equal_error == rates(every, NIR, 0.02).equal_error


def test_too_few_strangers_name_the_smallest_rate():
    with pytest.raises(TooFewTrialsError, match=r"528 comparisons .* FMR 0\.001.* is 0\.019"):
        rates(rows(), NIR, 0.001)


def test_verdicts_by_hand():
    assert verdict(29, Estimate(1.0, 0.9, 1.0)) == "insufficient"
    assert verdict(30, Estimate(0.5, 0.3, 0.7)) == "open"
    assert verdict(30, Estimate(0.0, 0.0, 0.09)) == "held"
    assert verdict(30, Estimate(0.1, 0.02, 0.3)) == "unclear"
    live = np.array([True, True, False, False])
    assert balanced_threshold(np.array([0.9, 0.8, 0.3, 0.1]), live) == 0.3


def test_colour_that_is_labelled_infrared_is_refused():
    grey = np.full((4, 4, 3), 90, np.uint8)
    grey[..., 2] += 2
    require_grey(grey, "a.png")
    grey[0, 0, 2] += 1
    with pytest.raises(MienError, match=r"a\.png is labelled nir, but its channels differ by 3"):
        require_grey(grey, "a.png")


def frames(kind, count=40, seed=0):
    """Skin is even in infrared; toner repeats what is visible; a screen is dark."""
    rng = np.random.default_rng(seed)
    vis = rng.integers(60, 200, (count, 60, 60, 1)).repeat(3, 3).astype(np.uint8)
    nir = {
        "skin": 170 + rng.normal(0, 5, (count, 60, 60)),
        "toner": vis[..., 0] * 0.9 + rng.normal(0, 5, (count, 60, 60)),
        "screen": 60 + rng.normal(0, 2, (count, 60, 60)),
    }[kind]
    points = np.tile(np.array([[20, 24], [40, 24], [30, 33], [24, 42], [36, 42.0]]), (count, 1, 1))
    return features(vis, np.clip(nir, 0, 255).astype(np.uint8), points)


def test_both_spectra_together_separate_skin_from_toner_and_screens():
    x = np.concatenate([frames("skin"), frames("toner"), frames("screen")])
    live = np.arange(120) < 40
    rule = Consistency(x, live)
    again = [rule(frames(kind, seed=1)) for kind in ("skin", "toner", "screen")]
    bar = balanced_threshold(rule(x), live)
    assert (again[0] > bar).mean() > 0.9
    assert (again[1] > bar).mean() < 0.1
    assert (again[2] > bar).mean() < 0.1
    assert frames("toner")[:, 2].mean() > 0.9  # the same lines
    assert abs(frames("skin")[:, 2].mean()) < 0.1
    none = features(np.zeros((1, 60, 60, 3), np.uint8), np.zeros((1, 60, 60), np.uint8),
                    np.full((1, 5, 2), np.nan))  # fmt: skip
    assert np.isfinite(none).all()


def test_toner_keeps_its_contrast_in_infrared_and_dye_does_not():
    from mien.synth import Actor, Scene, make_person, open_head
    from mien.synth.render.attacks import present

    head = open_head("builtin")
    actor = Actor(head, make_person(1_300_000, head))
    dye, toner = (present(actor, Scene(), "print", 3, toner=on) for on in (False, True))
    assert np.array_equal(dye.rgb, toner.rgb)
    inside = np.isfinite(dye.depth)
    assert dye.nir[inside].std() < 10
    light = toner.rgb.mean(-1)[inside]
    assert np.corrcoef(light, toner.nir[inside])[0, 1] > 0.95


def samples(count=20, faces=None):
    """Pictures of one colour per person; every second person is of dev; replays are noise."""
    rng = np.random.default_rng(0)
    pictures, labels = [], {name: [] for name in ("spectrum", "type", "role", "group")}
    people = []

    def add(who, grey, *words):
        shade = np.clip(grey + rng.integers(-2, 3, (24, 24, 1)), 0, 255)
        pictures.append(np.repeat(shade, 3, 2).astype(np.uint8))
        people.append(who)
        for name, word in zip(labels, words, strict=True):
            labels[name].append(word)

    for k in range(count):
        group, pattern = ("dev", "eval")[k % 2], noise(1, 24, 50 + k)[0][..., :1].astype(int)
        add(f"p{k}", pattern, VIS, BONA_FIDE, "enrol", group)
        for _ in range(3):
            add(f"p{k}", pattern, VIS, BONA_FIDE, "probe", group)
            add(f"p{k}", pattern, NIR, BONA_FIDE, "probe", group)
            add(f"p{k}", pattern, NIR, "print-laser", "probe", group)
            add(f"p{k}", pattern * 0 + 5, NIR, "replay", "probe", group)
    return Samples("toy", tuple(pictures), {k: tuple(v) for k, v in labels.items()}, tuple(people))


def contract():
    """For tests/test_cards.py: presentations of enough people for the default rate."""
    return {"subject": Subject("embedder", ToyEmbedder()), "data": samples(48)}


def run(data=None, scope=None, **settings):
    words = [f"{key}={value}" for key, value in {"fmr": 0.05, "head": "", **settings}.items()]
    subject = Subject("embedder", ToyEmbedder())
    return plain(audit("cross-spectral", subject, data or samples(), settings=words, scope=scope))


def test_the_audit_names_the_worst_instrument_and_what_it_does_not_show():
    found = run()
    assert "accepted: print-laser" in found["headline"]
    matcher, by_instrument = found["tables"]
    assert [row["Probes"] for row in matcher["rows"]] == ["VIS", "NIR"]
    assert [row["Instrument"] for row in by_instrument["rows"]] == [
        "print-laser, NIR", "replay, NIR",
    ]  # fmt: skip
    assert {row["n"] for row in by_instrument["rows"]} == {30}
    assert found["basis"]["Liveness head"] == "none"
    assert found["risk"]["level"] in ("none found", "low", "medium", "high")
    assert "results bind to the tested set-up" in found["warnings"][0]


def test_what_cannot_be_audited_is_refused(tmp_path, monkeypatch):
    with pytest.raises(TooFewTrialsError, match="have no label 'spectrum'; give --layout"):
        run(Samples("noise", tuple(noise(9, 20)), {}))
    with pytest.raises(MienError, match="'mtcnn' does not check liveness"):
        run(head="mtcnn")
    with pytest.raises(TooFewTrialsError, match=r"show no threshold at FMR 0\.0001"):
        run(fmr=0.0001)
    with pytest.raises(TooFewTrialsError, match="needs visible probes of dev"):
        run(head="liveness-texture")
    with pytest.raises(MienError, match="agreed limit is 5"):
        run(scope=Scope(queries=5))
    data = samples()
    pictures = list(data.pictures)
    pictures[2] = noise(1, 24)[0]
    with pytest.raises(MienError, match="is labelled nir, but its channels differ"):
        run(Samples("toy", tuple(pictures), data.labels, data.people))
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))
    with pytest.raises(MienError, match="mien models pull minifasnet"):
        run(head="minifasnet")


@pytest.mark.realdata
@pytest.mark.weights
def test_prints_of_nuaa_pass_as_the_person_shown(torch, data, tmp_path):
    """The page: 0.99 (0.98 to 1.00) of prints are accepted, and few live faces are refused."""
    from mien.systems.cross_spectral import proof

    with zipfile.ZipFile(data / "nuaa.zip") as packed:
        packed.extractall(tmp_path)
    found = proof._real(proof.OURS, 0, proof._nuaa(tmp_path, tmp_path, None))
    assert found["iapmr"] > 0.95
    assert found["fnmr"] < 0.1
    assert proof._real(proof.RANDOM, 0, proof._nuaa(tmp_path, tmp_path, None))["iapmr"] < 0.2


def made_chips(people=4, frames=2):
    """Noise in which each person has a pattern; infrared has half of its contrast."""
    from mien.systems.cross_spectral.data import Chips, Shots

    count = people * frames
    rng = np.random.default_rng(0)
    own = rng.integers(0, 200, (people, 150, 150, 1)).repeat(frames, 0)
    vis = (own + rng.integers(0, 40, own.shape)).repeat(3, 3).astype(np.uint8)
    points = np.ones((count, 5, 2), np.float32)
    points[-1] = np.nan  # no face in infrared
    person = np.array([f"p{k}" for k in range(people)]).repeat(frames)
    kind = np.array([BONA_FIDE] * count)
    shown = Shots(vis, vis[..., 0] // 2, np.ones_like(points), points, person, kind,
                  np.array(["enrol", "probe"] * people), np.array(["train"] * count))  # fmt: skip
    return Chips(shown, vis, vis // 2)


def test_the_loss_by_hand(torch):
    from mien.systems.cross_spectral.model import Loss

    one, two = torch.eye(2)
    teacher = torch.stack([one, two])
    person = torch.tensor([0, 1])
    assert Loss(1.0, 0.5)(teacher, teacher, teacher, person) == 0  # D is 0 and 1, as it shall be
    both = torch.stack([one, one])
    # Pairs of one person: D = 0 and 1, mean square 0.5. Pairs of two: D = 0 and 1, so 1 and 0.
    swapped = Loss(1.0, 0.0)(both, teacher, teacher, person)
    assert float(swapped) == pytest.approx(0.25 + 0.25)
    assert float(Loss(1.0, 1.0)(both, both, teacher, person)) == pytest.approx(0.5)


def test_a_switch_begins_as_an_identity_and_sends_each_face_to_one_expert(torch):
    from mien.systems.cross_spectral.model import Switch

    torch.manual_seed(0)
    net, maps = Switch(8, 3), torch.rand(6, 8, 5, 5)
    assert torch.equal(net(maps), maps)
    with torch.no_grad():
        net.router.bias.copy_(torch.tensor([9.0, 0, 0]))
        net.style[1][-1].bias.fill_(1.0)
    assert torch.equal(net(maps), maps)  # the second expert is not asked
    assert net.load.item() == pytest.approx(3, abs=0.02)  # three times the least
    with torch.no_grad():
        net.router.bias.copy_(torch.tensor([0.0, 9, 0]))
    changed = net(maps) - maps
    assert changed.mean().item() == pytest.approx(1, abs=0.02)  # gain 1 of mean 0, shift 1


@pytest.mark.weights
def test_only_the_named_parts_learn_and_the_network_is_the_one_we_ship(torch):
    from mien.embed.dlib import SIDE
    from mien.systems.cross_spectral.model import InvariantUnits, Recogniser, StyleModulation
    from mien.zoo import load

    chips = noise(2, SIDE)
    pixels = torch.from_numpy(chips).permute(0, 3, 1, 2).float() / 255
    expected = load("dlib-resnet29").raw(chips)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    for kind in (Recogniser, InvariantUnits, StyleModulation):
        net = kind().train()
        assert np.allclose(net(pixels).detach().numpy(), expected, atol=1e-3)
    named = {name.split(".")[1] for name, one in InvariantUnits().named_parameters()
             if one.requires_grad}  # fmt: skip
    assert named == {"stem", "blocks"}
    styled = [name for name, one in StyleModulation().named_parameters() if one.requires_grad]
    assert styled
    assert all("switch" in name for name in styled)
    assert not [one for one in Recogniser().parameters() if one.requires_grad]


@pytest.mark.weights
def test_training_changes_only_the_units_and_a_face_that_is_not_found_stays_empty(torch):
    from mien.systems.cross_spectral.model import Adapting, Recogniser, adapted, vectors_of

    every = made_chips()
    how = Adapting("DIU", epochs=1, batch=8)
    net = adapted(how, 0, every, np.ones(8, bool))
    before, after = Recogniser().state_dict(), net.state_dict()
    changed = {name for name, one in after.items() if not torch.equal(one, before[name])}
    assert changed
    assert all(name.startswith("trunk.stem.conv") or int(name.split(".")[2]) < 7
               for name in changed)  # fmt: skip
    found = vectors_of(net, every)
    assert np.isnan(found[NIR][-1]).all()
    assert np.allclose(np.linalg.norm(found[VIS], axis=1), 1)


def test_moving_by_the_mean_undoes_a_constant_shift(torch):
    from mien.systems.cross_spectral.model import moved

    rng = np.random.default_rng(0)
    vis = rng.normal(size=(6, 4))
    vis /= np.linalg.norm(vis, axis=1, keepdims=True)
    found = moved({VIS: vis, NIR: vis + np.array([0.3, 0, 0, 0])}, np.arange(6) < 4)
    assert np.allclose(found[NIR], vis)
