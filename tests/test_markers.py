"""Each system has a marker for its own tests."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_a_marker_selects_the_tests_of_one_system_and_an_unknown_one_is_refused():
    def collect(marker):
        words = [sys.executable, "-m", "pytest", "--collect-only", "-m", marker, "src/mien/systems"]
        return subprocess.run(words, capture_output=True, text=True, cwd=ROOT)

    chosen = collect("system_batch_leakage")
    found = [line for line in chosen.stdout.splitlines() if "::" in line]
    assert (chosen.returncode, bool(found)) == (0, True)
    assert all(line.startswith("src/mien/systems/batch_leakage/") for line in found)
    assert collect("system_none").returncode != 0
