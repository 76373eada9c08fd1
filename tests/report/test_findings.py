import json
import math

import numpy as np
import pytest

from mien.errors import MienError
from mien.metrics import Estimate
from mien.metrics.findings import Curve, Fact, Findings, Plot, Risk, Table, plain, thinned
from mien.report.findings import interval, page_of, shown, write_findings
from mien.report.svg_chart import chart, ticks

LINE = np.array([0.0, 0.5, 1.0])


def findings(**more):
    parts = {
        "title": "Title",
        "lead": "<b>lead</b>",
        "headline": (Fact("rate", Estimate(0.1, 0.05, 0.2, 10, 5), "rate", "meaning"),),
        "tables": (Table("T", (("name", "text"), ("x", "rate")), (("<i>", math.nan),)),),
    }
    return Findings(**{**parts, **more})


@pytest.mark.parametrize(
    ("cell", "kind", "says"),
    [
        (0.0123, "rate", "1.23 %"), (0.5, "rate", "50.0 %"), (0.0, "rate", "0 %"),
        (0.000123, "rate", "0.0123 %"), (1e-7, "rate", "1.0e-05 %"),
        (1234567, "count", "1,234,567"),
        (0.123456, "number", "0.1235"), (None, "rate", "-"), (math.nan, "number", "-"),
        ("x", "text", "x"),
    ],
)  # fmt: skip
def test_cells_as_people_read_them(cell, kind, says):
    assert shown(cell, kind) == says


def test_an_interval_or_the_reason_why_there_is_none():
    assert interval(Estimate(0.1, 0.05, 0.2), "rate") == "5.00 to 20.0 %"
    assert interval(Estimate(0.1, reason="two people"), "rate") == "two people"
    assert interval(0.1, "rate") == ""


def test_missing_is_none_in_json_and_never_zero():
    told = plain(findings())
    assert told["tables"][0]["rows"] == [{"name": "<i>", "x": None}]
    assert told["headline"]["rate"] == {
        "value": 0.1, "low": 0.05, "high": 0.2, "trials": 10, "people": 5,
    }  # fmt: skip
    json.dumps(told, allow_nan=False)


def test_names_of_strangers_are_written_as_text():
    page = page_of(findings())
    assert "&lt;b&gt;lead" in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page


def test_the_conclusion_of_an_audit_stands_on_the_page():
    assert "Risk:" not in page_of(findings())
    html = page_of(findings(risk=Risk("medium", "AUC 0.71 [0.66, 0.76]")))
    assert "Risk: medium" in html
    assert "AUC 0.71 [0.66, 0.76]" in html


def test_curves_lie_inside_the_axes_and_gaps_break_lines():
    curve = Curve("a", np.array([0.0, 1, 2, 3]), np.array([1.0, math.nan, 2, 3]))
    drawn = chart(Plot("t", "x", "y", (curve,)))
    assert len(drawn.curves[0].lines) == 2
    for line in drawn.curves[0].lines:
        for point in line.split():
            x, y = map(float, point.split(","))
            assert drawn.left <= x <= drawn.width
            assert 0 <= y <= drawn.bottom


def test_zeros_have_no_place_on_a_logarithmic_axis():
    curve = Curve("a", np.array([0.0, 1e-3, 1e-1]), LINE)
    drawn = chart(Plot("t", "x", "y", (curve,), x_log=True))
    assert len(drawn.curves[0].lines[0].split()) == 2
    assert [label for _, label in drawn.across] == ["0.001", "0.01", "0.1"]


def test_rows_with_names_have_one_place_each():
    curve = Curve("a", LINE, np.arange(3.0), LINE - 0.1, LINE + 0.1, "dots")
    drawn = chart(Plot("t", "x", "", (curve,), names=("a", "b", "c")))
    assert [name for _, name in drawn.up] == ["a", "b", "c"]
    assert [m.y for m in drawn.curves[0].marks] == [y for y, _ in drawn.up]
    assert all(m.low < m.x < m.high for m in drawn.curves[0].marks)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.91, 0.93), (-3, 250), (1e-6, 2e-6)])
def test_ticks_are_few_and_round(low, high):
    found = ticks(low, high, False, False)
    assert 3 <= len(found) <= 9
    assert all(low - 1e-9 <= v <= high + 1e-9 for v, _ in found)
    assert len({label for _, label in found}) == len(found)


@pytest.mark.parametrize("values", [np.zeros(0), np.array([0.5]), np.array([0.5, 0.5])])
def test_nothing_one_point_or_one_value_can_be_drawn(values):
    page_of(findings(plots=(Plot("t", "x", "y", (Curve("a", values, values),)),)))


def test_long_curves_are_thinned_with_both_ends():
    x, y = thinned(np.arange(10_000.0), np.arange(10_000.0))
    assert x.size <= 400
    assert (x[0], x[-1], y[-1]) == (0, 9999, 9999)


def test_the_page_and_its_json_appear_together_or_not_at_all(tmp_path):
    write_findings(tmp_path / "a.html", findings())
    assert json.loads((tmp_path / "a.json").read_text())["title"] == "Title"
    with pytest.raises(MienError, match=r"must end in \.html"):
        write_findings(tmp_path / "a.txt", findings())
    with pytest.raises(MienError, match="cannot be written"):
        write_findings(tmp_path / "nowhere" / "a.html", findings())
