"""Codes of CK+ as a table, and its damage."""

import pytest

from mien.datasets.units import ckplus_units
from mien.errors import MienError

HEAD = "subject,sequence,emotion,AU1,AU12\n"


def test_codes_are_read_by_sequence(tmp_path):
    table = tmp_path / "units.csv"
    table.write_text(HEAD + "S005,S005_001,disgust,0,1\n")
    assert ckplus_units(table) == {"S005_001": {"AU01": 0, "AU12": 1}}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("S005,S005_001,disgust,0,2\n", r"line 2: AU12 is 2, not 0 or 1"),
        ("S005,S005_001,disgust,0,1\nS005,S005_001,joy,0,1\n", r"line 3: sequence S005_001 has"),
        ("S005,S005_001,disgust,x,1\n", r"line 2"),
        ("", r"has no rows"),
    ],
)
def test_damaged_codes_are_refused(tmp_path, rows, message):
    table = tmp_path / "units.csv"
    table.write_text(HEAD + rows)
    with pytest.raises(MienError, match=message):
        ckplus_units(table)


def test_a_missing_column_is_named(tmp_path):
    table = tmp_path / "units.csv"
    table.write_text("subject,emotion\nS005,joy\n")
    with pytest.raises(MienError, match="sequence"):
        ckplus_units(table)
