"""A grid of trainings, which a killed run resumes."""

import csv
import hashlib
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.evaluate.fairness.labelled_faces import Faces, require_apart, split
from mien.types import Doubles, Floats, OnStep

ANSWERS = {"man": 1.0, "woman": 0.0}  # of a model that answers in words
RECORDED = "recorded"  # a "loss" whose answers come from a file


@dataclass(frozen=True, slots=True, eq=False)
class NetAnswers:
    """The answers of one network for every test image."""

    male: Doubles  # (N,) probability; NaN: abstention
    features: Floats  # (N, D) input of the last layer; D may be 0


@dataclass(frozen=True, slots=True)
class Grid:
    """The trainings of a grid. Pairs are listed, since not every model supports every loss."""

    name: str
    pairs: tuple[tuple[str, str], ...]  # model, loss
    datasets: Mapping[str, Mapping[str, str]]  # name -> rule over labels; empty: label `dataset`
    seeds: tuple[int, ...]
    size: int = 48  # px, side of the images
    test_share: float = 0.5
    train_on: tuple[str, ...] = ()  # data sets to train on; empty: all of them
    balanced: tuple[str, ...] = ()  # data sets that count for flips; empty: all of them

    def rows(self) -> list[tuple[str, str, str]]:
        """Every configuration: model, loss, data set."""
        return [(model, loss, data) for model, loss in self.pairs for data in self.datasets]


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """The answers of every network of a grid on one test."""

    grid: Grid
    test: Faces
    nets: tuple[tuple[str, str, int], ...]  # (K,) model, loss, seed
    male: Doubles  # (K, N) probability; NaN: abstention
    features: Floats  # (N, D) of the first network

    @property
    def right(self) -> NDArray[np.bool_]:
        """(K, N); an abstention is wrong."""
        predicted: NDArray[np.bool_] = (self.male > 0.5) == self.test.male
        return predicted & ~np.isnan(self.male)


Run = Callable[[str, str, int, Faces, Faces], NetAnswers]  # model, loss, seed, training, test


def read_grid(path: Path) -> Grid:
    """Read a grid file.

    Raises:
        MienError: naming what is wrong with it.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MienError(f"{path} cannot be read as a grid ({error}); correct that line.") from None
    known = {"name", "pairs", "datasets", "seeds", "size", "test_share", "train_on", "balanced"}
    odd = sorted(table.keys() - known)
    if odd:
        raise MienError(f"{path} has the unknown key '{odd[0]}'; known keys: {', '.join(known)}.")
    pairs = _pairs(table.get("pairs", []), path)
    datasets = table.get("datasets", {})
    seeds = table.get("seeds", [0])
    if not datasets or not all(isinstance(rule, dict) for rule in datasets.values()):
        raise MienError(f"{path} names no [datasets]; each is a table of labels, possibly empty.")
    strange = (set(table.get("train_on", [])) | set(table.get("balanced", []))) - set(datasets)
    if strange:
        raise MienError(f"{path}: '{sorted(strange)[0]}' is not one of its data sets.")
    rest = {key: table[key] for key in ("size", "test_share") if key in table}
    return Grid(
        str(table.get("name", path.stem)), pairs, datasets, tuple(seeds), **rest,
        train_on=tuple(table.get("train_on", [])), balanced=tuple(table.get("balanced", [])),
    )  # fmt: skip


def _pairs(listed: list[dict[str, Any]], path: Path) -> tuple[tuple[str, str], ...]:
    try:
        found = [(str(row["model"]), str(loss)) for row in listed for loss in row["losses"]]
    except (KeyError, TypeError):
        raise MienError(f"{path}: each of [[pairs]] has a model and a list of losses.") from None
    if not found or len(set(found)) < len(found):
        raise MienError(f"{path} lists no pairs of model and loss, or one of them twice.")
    return tuple(found)


def parted(grid: Grid, faces: Faces) -> tuple[Faces, Faces]:
    """Training and test part, with no person and no image on both sides."""
    train, test = split(faces, grid.test_share)
    if grid.train_on:
        train = train.some(np.isin(np.array(train.dataset), grid.train_on))
    require_apart(train, test)
    return train, test


def run_grid(
    grid: Grid, train: Faces, test: Faces, folder: Path, run: Run, on_step: OnStep | None = None
) -> Results:
    """Run missing trainings and collect all results.

    Args:
        grid: which trainings.
        train: what every network is trained on.
        test: of all data sets; every network is tested on the same images.
        folder: one file per network. A file of other images or of another grid size is
            refused; a killed run leaves no partial file.
        run: trains one network and returns its answers on the test.
        on_step: called after each network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    nets = [(m, loss, seed) for m, loss in grid.pairs for seed in grid.seeds]
    key, answers = _key(grid, train, test), []
    for number, (model, loss, seed) in enumerate(nets, 1):
        path = folder / f"{model}--{loss}--{seed}.npz"
        kept = _open(path, key)
        if kept is None:
            kept = recorded(folder / f"{model}.csv", test) if loss == RECORDED else run(
                model, loss, seed, train, test)  # fmt: skip
            _save(path, key, kept)
        answers.append(kept)
        if on_step:
            on_step("networks", number, len(nets))
    return Results(
        grid, test, tuple(nets), np.stack([a.male for a in answers]), answers[0].features
    )


def recorded(path: Path, test: Faces) -> NetAnswers:
    """Read answers in words that another program wrote: CSV with path, answer.

    "man" and "woman" count; every other answer is an abstention, and so is a missing row.
    """
    from mien.datasets.spreadsheets import rows_of

    answers = {
        row["path"]: row["answer"].strip().lower() for row in rows_of(path, ("path", "answer"))
    }
    male = [ANSWERS.get(answers.get(name, ""), float("nan")) for name in test.names]
    return NetAnswers(np.array(male), np.zeros((len(test), 0), np.float32))


def write_csv(results: Results, path: Path) -> None:
    """Write one row per image and network: what other tools need to check the results."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("model", "loss", "seed", "dataset", "picture", "male", "predicted_male"))
        for (model, loss, seed), predicted in zip(results.nets, results.male, strict=True):
            for k in range(len(results.test)):
                out.writerow(
                    (model, loss, seed, results.test.dataset[k], results.test.names[k],
                     int(results.test.male[k]), f"{predicted[k]:.5f}")
                )  # fmt: skip


def _key(grid: Grid, train: Faces, test: Faces) -> str:
    digest = hashlib.sha256()
    for part in (train, test):
        digest.update(part.images.tobytes())
        digest.update(part.male.tobytes())
        digest.update("\n".join(part.dataset).encode())
    return f"{grid.size} {digest.hexdigest()}"


def _open(path: Path, key: str) -> NetAnswers | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["key"]) != key:
                raise MienError(
                    f"{path} was made with other images than these; choose another folder, or "
                    "delete that file."
                )
            return NetAnswers(kept["male"], kept["features"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise MienError(
            f"{path} is broken ({error}); delete it, and it is created again."
        ) from None


def _save(path: Path, key: str, answers: NetAnswers) -> None:
    part = path.with_name(path.name + ".part")  # a killed run leaves no partial file
    with part.open("wb") as file:
        np.savez_compressed(file, key=key, male=answers.male, features=answers.features)
    part.replace(path)
