"""Proof: planted biases are found, and none is found where there is none.

mien systems prove gender-disparity --out FOLDER    drawn stand-ins, then people of mien.synth
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from mien.evaluate.fairness.disparity import Cell, cells_of, factors_of, flips, one_set_audit
from mien.evaluate.fairness.grid import Grid, NetAnswers, Results, run_grid
from mien.evaluate.fairness.labelled_faces import Faces
from mien.systems.gender_disparity.drawn import BALANCED, LINKS, SIDE, Columns, Link, drawn
from mien.systems.gender_disparity.train import Config, Loss, Model, learnt, probability, run
from mien.train.criteria import Criterion, of
from mien.train.kept import rendered
from mien.train.proofs import Part
from mien.types import OnStep

MODELS = ("cnn-tiny", "cnn-small", "cnn-residual")
LOSSES = ("cross-entropy", "weighted", "focal", "margin")
TRAIN, TEST = 1200, 500  # images
SAME = dict.fromkeys(LINKS, Link(long_f=0.7, long_m=0.3, paint_f=0.5, paint_m=0.2))
WOMEN, MEN, EQUAL = "women short, unpainted", "men long, painted", "links equal"
Halves = tuple[Faces, Faces]  # for training, for the test


def longer(
    model: str, loss: str, seed: int, faces: Faces, test: Faces, epochs: int = 30
) -> NetAnswers:
    """Train on few images: smaller steps, more of them."""
    config = Config(
        cast(Model, model), cast(Loss, loss), seed, epochs=epochs, batch=32, patience=epochs
    )
    return NetAnswers(*probability(loss, learnt(config, faces), test.images))


def grid_of(
    name: str, links: dict[str, Link], models: Sequence[str], losses: Sequence[str],
    seeds: Sequence[int], size: int = SIDE,
) -> Grid:  # fmt: skip
    """A full factorial design of models and losses."""
    pairs = tuple((m, loss) for m in models for loss in losses)
    return Grid(name, pairs, {n: {} for n in links}, tuple(seeds), size, balanced=BALANCED)


def of_columns(columns: Columns) -> Faces:
    """Columns of images as input of the grid."""
    images, male, dataset, person = columns
    who = tuple(person.tolist())
    names = tuple(f"{p}-{k}" for k, p in enumerate(who))
    return Faces(images, male, tuple(dataset.tolist()), who, names)


def _faces(links: dict[str, Link], seed: int) -> Halves:
    taught = drawn({"as trained": next(iter(links.values()))}, TRAIN, 1000 + seed)
    return of_columns(taught), of_columns(drawn(links, TEST, seed))


def _nets(grid: Grid, faces: Halves, run: Any = run) -> Results:
    """The trainings of a grid, in memory: the figures are what is kept."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        return run_grid(grid, *faces, Path(folder), run)


def _planted(models: Sequence[str], seed: int, loaded: None) -> dict[str, float]:
    """Signs of the planted biases, and the disparity where links are equal."""
    grid = grid_of("planted", LINKS, models, LOSSES[:1], (seed,))
    cells = {c.dataset: c for c in cells_of(_nets(grid, _faces(LINKS, seed)))}
    found = {f"D, {name}": 100 * cells[name].disparity.value for name in (WOMEN, MEN, EQUAL)}
    signs = cells[WOMEN].surely == 1 and cells[MEN].surely == -1
    return {**found, "signs found": float(signs)}


def shares(results: Results) -> dict[str, float]:
    """Explained variance of the disparity and of the accuracy, flips, and wrong audits."""
    gap = {f.name: f for f in factors_of(results, gap=True)}
    right = {f.name: f.share for f in factors_of(results, gap=False)}
    cells: list[Cell] = cells_of(results)
    names = ("data set", "model", "loss")
    return {
        **{f"gap: {name}": gap[name].share for name in names if name in gap},
        **{f"accuracy: {name}": right[name] for name in names if name in right},
        "gap: data set over model and loss": gap["data set"].share
        - sum(gap[name].share for name in names[1:] if name in gap),
        "p of the data set": gap["data set"].p,
        "flips, share": len(flips(cells, results.grid.balanced)) / len(results.grid.pairs),
        "sets wrong about, least": min((m for _, sure, m in one_set_audit(cells) if sure),
                                       default=0),
    }  # fmt: skip


def _whole(models: Sequence[str], seed: int, loaded: None) -> dict[str, float]:
    grid = grid_of("whole", LINKS, models, LOSSES, (0, 1, 2))
    return shares(_nets(grid, _faces(LINKS, 50)))


def _no_difference(models: Sequence[str], seed: int, loaded: None) -> dict[str, float]:
    grid = grid_of("same", SAME, models, LOSSES[:2], (0, 1))
    results = _nets(grid, _faces(SAME, 200 + seed))
    turned = flips(cells_of(results), tuple(SAME))
    return {**shares(results), "flips": float(len(turned))}


