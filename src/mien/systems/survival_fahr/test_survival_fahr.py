"""Known answers; cohorts with known hazards; invalid cohorts; a damaged file."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mien.errors import MienError, TooFewTrialsError
from mien.systems.survival_fahr.cohort import embed_faces, read_cohort
from mien.systems.survival_fahr.findings import findings
from mien.systems.survival_fahr.fitting import fit
from mien.systems.survival_fahr.head import Model, trunk
from mien.testing import check
from mien.zoo import load


def cohort(people=600, seed=0, shuffled=False):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(people, 12)) * np.linspace(3, 0.5, 12)
    hazard = 0.4 * vectors[:, 0] + random.normal(scale=0.2, size=people)
    until, ends = random.exponential(np.exp(-hazard)), random.uniform(0, 2, people)
    times, events = np.minimum(until, ends), until <= ends
    if shuffled:
        order = random.permutation(people)
        times, events = times[order], events[order]
    return vectors.astype(np.float32), times, events, hazard


def test_a_planted_hazard_is_found_and_a_shuffled_one_is_not():
    vectors, times, events, hazard = cohort()
    found = fit(vectors, times, events, {"noise": np.random.default_rng(1).normal(size=600)})
    assert np.corrcoef(found.risk, hazard)[0, 1] > 0.9
    assert found.concordance["risk"].low > 0.65
    assert found.top.ratios[0, 1] > 3  # even the lower end of the interval
    assert found.adds["risk adds nothing"] < 1e-6
    assert found.adds["others add nothing"] > 0.001
    vectors, times, events, _ = cohort(shuffled=True)
    nothing = fit(vectors, times, events, {})
    assert nothing.concordance["risk"].low < 0.5 + 0.02
    _, low, high = nothing.top.ratios[0]
    assert low < 1.1
    assert high > 0.9


def test_a_model_survives_its_file_and_refuses_a_damaged_one(tmp_path):
    vectors, times, events, _ = cohort()
    found = fit(vectors, times, events, {})
    place = tmp_path / "model.json"
    found.model.save(place)
    assert np.allclose(Model.load(place)(vectors), found.model(vectors))
    plain = json.loads(place.read_text())
    for broken in (
        "{", "[]", "{}", json.dumps({**plain, "weights": plain["weights"][1:]}),
        json.dumps({**plain, "mean": [float("nan")] * 12}), json.dumps({**plain, "what": 1}),
    ):  # fmt: skip
        place.write_text(broken)
        with pytest.raises(MienError, match="fit the cohort again"):
            Model.load(place)
    place.write_text(json.dumps({**plain, "trunk": "age-fahr@000000000000"}))
    with pytest.raises(MienError, match="are not comparable"):
        Model.load(place)


def test_too_few_events_are_refused():
    vectors, times, events, _ = cohort(60)
    with pytest.raises(TooFewTrialsError, match="at least 20 are needed"):
        fit(vectors, times, events & (np.arange(60) < 10), {})


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.jpg,-1,1,50", "0 or more"),
        ("a.jpg,3,2,50", "event 0 or 1"),
        ("a.jpg,three,1,50", "time_days 'three' is not a number"),
        ("a.jpg,3,1,", "age '' is not a number"),
        ("a.jpg,3,1,50\na.jpg,4,1,51", "line 3 names the image of line 2 again"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_by_line(tmp_path, row, says):
    table = tmp_path / "cohort.csv"
    table.write_text(f"path,time_days,event,age\n{row}\n")
    with pytest.raises(MienError, match=says):
        read_cohort(table)


def test_a_table_without_a_column_is_refused(tmp_path):
    table = tmp_path / "cohort.csv"
    table.write_text("path,days\na.jpg,3\n")
    with pytest.raises(MienError, match="needs the columns path, time_days, event"):
        read_cohort(table)
    table.write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(MienError, match="cannot be read"):
        read_cohort(table)


def test_mien_has_no_model_of_its_own():
    with pytest.raises(MienError, match="Fit yours with"):
        load("survival-fahr")


@pytest.mark.weights
def test_faces_to_hazards_and_reasons(tmp_path, astronaut):
    from mien.media import write_image

    image = astronaut
    write_image(tmp_path / "one.png", image)
    write_image(tmp_path / "two.png", np.concatenate([image, image], 1))
    write_image(tmp_path / "none.png", np.full((80, 80, 3), 90, np.uint8))
    (tmp_path / "cut.png").write_bytes((tmp_path / "one.png").read_bytes()[:200])
    names = ("one", "two", "none", "cut")
    seen = embed_faces([tmp_path / f"{name}.png" for name in names])
    assert seen.rows.tolist() == [0]
    assert dict(seen.failures) == {1: "several-faces", 2: "no-face", 3: "unreadable"}
    assert "1 left out: several faces" in seen.failures_text()
    assert 10 < seen.ages[0] < 90
    size = seen.vectors.shape[1]
    model = Model(trunk(), np.zeros(size), np.eye(size)[:, :2], np.ones(2), np.zeros(3), {})
    model.save(tmp_path / "model.json")
    head = load("survival-fahr", model=tmp_path / "model.json")
    check("chip-head", head)
    from mien.cli.survival import app

    result = CliRunner().invoke(
        app, ["score", str(tmp_path / "one.png"), "--model", str(tmp_path / "model.json")]
    )
    measured = json.loads(result.stdout.splitlines()[0])
    assert measured["log_hazard"] == pytest.approx(float(seen.vectors[0, :2].sum()), abs=1e-3)


def test_the_page_of_a_fit_carries_its_limits():
    from mien.report.findings import page_of

    vectors, times, events, _ = cohort()
    page = page_of(findings(fit(vectors, times, events, {}), "cohort.csv", "", ()))
    assert "Research only. This is not a diagnosis" in page
    assert "A hazard here is relative to this cohort" in page


def test_losses_by_hand(torch):
    from mien.systems.survival_fahr.model import cox_loss, ranking_loss

    risk = torch.tensor([1.0, 0.0, -1.0])
    times, events = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([True, False, True])
    # Pairs: the first before the second and the third.
    expected = (np.log1p(np.exp(-1)) + np.log1p(np.exp(-2))) / 2
    assert ranking_loss(risk, times, events).item() == pytest.approx(expected, rel=1e-5)
    # Events: the first among all three, the third alone.
    expected = (np.log(np.exp(1) + 1 + np.exp(-1)) - 1 + 0) / 2
    assert cox_loss(risk, times, events).item() == pytest.approx(expected, rel=1e-5)
    nobody = torch.tensor([False, False, False])
    assert cox_loss(risk, times, nobody).item() == ranking_loss(risk, times, nobody).item() == 0


def test_learning_an_order_finds_it(torch):
    from mien.systems.survival_fahr.proof import learnt, simulated

    measured = simulated(0)
    risk = learnt("Cox", measured.face, measured, seed=0)
    assert np.corrcoef(risk, measured.hazard)[0, 1] > 0.7
