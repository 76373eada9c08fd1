from datetime import date, timedelta

import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.longitudinal.longitudinal import longitudinal
from mien.evaluate.longitudinal.longitudinal_records import (
    Capture,
    aged_pictures,
    captures_in,
    compared_over_time,
    dated_pictures,
)
from mien.evaluate.longitudinal.scales import scales_of
from mien.metrics.findings import plain
from mien.metrics.longitudinal import visits_of

START = date(2020, 1, 1)
ROW = "A,x,cam,2020-01-01,1,r,0.5"
HEAD = "subject,algorithm,sensor,day,capture_no,ref_id,score"


def records(
    seed, subjects=60, visits=20, captures=6, s_day=0.03, b1=-0.004, event=0.0, glasses=0.0
):
    """Records after the model of spec 08, over 2.5 years."""
    random, found = np.random.default_rng(seed), []
    for k in range(subjects):
        level, slope = 0.8 + random.normal(0, 0.04), b1 + random.normal(0, 0.002)
        for v in range(visits):
            day = START.toordinal() + round(v * 2.5 * 365.25 / (visits - 1))
            years = (day - START.toordinal()) / 365.25
            worn = random.random() < 0.3
            mean = level + slope * years + random.normal(0, s_day) + event * (v == 7)
            mean -= glasses * worn
            for _ in range(captures):
                score = mean + random.normal(0, 0.015)
                more = {"glasses": "yes" if worn else "no"}
                found.append(Capture(f"s{k}", "a", "", day, years, "r", score, covariates=more))
    return found


def scales(**how):
    found = records(**how)
    who = np.array([int(c.subject[1:]) for c in found])
    columns = (np.array([getattr(c, key) for c in found]) for key in ("day", "years", "score"))
    return scales_of(visits_of(who, *columns), resamples=200)


@pytest.mark.slow
def test_days_dominate_and_then_drift_does_in_ten_of_ten_seeds():
    for seed in range(10):
        assert scales(seed=seed).verdict == "day-dominated"
        drift = scales(seed=seed, s_day=0.01, b1=-0.03)
        assert drift.verdict == "drift-dominated"
        assert drift.ratio.value == pytest.approx(0.135, abs=0.03)
        assert scales(seed=seed, s_day=0.0).verdict != "day-dominated"


def test_the_report_tells_misses_over_time_events_and_covariates():
    found = records(3, subjects=30, visits=12, captures=3, event=-0.08, glasses=0.04)
    told = plain(longitudinal(found, data="simulated", threshold=0.75, resamples=200))
    titles = {t["title"]: t for t in told["tables"]}
    [event] = titles["Days that affected all people"]["rows"]
    assert event["Day"] == (START + timedelta(days=round(7 * 2.5 * 365.25 / 11))).isoformat()
    misses = titles["Misses over time at threshold 0.7500"]["rows"]
    assert sum(row["Captures"] for row in misses) == len(found)
    [glasses] = titles["Covariates"]["rows"]
    assert glasses["Covariate"] == "glasses"
    assert glasses["p, corrected"] < 0.001
    needed = titles["Visits needed to know one person's mean score"]["rows"]
    s = next(r for r in titles["Components"]["rows"] if r["Component"].startswith("between days"))
    assert needed[1]["Visits"] == pytest.approx(
        (1.96 / 0.005) ** 2 * s["By moments"] ** 2, rel=0.15
    )


def test_somebody_whose_scores_sink_is_proposed_for_a_new_reference():
    found = []
    for c in records(5, subjects=20, visits=20, captures=2, s_day=0.01):
        sunk = c.subject == "s3" and c.years > 1
        found.append(Capture(*[getattr(c, k) for k in ("subject", "algorithm", "sensor", "day",
                               "years", "reference")], c.score - 0.1 * sunk))  # fmt: skip
    table = next(
        t for t in longitudinal(found, data="x", resamples=200).tables if "fell" in t.title
    )
    assert table.rows[0][0] == "s3"


