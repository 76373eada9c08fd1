import numpy as np
import pytest
from tests.toy_faces import Masks, Squares, scene
from tests.toys import TOY, Colours

from mien.behaviour import AU_UNITS, Baseline, BaselineError, action_units
from mien.film import Analyzer, analyze
from mien.film.baselines import apply_baselines
from mien.landmarks import UNITS
from mien.photo import Pipeline
from mien.tables import Column, Table, part_of
from mien.tables.columns import KEYS

REST = Baseline.average().centre


@pytest.fixture
def kit():
    pipeline = Pipeline(detector=Squares(), embedder=Colours(), calibration=TOY)
    return Analyzer(pipeline=pipeline, landmarker=Masks())


def seen(seconds=10.0, changes=None, kind="film", gap=()):
    """A table of one face at rest at 25 frames a second, and what is different about it."""
    times = np.arange(0, seconds, 0.04)
    count = len(times)
    columns = [*KEYS, *(Column(name, unit, "measures") for name, unit in UNITS.items())]
    base = {n: 0.0 if not np.isfinite(v) else v for n, v in REST.items()}
    values = {name: np.full(count, value) for name, value in base.items()}
    for name, change in (changes or {}).items():
        values[name] = values[name] + change(times)
    inside = [any(a <= t < b for a, b in [gap]) if gap else False for t in times]
    for name in UNITS:
        values[name][inside] = np.nan
    values |= {
        "input": ["a.mp4"] * count, "frame": list(range(count)), "time": times,
        "track": [0] * count, "person": [None] * count, "confidence": np.ones(count),
        "reason": ["blurred" if gone else "ok" for gone in inside],
    }  # fmt: skip
    facts = [{"input": "a.mp4", "kind": kind}]
    return Table.of([part_of(columns, values, {})], columns, recordings=facts, facts={})


def closing(at, depth=0.95, half=0.12):
    """A change of the lids: down and up again around a moment."""
    width = REST["eye_aperture_left"]
    return lambda t: -depth * width * np.clip(1 - np.abs(t - at) / half, 0, 1)


def test_a_blink_is_an_event_with_its_times_and_the_rate_follows(kit):
    both = {f"eye_aperture_{side}": closing(4.0) for side in ("left", "right")}
    table = apply_baselines(seen(changes=both), kit, None, {})
    [blink] = table.events[table.events["kind"] == "blink"].to_dict("records")
    assert (blink["who"], blink["side"], blink["begun"]) == ("track-0", "both", True)
    assert blink["onset"] == pytest.approx(3.92, abs=0.03)
    assert blink["apex"] == pytest.approx(4.0)
    assert table.people["blinks_per_minute"].tolist() == [pytest.approx(6.0, rel=0.02)]
    rows = table.summary("event").query("kind == 'blink' and column == 'eye_aperture_left'")
    assert rows["n"].tolist() == [5]
    assert rows["mean"].iloc[0] < table.data["eye_aperture_left"].mean()


def test_each_person_is_measured_against_their_own_rest_and_the_file_says_so(kit):
    # Lips that are always 0.03 further apart than on average people are this person's rest.
    changes = {"mouth_lift_left": lambda t: np.where(t > 6, 0.06, 0.03),
               "mouth_lift_right": lambda t: np.where(t > 6, 0.06, 0.03)}  # fmt: skip
    table = apply_baselines(seen(changes=changes), kit, None, {})
    calm = table.data["AU12_r"][table.data["time"] < 6]
    assert calm.max() < 0.5
    assert list(table.aus) == list(AU_UNITS)
    [used] = table.facts["baselines"]
    assert (used["mode"], used["who"]) == ("whole", "track-0")
    assert used["frames"] >= 35
    assert "fitted to the whole film" in used["why"]


@pytest.mark.parametrize(
    ("table", "words"), [(seen(1.5), "less than 2 s"), (seen(0.04, kind="picture"), "an image")]
)
def test_who_is_hardly_seen_is_compared_with_average_people_and_has_no_probability(
    kit, table, words
):
    found = apply_baselines(table, kit, None, {})
    [used] = found.facts["baselines"]
    assert used["mode"] == "average"
    assert words in used["why"]
    assert found.data["AU12_r"].notna().all()
    assert found.aus[[n for n in AU_UNITS if n.endswith("_p")]].isna().all(axis=None)
    assert (len(found.events) == 0) or found.events["kind"].notna().all()


