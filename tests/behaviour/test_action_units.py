import csv
import io
import zipfile

import numpy as np
import pytest

from mien.behaviour import (
    AU_NAMES,
    AU_UNITS,
    CALIBRATED,
    SIDED,
    UNCALIBRATED,
    Baseline,
    action_units,
    smiles,
)
from mien.behaviour.action_units import SMILE
from mien.behaviour.unit_tables import units
from mien.film import analyze, open_analyzer
from mien.landmarks import UNITS

REST = Baseline.average()


def rest(frames=5):
    return {name: np.full(frames, np.nan_to_num(REST.centre[name])) for name in UNITS}


def own():
    """A person whose rest is that of average people."""
    return Baseline.fit(np.arange(5.0), rest())


def test_every_unit_has_a_column_and_only_calibrated_ones_a_probability():
    found = action_units(rest(), own())
    assert list(found) == list(AU_UNITS)
    assert {name for name in found if name.endswith("_r")} == {f"{n}_r" for n in AU_NAMES}
    assert {name for name in found if name.endswith("_p")} == {f"{n}_p" for n in CALIBRATED}
    assert set(CALIBRATED) | set(UNCALIBRATED) == set(AU_NAMES)
    assert len(AU_NAMES) == 17
    assert {"AU12_r_left", "AU12_r_right"} <= set(found)
    assert all(values.shape == (5,) for values in found.values())


def test_a_face_at_rest_shows_little_and_everything_is_on_its_scale():
    found = action_units(rest(), own())
    rng = np.random.default_rng(0)
    wild = {name: values + rng.normal(0, 1, 5) for name, values in rest().items()}
    for name, unit in AU_UNITS.items():
        top = 5 if unit.startswith("FACS") else 1
        values = action_units(wild, own())[name]
        assert (values >= 0).all()
        assert (values <= top).all()
        assert found[name].max() < (1 if name.endswith("_r") else 0.5), name


def moved(**changes):
    columns = rest()
    for name, change in changes.items():
        sides = [name] if name in columns else [f"{name}_left", f"{name}_right"]
        for one in sides:
            columns[one] = columns[one] + np.linspace(0, change, 5)
    return action_units(columns, own())


@pytest.mark.parametrize(
    ("unit", "changes"),
    [
        ("AU02", {"brow_outer": 0.1, "brow_middle": 0.1, "brow_inner": 0.08}),
        ("AU12", {"mouth_lift": 0.07, "mouth_reach": 0.1, "mouth_depth": 0.09}),
        ("AU25", {"mouth_aperture": 0.3, "lip_bottom": 0.3}),
        ("AU26", {"mouth_aperture": 0.3, "lip_bottom": 0.3, "nose_to_chin": 0.2}),
        ("AU45", {"eye_aperture": -0.08, "lid_upper": -0.06, "lid_lower": 0.02}),
    ],
)
def test_a_movement_raises_its_unit(unit, changes):
    values = moved(**changes)[f"{unit}_r"]
    assert (np.diff(values) >= 0).all()
    assert values[0] < 1
    assert values[-1] > 2


def test_a_one_sided_smile_is_on_its_side():
    found = moved(mouth_lift_left=0.08, mouth_reach_left=0.1, mouth_depth_left=0.09)
    assert found["AU12_r_left"][-1] > found["AU12_r_right"][-1] + 1
    assert found["AU12_r"] == pytest.approx(found["AU12_r_left"])
    assert "AU12" in SIDED


def test_what_is_missing_stays_missing_and_is_never_zero():
    columns = rest()
    columns["mouth_lift_left"][2] = np.nan
    found = action_units(columns, own())
    assert np.isnan(found["AU12_r"][2])
    assert np.isnan(found["AU12_r_left"][2])
    assert np.isfinite(found["AU45_r"]).all()
    gone = action_units({name: np.full(3, np.nan) for name in UNITS}, own())
    assert all(np.isnan(values).all() for values in gone.values())
    none = action_units({name: np.empty(0) for name in UNITS}, own())
    assert all(values.shape == (0,) for values in none.values())


def test_average_people_give_no_probability():
    found = action_units(rest(), REST)
    assert not any(name.endswith("_p") for name in found)
    assert "AU12_r" in found


def test_a_measure_that_is_not_there_is_named():
    columns = rest()
    del columns["cheek_left"]
    with pytest.raises(ValueError, match="'cheek_left' is missing"):
        action_units(columns, own())


def test_curves_rise_on_the_scale():
    for unit in units().values():
        scores, levels = unit.curve
        assert (np.diff(scores) > 0).all()
        assert (np.diff(levels) >= 0).all()
        assert 0 <= levels[0] <= levels[-1] <= 5
        assert unit.presence is None or unit.presence[0] > 0


def test_a_baseline_that_smiles_has_no_au12():
    smile = {f"mouth_{part}_{side}": 0.12 for part in ("lift", "reach", "depth")
             for side in ("left", "right")}  # fmt: skip
    columns = {name: values + smile.get(name, 0) for name, values in rest().items()}
    assert smiles(Baseline.fit(np.arange(5.0), columns))
    assert not smiles(own())
    assert not smiles(REST)
    found = action_units(columns, Baseline.fit(np.arange(5.0), columns))
    assert all(np.isnan(found[name]).all() for name in found if name.startswith("AU12_"))
    assert not np.isnan(found["AU25_r"]).any()
    assert list(found) == list(AU_UNITS)


@pytest.mark.realdata
@pytest.mark.weights
def test_smiling_portraits_are_separated_from_neutral_ones(data, tmp_path):
    """Every third Taiwanese portrait: AU12 beside the average face, against the threshold."""
    archive = zipfile.ZipFile(data / "taiwan_expressions.zip")
    with archive.open("taiwan/ratings.csv") as file:
        rated = list(csv.DictReader(io.TextIOWrapper(file, "utf-8-sig")))
    found = {}
    analyzer = open_analyzer(heads="none")
    for word in ("neutral", "happy"):
        names = [row["file"] for row in rated if row["intended"] == word][::3]
        paths = [archive.extract(f"taiwan/{name}", tmp_path) for name in names]
        table = analyze(paths, analyzer)
        found[word] = table.aus["AU12_r"].dropna().to_numpy() > SMILE
    assert found["neutral"].mean() <= 0.1
    assert found["happy"].mean() >= 0.9
