"""The contract, whole reports, and what is never called fair."""

import numpy as np
import pytest

from mien.audit import head_of
from mien.contracts import Samples, Scope
from mien.errors import MienError, TooFewTrialsError
from mien.media import write_image
from mien.metrics.findings import plain
from mien.service import audit
from mien.systems.trust_faa.answers import bands, group_columns, outputs, pooled
from mien.systems.trust_faa.counterfactual import changed_faces
from mien.testing import check, noise
from mien.types import Reading
from mien.zoo import load

QUICK = ("rendered=1", "attacked=8", "steps=10", "degraded=30", "explained=4")


def test_it_keeps_the_contract_of_audits(monkeypatch):
    """With one rendered person; tests/test_cards.py renders as many as the default asks for."""
    monkeypatch.setattr(
        "mien.systems.trust_faa.audit.changed_faces",
        lambda people, crop, seed: changed_faces(1, crop, seed),
    )
    check("audit", load("trust-faa"))


def bright(chips):
    p = chips.reshape(len(chips), -1).mean(1) / 255
    return [{"dark": 1 - float(v), "light": float(v)} for v in p]


def pictures(count, side=16):
    chips = noise(count, side)
    chips[::2] //= 4
    return chips


def test_a_report_without_groups_says_not_assessed_and_never_fair():
    chips = pictures(80)
    labels = {"light": tuple("dark" if k % 2 == 0 else "light" for k in range(80))}
    subject = head_of(bright, task="light", size=16)
    report = plain(
        audit("trust-faa", subject, Samples("toy", tuple(chips), labels), settings=QUICK)
    )
    gates = {row["Figure"]: row for row in report["tables"][0]["rows"]}
    assert gates["error by group"]["Verdict"] == "not assessed"
    assert "not fair" in gates["error by group"][""]
    assert report["warnings"][-1].startswith("Nobody is named")
    assert report["headline"]["error rate"]["trials"] == 80


def test_numbers_are_reported_by_group_and_band():
    chips = pictures(120)
    means = chips.reshape(120, -1).mean(1)
    labels = {
        "level": tuple(f"{v:.1f}" if k else "none" for k, v in enumerate(means)),
        "half": tuple("ab"[k % 2] for k in range(120)),
    }
    subject = head_of(
        lambda c: [{"level": float(x.mean()) + 5 * (x.mean() < 64)} for x in c],
        task="level", unit="grey", size=16,
    )  # fmt: skip
    report = plain(
        audit("trust-faa", subject, Samples("toy", tuple(chips), labels), settings=QUICK)
    )
    table = next(t for t in report["tables"] if t["title"].startswith("Error by half"))
    assert [row["Group"] for row in table["rows"]] == ["a", "b"]
    assert table["rows"][0]["Error"]["value"] == pytest.approx(5, abs=0.1)
    gates = {row["Figure"]: row["Verdict"] for row in report["tables"][0]["rows"]}
    assert gates["largest gap by half"] == "fail"
    assert gates["coverage"] == "not assessed"
    assert report["headline"]["mean absolute error, grey"]["trials"] == 119  # one had no number


def test_wrong_data_are_refused():
    subject = head_of(bright, task="light", size=16)
    few = Samples("toy", tuple(pictures(5)), {"light": ("dark",) * 5})
    with pytest.raises(TooFewTrialsError, match="5 faces"):
        audit("trust-faa", subject, few)
    other = Samples("toy", tuple(pictures(40)), {"age": ("3",) * 40})
    with pytest.raises(MienError, match="no such labels; they have: age"):
        audit("trust-faa", subject, other)
    strange = Samples("toy", tuple(pictures(40)), {"light": ("blue",) * 40})
    with pytest.raises(TooFewTrialsError, match="0 images have a face and a label"):
        audit("trust-faa", subject, strange)
    two = head_of(lambda c: [{"a": 1.0, "b": 2.0}] * len(c), task="x", unit="grey", size=16)
    numbers = Samples("toy", tuple(pictures(40)), {"x": ("1",) * 40})
    with pytest.raises(MienError, match="2 values in grey"):
        audit("trust-faa", two, numbers)


def test_the_scope_limits_its_queries():
    from mien.errors import ScopeError

    subject = head_of(bright, task="light", size=16)
    data = Samples("toy", tuple(pictures(40)), {"light": ("dark", "light") * 20})
    with pytest.raises(ScopeError, match="agreed limit is 100"):
        audit("trust-faa", subject, data, scope=Scope(queries=100))


def test_columns_are_pooled_and_unknown_ones_refused():
    values = np.array(["x"] * 40 + ["y"] * 3 + ["z"] * 2)
    assert sorted(set(pooled(values))) == ["others", "x"]
    data = Samples("toy", tuple(noise(3, 8)), {"age": ("1", "2", "3")}, ("p", "p", "q"))
    rows = np.arange(3)
    assert list(group_columns(data, rows, "age", ())) == ["person"]  # nothing else is there
    with pytest.raises(MienError, match="no column 'race' to group by; there are: person"):
        group_columns(data, rows, "age", ("race",))


def test_bands_have_about_as_many_images():
    names, count = np.unique(bands(np.arange(100.0)), return_counts=True)
    assert len(names) == 5
    assert set(count) == {20}
    assert set(bands(np.full(9, 3.0))) == {"3"}


def test_probabilities_that_do_not_sum_to_one_are_refused():
    good = Reading("t", {"a": 0.25, "b": 0.75}, "probability", "toy")
    assert outputs([good], ("a", "b"), "").tolist() == [[0.25, 0.75]]
    bad = Reading("t", {"a": 0.25, "b": 0.5}, "probability", "toy")
    with pytest.raises(MienError, match=r"sum to 0\.750"):
        outputs([good, bad], ("a", "b"), "")
    empty = Reading("t", {}, "probability", "toy")
    assert np.isnan(outputs([empty], ("a", "b"), "")).all()


def test_members_are_named_in_a_file_and_serve_that_section_only(tmp_path):
    chips = pictures(80)
    paths = []
    for k, chip in enumerate(chips):
        paths.append(tmp_path / ("in" if k < 40 else "out") / f"{k}.png")
        paths[-1].parent.mkdir(exist_ok=True)
        write_image(paths[-1], chip)
    (tmp_path / "members.txt").write_text("".join(f"in/{k}.png\n" for k in range(40)))
    labels = {"light": tuple("dark" if k % 2 == 0 else "light" for k in range(80))}
    data, subject = Samples("toy", tuple(paths), labels), head_of(bright, task="light", size=16)
    settings = (*QUICK, f"members={tmp_path}/members.txt")
    report = plain(audit("trust-faa", subject, data, settings=settings))
    assert report["headline"]["error rate"]["trials"] == 40
    [row] = next(t for t in report["tables"] if t["title"].startswith("Membership"))["rows"]
    assert (row["Members"], row["Others"]) == (40, 40)
    titles = [table["title"] for table in report["tables"]]
    assert "Counterfactual faces, worst first" in titles
    assert "Attacks on single pixels" in titles
    with pytest.raises(MienError, match="cannot be read"):
        audit("trust-faa", subject, data, settings=(f"members={tmp_path}/no.txt",))
    (tmp_path / "members.txt").write_text("elsewhere.png\n")
    with pytest.raises(MienError, match="names no image"):
        audit("trust-faa", subject, data, settings=settings)
