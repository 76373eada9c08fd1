"""`mien train` with a mitigation for groups of people: the run, its card, and what is refused."""

import numpy as np
import pytest

from mien.media import stretched, write_image
from mien.testing import check
from mien.zoo import load


def raced(root, races, count=120):
    """Noise whose level shows the age; races go round."""
    root.mkdir()
    random = np.random.default_rng(0)
    ages = (6, 16, 30, 50, 70)
    for k in range(count):
        age, race = ages[k % 5] + k % 3, races[k // 5 % len(races)]
        image = np.clip(random.normal(2 * age, 30, (60, 60, 3)), 0, 255).astype(np.uint8)
        write_image(root / f"{age}_0_{race}_{20170000 + k}.jpg.chip.png", image)
    return root


@pytest.mark.slow
def test_a_mitigation_is_trained_by_the_command_and_named_by_the_card(mien, tmp_path, monkeypatch):
    pytest.importorskip("lightning_fabric")
    # Images of noise have no faces, and the search for them takes most of a training's time.
    monkeypatch.setattr(
        "mien.train.chips.cutter", lambda _, crop: lambda image: stretched(image, crop.size)
    )
    data = raced(tmp_path / "set", (0, 0, 0, 1))
    small = ("blocks=1", "epochs=1", "second=1", "batch=8", "precision=32")
    fair = ("mitigate=oversampling", "group=race")

    def run(place, *settings):
        pairs = [word for pair in (*small, *settings) for word in ("--set", pair)]
        return mien("train", "age-fahr", "--data", data, "--out", tmp_path / place, *pairs)

    code, out, err = run("fair", *fair)
    assert code == 0, err
    assert '"mitigation": "oversampling by race (Black ' in out
    card = (tmp_path / "fair" / "card.toml").read_text()
    assert "--set mitigate=oversampling --set group=race" in card
    check("chip-head", load(str(tmp_path / "fair")))
    assert run("plain")[0] == 0
    weights = [(tmp_path / name / "weights-32.onnx").read_bytes() for name in ("fair", "plain")]
    assert weights[0] != weights[1]
    code, _, err = run("fair")  # not continued with other settings
    assert code == 1
    assert "other settings" in err
    for settings, says in (
        (("mitigate=fairness", "group=race"), "mitigate must be"),
        (("mitigate=reweighing",), "add --set group=COLUMN, one of: age, gender, race, tone"),
        (("mitigate=reweighing", "group=faith"), "No image has a label 'faith'"),
        (("group=race",), "does nothing without a mitigation"),
    ):
        code, _, err = run("none", *settings)
        assert code == 1
        assert says in err
    assert not (tmp_path / "none").exists()