def test_one_capture_a_visit_gives_no_day_effect_and_no_verdict():
    findings = longitudinal(records(0, captures=1), data="x", resamples=200)
    assert "Verdict: unknown" in findings.lead
    told = plain(findings)
    assert told["headline"]["day to day"]["value"] is None
    assert "no visit has two captures" in told["headline"]["day to day"]["reason"]


def test_what_shows_nothing_is_refused():
    with pytest.raises(TooFewTrialsError, match="9 subjects have 3 visits"):
        longitudinal(records(0, subjects=9), data="x")
    mixed = [*records(0, subjects=10), Capture("s0", "b", "", 1, 0.0, "r", 0.5)]
    with pytest.raises(MienError, match=r"2 algorithms \(a, b\).* must not be pooled"):
        longitudinal(mixed, data="x")
    with pytest.raises(MienError, match="No record is of algorithm 'c'"):
        longitudinal(mixed, data="x", algorithm="c")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("A,x,cam,2020-13-01,1,r,0.5", "line 2: '2020-13-01' is not a date"),
        ("A,x,cam,2020-01-01,1,r,nan", "line 2: score 'nan' is not a finite number"),
        (ROW.replace("-01,1", "-31,1") + "\n" + ROW, "line 3: 2020-01-01 comes after"),
        (ROW + "\n" + ROW, "line 3 is the same capture as line 2"),
        ("A,x,cam,2020-01-01,1,r", "line 2 lacks 'score'"),
    ],
)
def test_broken_rows_are_refused_by_number(tmp_path, rows, says):
    path = tmp_path / "scores.csv"
    path.write_text(f"{HEAD}\n{rows}\n")
    with pytest.raises(MienError, match=says):
        captures_in(path)


def test_pictures_twice_and_distances_are_refused(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(
        f"{HEAD},sha256\nA,x,cam,2020-01-01,1,r,0.5,aa\nA,x,cam,2020-01-01,2,r,0.5,aa\n"
    )
    with pytest.raises(MienError, match="line 3 is the same capture as line 2"):
        captures_in(path)
    path.write_text(f"{HEAD},same\nA,x,cam,2020-01-01,1,r,0.3,1\nA,x,cam,2020-01-01,2,r,0.9,0\n")
    with pytest.raises(MienError, match="as with distances"):
        captures_in(path)
    path.write_text(f"{HEAD},ref_day\nA,x,cam,2020-01-01,1,r,0.3,2020-05-01\n")
    with pytest.raises(MienError, match="before the reference's day"):
        captures_in(path)


def test_dated_pictures_are_compared_with_the_first_visit(tmp_path, put):
    for who in ("A", "B"):
        for day in ("2020-01-01", "2020-07-01", "2022-01-01"):
            for k in ("01", "02"):
                put(tmp_path / who / day / f"{k}.png")
    dated = dated_pictures(tmp_path)
    vectors = {d.picture: np.array([1, 0], np.float32) for d in dated}
    lost = next(d for d in dated if d.picture.person == "B" and d.number == "01")
    del vectors[lost.picture]
    found, failed = compared_over_time(dated, vectors, "toy", references=2)
    assert failed == 1
    genuine = [c for c in found if c.same]
    # A: 4 later captures x 2 references; B: 4 x 1, since one of its first two shows no face.
    assert len(genuine) == 12
    assert {round(c.years, 1) for c in genuine} == {0.5, 2.0}
    assert all(c.subject != "" for c in found)
    put(tmp_path / "A" / "loose.png")
    with pytest.raises(MienError, match="not in the layout subject/YYYY-MM-DD"):
        dated_pictures(tmp_path)


@pytest.mark.parametrize(
    ("layout", "name", "who"),
    [
        ("fgnet", "001A02", "001"),
        ("agedb", "7_Ada_35_f", "Ada"),
        ("morph", "009055_1M54", "009055"),
    ],
)
def test_ages_in_names_stand_for_visits(tmp_path, put, layout, name, who):
    put(tmp_path / f"{name}.JPG")
    [one] = aged_pictures(tmp_path, layout)
    assert one.picture.person == who
    assert int(one.day / 365.25) in (2, 35, 54)
    put(tmp_path / "other.jpg")
    with pytest.raises(MienError, match="does not follow"):
        aged_pictures(tmp_path, layout)
