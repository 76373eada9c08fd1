"""Measure how action units differ by the source of the baseline: a clip, its beginning, live.

Reads files that benchmarks/events.py --keep wrote. The same people are analysed with the baseline
of the whole clip, of its first 10 seconds, of each half, and as it converges live. A difference is
the mean over frames and units, as a share of the scale of 5.

Example: python benchmarks/baselines.py events.pkl
"""

import argparse
import pickle
from pathlib import Path

import numpy as np

from mien.behaviour import AU_NAMES, Baseline, RunningBaseline, action_units
from mien.landmarks import UNITS
from mien.types import Doubles


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kept", type=Path)
    people = pickle.loads(parser.parse_args().kept.read_bytes())
    differences: dict[str, list[float]] = {}
    for _, times, columns, _ in people:
        whole = units(columns, Baseline.fit(times, columns))
        half = len(times) // 2
        parts = {name: slice(0, half) if name == "first half" else slice(half, None)
                 for name in ("first half", "second half")}  # fmt: skip
        others = {name: units(columns, Baseline.fit(times[cut], cut_of(columns, cut)))
                  for name, cut in parts.items()}  # fmt: skip
        others["first 10 s (causal)"] = units(columns, Baseline.fit(times, columns, causal=True))
        others["live, from 10 s on"] = live(times, columns)
        for name, values in others.items():
            differences.setdefault(name, []).append(float(np.nanmean(np.abs(values - whole))) / 5)
        some = slice(len(times) // 3, len(times) // 2)
        saved = Baseline.fit(times, columns)
        apart = np.abs(units(cut_of(columns, some), saved) - whole[:, some]).max()
        differences.setdefault("a part of the clip, by one saved baseline (largest)", []).append(
            apart / 5
        )
    for name, values in differences.items():
        print(f"{name}: {np.mean(values):.3f} (up to {max(values):.3f}) of {len(values)} people")


def units(columns: dict[str, Doubles], baseline: Baseline) -> Doubles:
    """(17, T) intensities."""
    found = action_units(columns, baseline)
    return np.stack([found[f"{name}_r"] for name in AU_NAMES])


def cut_of(columns: dict[str, Doubles], cut: slice) -> dict[str, Doubles]:
    """An interval of the columns."""
    return {name: values[cut] for name, values in columns.items()}


def live(times: Doubles, columns: dict[str, Doubles]) -> Doubles:
    """(17, T) intensities by the baseline at each frame; NaN in the first 10 seconds."""
    settling, found = RunningBaseline(), np.full((len(AU_NAMES), len(times)), np.nan)
    for i, time in enumerate(times):
        row = {name: float(columns[name][i]) for name in UNITS}
        baseline = settling(float(time), row)
        if baseline and time >= 10:
            found[:, i] = units({n: np.array([v]) for n, v in row.items()}, baseline)[:, 0]
    return found


if __name__ == "__main__":
    main()
