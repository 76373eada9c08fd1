"""Rare cells are filled as planned, by edits that pass the gates; the rest is reported."""

import json

import numpy as np
import pytest

from mien.errors import MienError, OptionError
from mien.media import read_change, write_image
from mien.media.skin import cheeks, toned
from mien.metrics import tone_angle, tone_bin
from mien.service.balance_plan import BalancePlan, read_plan
from mien.service.balancing import balance

FACES = {"light": (215, 170, 140), "tan": (170, 128, 100), "brown": (150, 108, 80)}
PLAN = BalancePlan(("gender",), ("light", "tan", "brown"))


def face(tone, seed):
    rng = np.random.default_rng(seed)
    image = np.full((60, 60, 3), (30, 60, 150), np.float64)
    image[8:56, 8:52] = FACES[tone]
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Eight light, two tan and one brown man; two light women."""
    counts = [("light", 0, 8), ("tan", 0, 2), ("brown", 0, 1), ("light", 1, 2)]
    number = 0
    for tone, gender, count in counts:
        for _ in range(count):
            write_image(tmp_path / "set" / f"30_{gender}_0_{number:04d}.jpg.chip.png",
                        face(tone, number))  # fmt: skip
            number += 1
    return tmp_path / "set"


@pytest.fixture(autouse=True)
def place(tmp_path):
    (tmp_path / "set").mkdir()


def run(folder, out, plan=PLAN, **more):
    how = {"same": lambda before, changed: True, **more}
    return balance(folder, plan, out, layout="utkface", **how)


def test_toy_faces_have_their_tone():
    for tone in FACES:
        assert tone_bin(tone_angle(cheeks(face(tone, 0)))) == tone


def test_cells_are_filled_exactly_as_planned(folder, tmp_path):
    plan = BalancePlan(("gender",), PLAN.tones, least=0.5)
    found = run(folder, tmp_path / "out", plan)
    assert found.before == {"brown/male": 1, "light/female": 2, "light/male": 8, "tan/male": 2}
    assert found.rejected == {}
    assert found.made == {"tan/female": 4, "tan/male": 2, "brown/female": 4, "brown/male": 3}
    # No woman in other skin can become light: not invented, but reported.
    assert found.unfillable["light/female"] == 2
    rows = [json.loads(line) for line in found.manifest.read_text().splitlines()]
    assert len(rows) == sum(found.made.values())
    for row in rows:
        path = tmp_path / "out" / row["file"]
        assert read_change(path) == "edited"
        assert row["synthetic"] is True
        sidecar = json.loads(path.with_suffix(".provenance.json").read_text())
        assert sidecar["made_from"][0]["sha256"] == row["source_sha256"]


def test_the_same_call_resumes_to_the_same_bytes(folder, tmp_path):
    first = run(folder, tmp_path / "out")
    files = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    victim = next(p for p in files if p.suffix == ".png")
    victim.unlink()  # as if the disk had been full
    again = run(folder, tmp_path / "out")
    assert again.made == first.made
    assert {p: p.read_bytes() for p in files} == files


def test_a_broken_editor_is_refused_by_the_gates(folder, tmp_path):
    found = run(folder, tmp_path / "out", edit=lambda chip, angle: toned(chip, 50.0))
    assert found.rejected["tone outside its bin"] > 20
    assert sum(found.made.values()) <= 0.05 * found.rejected["tone outside its bin"]
    assert found.unfillable["brown/male"] == 7


def test_another_person_and_an_unsharp_face_are_refused(folder, tmp_path):
    found = run(folder, tmp_path / "a", same=lambda before, changed: False)
    assert not any(found.made.values())
    assert found.rejected["another person"]
    found = run(folder, tmp_path / "b", edit=lambda chip, angle: np.broadcast_to(
        toned(chip, angle).mean((0, 1)), chip.shape).astype(np.uint8))  # fmt: skip
    assert not any(found.made.values())


def test_balanced_data_give_an_empty_plan(tmp_path):
    for k, tone in enumerate(FACES):
        write_image(tmp_path / "set" / f"30_0_0_{k}.jpg.chip.png", face(tone, k))
    found = run(tmp_path / "set", tmp_path / "out")
    assert (found.made, found.unfillable) == ({}, {})
    assert found.manifest.read_text() == ""


def test_what_cannot_be_used_is_counted(folder, tmp_path):
    write_image(folder / "30_0_0_9001.jpg.chip.png", np.full((60, 60, 3), 128, np.uint8))
    (folder / "30_0_0_9002.jpg.chip.png").write_bytes(b"none")
    write_image(folder / "30_0_9003.jpg.chip.png", face("tan", 1))
    found = run(folder, tmp_path / "out")
    assert found.left_out == {"no colours": 1, "unreadable": 1, "no label": 1}


def test_an_edited_face_is_no_source(folder, tmp_path):
    made = run(folder, tmp_path / "out")
    first = tmp_path / "out" / json.loads(made.manifest.read_text().splitlines()[0])["file"]
    (folder / "30_0_0_9009.jpg.chip.png").write_bytes(first.read_bytes())
    assert run(folder, tmp_path / "again").left_out == {"made": 1}


def test_wrong_requests_are_refused(folder, tmp_path):
    with pytest.raises(OptionError, match="no label 'smile'; it has age, gender, race"):
        run(folder, tmp_path / "out", BalancePlan(("smile",)))
    with pytest.raises(OptionError, match="Layout 'x' is unknown"):
        balance(folder, PLAN, tmp_path / "out", layout="x")
    with pytest.raises(OptionError, match="counts 'dark/male', but the data have"):
        run(folder, tmp_path / "out", BalancePlan(("gender",), PLAN.tones, counts={"dark/male": 1}))
    with pytest.raises(MienError, match=r"No face of .* can be used \(other tone 13\)"):
        run(folder, tmp_path / "out", BalancePlan((), ("very light", "dark")))


def test_a_plan_is_read_from_toml(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text('labels = ["gender"]\nleast = 0.5\n[counts]\n"tan/male" = 9\n')
    plan = read_plan(path)
    assert (plan.labels, plan.least, plan.counts) == (("gender",), 0.5, {"tan/male": 9})
    assert plan.deficits({("tan", "male"): 4, ("light", "male"): 10})[("tan", "male")] == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("least = 2", r"least must be in \(0, 1\]"),
        ('tones = ["tan"]', "two tones or more"),
        ('tones = "tan"', "tones must be a list"),
        ("colour = 1", "'colour' is no key of a plan"),
        ('least = "all"', "least must be a number"),
        ("per_source = 0.5", "per_source must be a whole number"),
        ("[counts]\nx = -1", "counts must map cells"),
        ("least = ", "cannot be read as a plan"),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path, text, says):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(OptionError, match=says):
        read_plan(tmp_path / "plan.toml")