def test_who_is_never_seen_from_the_front_has_no_units_and_a_reason(kit):
    table = apply_baselines(seen(changes={"yaw": lambda t: 35 + 0 * t}), kit, None, {})
    assert table.aus.isna().all(axis=None)
    assert "within 20 degrees of frontal" in table.facts["baselines"][0]["why"]


def test_what_was_not_seen_has_no_units_and_ends_what_went_on(kit):
    opening = {"mouth_aperture": lambda t: np.where((t > 3) & (t < 6), 0.3, 0.0)}
    table = apply_baselines(seen(changes=opening, gap=(4.0, 5.0)), kit, None, {})
    gone = table.data["reason"] == "blurred"
    assert table.aus[gone].isna().all(axis=None)
    wide = table.events[table.events["kind"] == "mouth-open"]
    assert wide[["begun", "ended"]].to_numpy().tolist() == [[True, False], [False, True]]


def test_one_baseline_gives_the_same_numbers_of_a_clip_and_of_a_part_of_it(kit):
    changes = {"mouth_lift_left": lambda t: 0.05 * np.sin(t)}
    baseline = Baseline.average()
    whole = apply_baselines(seen(10, changes), kit, baseline, {}).data
    part = apply_baselines(seen(4, changes), kit, baseline, {}).data
    assert part["AU12_r"].tolist() == whole["AU12_r"].iloc[: len(part)].tolist()
    one = {name: whole[name].to_numpy()[7:8] for name in UNITS}
    assert action_units(one, baseline)["AU12_r"][0] == whole["AU12_r"][7]


def test_a_baseline_of_somebody_else_is_refused(kit, film, tmp_path):
    image = scene((40, 40))
    image[40:100, 40:100] = [250, 130, 10]
    clip = film([image] * 60)
    own = analyze([clip], kit)
    assert own.people["who"].tolist() == ["unknown-1"]

    def fitted(vector):
        columns = {name: own.data[name].to_numpy() for name in UNITS}
        unit = np.float32(vector) / np.linalg.norm(vector)
        return Baseline.fit(own.data["time"], columns, vector=unit, contract=Colours.contract)

    hers, his = fitted([251, 131, 11]), fitted([11, 131, 251])
    hers.save(tmp_path / "hers.json")
    table = analyze([clip], kit, baseline=Baseline.load(tmp_path / "hers.json"))
    why = table.facts["baselines"][0]["why"]
    assert why.startswith("the supplied baseline")  # and it smiles: the mesh is a toy
    with pytest.raises(BaselineError, match="another person"):
        analyze([clip], kit, baseline=his)


def smiling(start):
    """Changes of a face that smiles from a moment on."""
    size = {"mouth_lift": 0.08, "mouth_reach": 0.12, "mouth_depth": 0.12}
    return {f"{name}_{side}": lambda t, s=size[name]: s * (t >= start)
            for name in size for side in ("left", "right")}  # fmt: skip


def test_a_face_that_smiles_throughout_has_no_au12_and_the_reason_is_stated(kit):
    table = apply_baselines(seen(changes=smiling(0)), kit, None, {})
    assert table.aus.filter(like="AU12").isna().all(axis=None)
    assert table.aus["AU26_r"].notna().all()
    assert "smiles in all of its neutral frames" in table.facts["baselines"][0]["why"]
    later = apply_baselines(seen(changes=smiling(4)), kit, None, {})
    assert later.aus["AU12_r"].iloc[-1] > 3
    assert later.aus["AU12_r"].iloc[0] < 0.5
    assert later.facts["baselines"][0]["why"] == "fitted to the whole film"


def test_a_smile_beside_the_average_baseline_is_one(kit):
    table = apply_baselines(seen(changes=smiling(0)), kit, Baseline.average(), {})
    assert (table.aus["AU12_r"] > 3).all()
