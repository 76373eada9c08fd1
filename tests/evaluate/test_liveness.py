import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.liveness import liveness, presentations_in
from mien.metrics.findings import plain

HEAD = "species,subject,score,accepted,domain,use\n"


def table(tmp_path, rows):
    path = tmp_path / "pad.csv"
    path.write_text(HEAD + rows)
    return presentations_in(path)


def rows(seed=0, use="test", mask=0.3):
    """Real people around 0.8, prints around 0.1, masks around `mask`; one print got no response."""
    random, lines = np.random.default_rng(seed), []
    for kind, middle in (("bona-fide", 0.8), ("print", 0.1), ("mask", mask)):
        for k in range(60):
            score = np.clip(random.normal(middle, 0.1), 0, 1)
            domain = "a" if k % 2 else "b"
            text = "" if (kind, k, use) == ("print", 0, "test") else f"{score:.4f}"
            accepted = int(kind == "bona-fide" and score > 0.7)
            lines.append(f"{kind},{use}-{kind}-{k},{text},{accepted},{domain},{use}")
    return "\n".join(lines) + "\n"


def test_the_worst_species_and_the_bound_of_three_over_n(tmp_path):
    told = plain(liveness(table(tmp_path, rows(mask=0.5)), threshold=0.55, data="toys"))
    species = {row["Species"]: row for row in told["tables"][0]["rows"]}
    assert species["print"]["APCER"]["value"] == 0
    assert species["print"]["3/n, if none passed"] == pytest.approx(3 / 59)
    assert species["print"]["APNRR"]["value"] == pytest.approx(1 / 60, rel=1e-5)
    assert "APCER, worst species: mask" in told["headline"]
    system = next(t for t in told["tables"] if t["title"].startswith("The whole system"))
    for row in system["rows"]:
        assert row["RIAPAR"] == pytest.approx(row["IAPAR"]["value"] + row["FRR"]["value"], rel=1e-4)


def test_the_threshold_is_set_on_other_presentations(tmp_path):
    made = table(tmp_path, rows(1, "set") + rows(2, "test"))
    told = plain(liveness(made, rate=0.05, data="toys"))
    worst = told["headline"]["APCER, worst species: mask"]
    assert worst["value"] < 0.2
    assert worst["trials"] == 60  # those that set the threshold are not in the test
    left = {row["Species left out"]: row for row in told["tables"][2]["rows"]}
    assert left["mask"]["APCER on it"]["value"] > 0.3  # prints alone teach nothing about masks
    assert next(t for t in told["tables"] if t["title"] == "Leave one domain out")


def test_presentations_without_a_decision_are_left_out_of_the_whole_system(tmp_path):
    made = table(tmp_path, rows().replace(",1,a,test", ",,a,test", 1))
    tables = plain(liveness(made, threshold=0.55, data="toys"))["tables"]
    system = next(t for t in tables if t["title"].startswith("The whole system"))
    assert system["rows"][0]["FRR"]["trials"] == 59


def test_without_a_threshold_there_is_no_error_rate_of_a_system(tmp_path):
    findings = liveness(table(tmp_path, rows()), data="toys")
    assert "No threshold was set" in findings.warnings[0]
    assert not any(fact.name.startswith("APCER") for fact in findings.headline)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("print,x,nan,,,", "line 2: score 'nan' is not a finite number"),
        ("print,x,high,,,", "line 2: score 'high'"),
        ("print,x,0.5,yes,,", "accepted must be 0 or 1"),
        ("print,,0.5,,,", "name the species and the subject"),
        ("print,x,0.5,,,set\nprint,x,0.4,,,test", r"1 subjects set the threshold .* \(x\)"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, line, says):
    with pytest.raises(MienError, match=says):
        table(tmp_path, line + "\n")


def test_nothing_to_measure_is_refused(tmp_path):
    with pytest.raises(TooFewTrialsError, match="0 attacks"):
        liveness(table(tmp_path, "bona-fide,x,0.5,,,\n"), data="x")
    with pytest.raises(TooFewTrialsError, match="show no error rate"):
        liveness(table(tmp_path, "bona-fide,x,,,,\nprint,y,0.5,,,\n"), data="x")
