import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.verification.likelihood_ratio import held_out
from mien.evaluate.verification.trial_set import Compared, compare_everybody
from mien.evaluate.verification.verify import rate_name, verify
from mien.metrics import Trials, fnmr, least_cllr, threshold_at_fmr
from mien.metrics.findings import plain


@pytest.fixture(scope="module")
def compared(crowd):
    found, failures = crowd(80, 3, noise=0.9, failed={(1, 0), (2, 1)})
    groups = {f"p{k:03d}": "even" if k % 2 == 0 else "odd" for k in range(80)}
    return compare_everybody(found, failures, groups=groups)


def test_the_report_tells_what_the_plain_functions_give(compared):
    told = plain(verify(compared, data="a crowd"))
    rows = {row["Name"]: row for row in told["tables"][0]["rows"]}
    bar = threshold_at_fmr(compared.trials.impostors, 0.01)
    missed = fnmr(compared.trials.genuine, bar, compared.trials.misses)
    assert rows["fmr1e-2"]["FNMR"]["value"] == pytest.approx(missed, rel=1e-5)
    assert rows["fmr1e-2"]["FNMR"]["low"] < missed < rows["fmr1e-2"]["FNMR"]["high"]
    assert "fmr1e-5" not in rows  # 28,000 impostors cannot show it
    assert told["headline"]["failure to enrol"]["value"] == pytest.approx(2 / 240, rel=1e-5)
    assert "2 of 240 images failed" in told["warnings"][0]
    assert told["basis"]["Comparisons of one person"] == "240, 4 of them failed"


def test_groups_have_impostors_of_their_own(compared):
    told = plain(verify(compared, data="a crowd"))
    table = next(t for t in told["tables"] if t["title"].startswith("Groups"))
    assert [row["Group"] for row in table["rows"]] == ["even", "odd"]
    # 40 people each, three pictures, one of them of an even person without a face.
    assert table["rows"][0]["FMR within"]["trials"] == 40 * 39 // 2 * 9 - 39 * 3


def test_names_of_operating_points():
    assert [rate_name(r) for r in (0.1, 1e-3, 1e-6, 0.02)] == [
        "fmr1e-1", "fmr1e-3", "fmr1e-6", "fmr2e-2",
    ]  # fmt: skip


def test_few_impostors_show_only_the_rate_that_they_can():
    random = np.random.default_rng(0)
    n = 200
    trials = Trials(
        np.r_[random.normal(3, 1, n), random.normal(0, 1, n)],
        np.arange(2 * n) < n,
        np.r_[np.arange(n), np.arange(n)],
        np.r_[np.arange(n), np.arange(n) + n],
    )
    names = tuple(map(str, range(2 * n)))
    told = plain(verify(Compared(trials, names), data="pairs"))
    assert [row["FMR"] for row in told["tables"][0]["rows"]] == [0.15]


def test_ratios_are_tried_on_people_they_were_not_fitted_on(compared):
    logistic, isotonic = held_out(compared)
    least = least_cllr(compared.trials.genuine, compared.trials.impostors)
    for one in (logistic, isotonic):
        assert least - 0.1 < one.cost < 1
        assert one.error < 0.1


def test_what_shows_no_rate_is_refused(crowd):
    one = Trials(np.ones(3), np.ones(3, bool), np.zeros(3, int), np.zeros(3, int))
    with pytest.raises(TooFewTrialsError, match="1 person"):
        verify(Compared(one, ("Ada",)), data="x")
    found, _ = crowd(1, 3)
    with pytest.raises(MienError, match="1 person"):
        verify(compare_everybody(found), data="x")


def test_too_few_people_for_evidence_is_said_and_the_rest_is_told(crowd):
    found, _ = crowd(12, 2, seed=3)
    findings = verify(compare_everybody(found), data="a dozen")
    assert any("fitting and testing need" in warning for warning in findings.warnings)
    assert not any(table.title == "Value as evidence" for table in findings.tables)
