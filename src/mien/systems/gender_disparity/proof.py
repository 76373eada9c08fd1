"""Proof: planted biases are found, and none is found where there is none.

python -m mien.systems.gender_disparity.proof FOLDER        drawn stand-ins, about five minutes
python -m mien.systems.gender_disparity.proof FOLDER rendered   people of mien.synth as well
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from mien.evaluate.fairness.disparity import Cell, cells_of, factors_of, flips, one_set_audit
from mien.evaluate.fairness.grid import Grid, NetAnswers, Results, run_grid
from mien.evaluate.fairness.labelled_faces import Faces
from mien.systems.gender_disparity.drawn import BALANCED, LINKS, SIDE, Columns, Link, drawn
from mien.systems.gender_disparity.train import Config, Loss, Model, learnt, probability, run

MODELS = ("cnn-tiny", "cnn-small", "cnn-residual")
LOSSES = ("cross-entropy", "weighted", "focal", "margin")
TRAIN, TEST = 1200, 500  # images


def main(folder: Path, also_rendered: bool) -> None:
    """Run every part and print the results."""
    planted(folder)
    whole_grid(folder)
    no_difference(folder)
    weak(folder)
    if also_rendered:
        from mien.systems.gender_disparity.rendered import people

        taught, test = (of(columns) for columns in people(folder / "people.npz"))
        grid = grid_of("rendered", LINKS, MODELS[:2], ("cross-entropy", "margin"), (0, 1, 2), 64)
        report("rendered people", run_grid(grid, taught, test, folder / "rendered-long", longer))


def longer(model: str, loss: str, seed: int, faces: Faces, test: Faces) -> NetAnswers:
    """Train on few images: smaller steps, more of them."""
    config = Config(cast(Model, model), cast(Loss, loss), seed, epochs=30, batch=32, patience=30)
    return NetAnswers(*probability(loss, learnt(config, faces), test.images))


def grid_of(
    name: str, links: dict[str, Link], models: Sequence[str], losses: Sequence[str],
    seeds: Sequence[int], size: int = SIDE,
) -> Grid:  # fmt: skip
    """A full factorial design of models and losses."""
    pairs = tuple((m, loss) for m in models for loss in losses)
    return Grid(name, pairs, {n: {} for n in links}, tuple(seeds), size, balanced=BALANCED)


def of(columns: Columns) -> Faces:
    """Columns of images as input of the grid."""
    images, male, dataset, person = columns
    who = tuple(person.tolist())
    names = tuple(f"{p}-{k}" for k, p in enumerate(who))
    return Faces(images, male, tuple(dataset.tolist()), who, names)


def _faces(links: dict[str, Link], seed: int) -> tuple[Faces, Faces]:
    taught = drawn({"as trained": next(iter(links.values()))}, TRAIN, 1000 + seed)
    return of(taught), of(drawn(links, TEST, seed))


def say(line: str) -> None:
    """Print one line of the result."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def planted(folder: Path) -> None:
    """Criteria: both planted signs certain in 5 of 5 seeds; equal links: |D| below 3 points."""
    found, equal = 0, []
    for seed in range(5):
        grid = grid_of("planted", LINKS, ("cnn-small",), ("cross-entropy",), (seed,))
        results = run_grid(grid, *_faces(LINKS, seed), folder / f"planted-{seed}", run)
        cells = {c.dataset: c for c in cells_of(results)}
        women, men = cells["women short, unpainted"], cells["men long, painted"]
        found += women.surely == 1 and men.surely == -1
        equal.append(cells["links equal"].disparity.value)
        say(f"seed {seed}: {_points(women)}, {_points(men)}, equal {_points(cells['links equal'])}")
    say(f"planted signs found in {found} of 5 seeds")
    say(f"|D| where links are equal: {100 * abs(float(np.mean(equal))):.1f} points on average")


def whole_grid(folder: Path) -> None:
    """Criteria: the data set explains more than half, and more than model and loss together."""
    grid = grid_of("whole", LINKS, MODELS, LOSSES, (0, 1, 2))
    report("36 trainings", run_grid(grid, *_faces(LINKS, 50), folder / "whole", run))


def report(name: str, results: Results) -> None:
    """Print factors, flips and the result of a one-set audit."""
    factors = {f.name: f for f in factors_of(results, gap=True)}
    parts = ", ".join(f"{n} {factors[n].share:.3f} (p {factors[n].p:.3f})"
                      for n in ("data set", "model", "loss"))  # fmt: skip
    say(f"{name}: eta squared of the disparity: {parts}")
    cells = cells_of(results)
    for data in results.grid.datasets:
        mine: list[Cell] = [c for c in cells if c.dataset == data]
        gaps = [c.recall_men - c.recall_women for c in mine]
        accuracy = np.mean([c.balanced for c in mine])
        say(f"  {data}: disparity {100 * min(gaps):+.1f} to {100 * max(gaps):+.1f} points, "
              f"balanced accuracy {accuracy:.3f}")  # fmt: skip
    say(f"  flips: {len(flips(cells, BALANCED))} of {len(results.grid.pairs)} configurations")
    wrong = {data: most for data, _, most in one_set_audit(cells)}
    say(f"  an audit of one set has the wrong sign for so many others: {wrong}")


def no_difference(folder: Path) -> None:
    """Criteria: p of the data set above 0.05 in 9 of 10 seeds, and no flip."""
    same = dict.fromkeys(LINKS, Link(long_f=0.7, long_m=0.3, paint_f=0.5, paint_m=0.2))
    quiet, turned = 0, 0
    for seed in range(10):
        grid = grid_of("same", same, MODELS[:2], LOSSES[:2], (0, 1))
        results = run_grid(grid, *_faces(same, 200 + seed), folder / f"same-{seed}", run)
        p = next(f.p for f in factors_of(results, gap=True) if f.name == "data set")
        quiet += p > 0.05
        turned += bool(flips(cells_of(results), tuple(same)))
    say(f"identical sets: data set not significant in {quiet} of 10 seeds, flips in {turned}")


def weak(folder: Path) -> None:
    """Criterion: with a network of two channels, the model explains most of the accuracy."""
    same = dict.fromkeys(LINKS, Link())
    grid = grid_of("weak", same, (*MODELS[:2], "cnn-weak"), LOSSES[:2], (0, 1))
    results = run_grid(grid, *_faces(same, 300), folder / "weak", run)
    shares = {f.name: round(f.share, 3) for f in factors_of(results, gap=False)}
    say(f"weak network: eta squared of the accuracy {shares}")


def _points(cell: Cell) -> str:
    d = cell.disparity
    return f"{cell.dataset} {100 * d.value:+.1f} ({100 * d.low:+.1f} to {100 * d.high:+.1f})"


if __name__ == "__main__":
    main(Path(sys.argv[1]), "rendered" in sys.argv[2:])
