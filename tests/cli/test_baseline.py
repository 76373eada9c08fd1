import json

import numpy as np
import pytest

from mien.behaviour import Baseline
from mien.landmarks import UNITS


@pytest.fixture
def rest(tmp_path):
    columns = {name: np.full(20, 0.1) for name in UNITS}
    path = tmp_path / "ada.json"
    Baseline.fit(np.arange(20) / 10, columns).save(path)
    return path


def test_a_baseline_is_shown_as_it_was_fitted(mien, rest):
    code, out, _ = mien("baseline", "show", rest)
    told = json.loads(out)
    assert code == 0
    assert (told["mode"], told["frames"]) == ("whole", 3)
    assert told["measures"]["mouth_width"] == [0.1, 0.0]
    assert list(told["measures"]) == list(UNITS)
    assert "vector" not in told


def test_as_a_table_it_has_a_line_and_a_unit_for_each_measure(mien, rest):
    code, out, _ = mien("baseline", "show", rest, "--table")
    assert code == 0
    assert all(name in out for name in UNITS)
    assert "degree" in out


@pytest.mark.parametrize("text", ["", "{}", "[1"])
def test_a_broken_one_is_refused_in_one_line(mien, rest, text):
    rest.write_text(text, "utf-8")
    code, out, err = mien("baseline", "show", rest)
    assert code == 1
    assert out == ""
    assert "is not a baseline" in err
    assert err.count("\n") == 1
