"""Measure the time from ten million scores to all error rates, intervals, plots and the page.

Comparisons of 4,500 synthetic people, as a table of another matcher would have them: the time from
arrays to findings, and to the page. For comparison the plain NumPy rates without any interval, so
that a ratio can be compared between machines.
"""

import argparse
import time

import numpy as np

from mien.evaluate.verification.trial_set import Compared
from mien.evaluate.verification.verify import verify
from mien.metrics import Trials
from mien.report.findings import page_of


def scores(count: int, people: int, seed: int) -> Trials:
    """A tenth of the comparisons of one person, the others of two at random."""
    random = np.random.default_rng(seed)
    same = np.arange(count) < count // 10
    first = random.integers(0, people, count)
    second = np.where(same, first, (first + random.integers(1, people, count)) % people)
    offset = random.normal(0, 0.3, people)
    similarity = random.normal(0, 1, count) + offset[first] + offset[second] + 4.0 * same
    return Trials(similarity, same, first, second)


def plain(trials: Trials) -> float:
    """Thresholds at four rates and the misses there, nothing else."""
    impostors = np.sort(trials.impostors)
    bars = [impostors[-int(rate * impostors.size) - 1] for rate in (1e-1, 1e-2, 1e-3, 1e-4)]
    return float(sum(np.mean(trials.genuine <= bar) for bar in bars))


def main() -> None:
    """Measure alternately and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=int, default=10_000_000)
    parser.add_argument("--people", type=int, default=4500)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    ours, theirs, pages, cores = [], [], [], []
    for seed in range(args.rounds):
        trials = scores(args.scores, args.people, seed)
        names = tuple(map(str, range(args.people)))
        start, worked = time.perf_counter(), time.process_time()
        findings = verify(Compared(trials, names), data="synthetic scores")
        ours.append(time.perf_counter() - start)
        cores.append(time.process_time() - worked)
        start = time.perf_counter()
        page_of(findings)
        pages.append(time.perf_counter() - start)
        start = time.perf_counter()
        plain(trials)
        theirs.append(time.perf_counter() - start)
    ratio = [a / b for a, b in zip(ours, theirs, strict=True)]
    print(f"{args.scores:,} scores of {args.people:,} people, {args.rounds} rounds")
    print(f"findings  {np.median(ours):6.1f} s ({min(ours):.1f}-{max(ours):.1f}), promised < 10")
    print(
        f"          {np.median(cores):6.1f} s of processor time, which a busy machine changes less"
    )
    print(f"page      {np.median(pages):6.2f} s")
    print(f"plain     {np.median(theirs):6.1f} s, four thresholds by NumPy without intervals")
    print(f"ratio     {np.median(ratio):6.1f} ({min(ratio):.1f}-{max(ratio):.1f})")


if __name__ == "__main__":
    main()
