"""Each system has a marker for its own tests."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_a_marker_selects_the_tests_of_one_system_and_a_wrong_one_none():
    def collected(marker):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only",
             "-m", marker, "src/mien/systems"],
            capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
        return [line for line in done.stdout.splitlines() if "::" in line]

    found = collected("system_batch_leakage")
    assert found
    assert all(line.startswith("src/mien/systems/batch_leakage/") for line in found)
    assert collected("system_none") == []