def _weak(models: Sequence[str], seed: int, loaded: None) -> dict[str, float]:
    links = dict.fromkeys(LINKS, Link())
    grid = grid_of("weak", links, models, LOSSES[:2], (0, 1))
    return shares(_nets(grid, _faces(links, 300)))


def _people(data: Path | None, out: Path, on_step: OnStep | None) -> Halves:
    from mien.systems.gender_disparity.rendered import halves, people

    taught, test = halves(rendered(people, out / "people.npz", LINKS))
    return of_columns(taught), of_columns(test)


def _rendered(epochs: int, seed: int, faces: Halves) -> dict[str, float]:
    grid = grid_of("rendered", LINKS, MODELS[:2], ("cross-entropy", "margin"), (0, 1, 2), 64)
    results = _nets(grid, faces, partial(longer, epochs=epochs))
    mean: dict[str, list[float]] = {}
    for cell in cells_of(results):
        mean.setdefault(f"D, {cell.dataset}", []).append(100 * cell.disparity.value)
    return {**shares(results), **{name: float(np.mean(values)) for name, values in mean.items()}}


def _points(name: str) -> dict[str, str]:
    return {f"D, {one}": f"{name}, {one}" for one in (WOMEN, MEN, EQUAL)}


SHARES = {
    "gap: data set": "Disparity explained by the data set",
    "gap: model": "by the network",
    "gap: loss": "by the loss",
    "p of the data set": "p of the data set",
    "flips, share": "Configurations that flip",
}
PARTS = (
    Part(
        name="planted",
        title="Drawn stand-ins, one network",
        arms={"cnn-small, cross-entropy": MODELS[1:2]},
        run=_planted,
        shown=_points("Disparity in points"),
        criteria=(
            Criterion("both planted signs certain, in 5 of 5 seeds",
                      of("cnn-small, cross-entropy", "signs found"), least=1, seeds=5, digits=0),
            Criterion("equal links in the test: disparity within 3 points",
                      of("cnn-small, cross-entropy", f"D, {EQUAL}"), least=-3, most=3, digits=1),
        ),
        quick=lambda models: ("cnn-tiny",),
        digits=0,
    ),
    Part(
        name="whole grid",
        title="Drawn stand-ins, 36 trainings",
        arms={"3 networks, 4 losses, 3 seeds": MODELS},
        run=_whole,
        shown=SHARES,
        criteria=(
            Criterion("the data set explains more than half of the disparity",
                      of("3 networks, 4 losses, 3 seeds", "gap: data set"), least=0.5),
            Criterion("and more than network and loss together",
                      of("3 networks, 4 losses, 3 seeds", "gap: data set over model and loss"),
                      least=0),
            Criterion("an audit of one set has the wrong sign for at least two others",
                      of("3 networks, 4 losses, 3 seeds", "sets wrong about, least"), least=2,
                      digits=0),
        ),
        seeds=1,
        quick=lambda models: models[:2],
    ),
    Part(
        name="no difference",
        title="Drawn stand-ins, identical sets",
        arms={"2 networks, 2 losses, 2 seeds": MODELS[:2]},
        run=_no_difference,
        shown=SHARES,
        criteria=(
            Criterion("p of the data set above 0.05 in 9 of 10 seeds",
                      of("2 networks, 2 losses, 2 seeds", "p of the data set"), least=0.05,
                      seeds=9),
            Criterion("no flip", of("2 networks, 2 losses, 2 seeds", "flips"), most=0, seeds=10,
                      digits=0),
        ),
        seeds=10,
        quick=lambda models: models[:1],
    ),
    Part(
        name="weak network",
        title="Drawn stand-ins, with a network of two channels",
        arms={"3 networks, 2 losses, 2 seeds": (*MODELS[:2], "cnn-weak")},
        run=_weak,
        shown={"accuracy: model": "Accuracy explained by the network",
               "accuracy: data set": "by the data set"},
        criteria=(
            Criterion("the network explains most of the accuracy",
                      of("3 networks, 2 losses, 2 seeds", "accuracy: model"), least=0.5),
        ),
        seeds=1,
        quick=lambda models: (models[0], models[2]),
    ),
    Part(
        name="rendered people",
        title="People of mien.synth",
        arms={"2 networks, 2 losses, 3 seeds, 30 epochs": 30},
        run=_rendered,
        shown=SHARES | _points("mean disparity"),
        criteria=(
            Criterion("the data set explains more than half of the disparity",
                      of("2 networks, 2 losses, 3 seeds, 30 epochs", "gap: data set"), least=0.5),
        ),
        load=_people,
        seeds=1,
        quick=lambda epochs: 1,
        digits=2,
    ),
)  # fmt: skip
