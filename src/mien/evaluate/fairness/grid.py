"""A grid of trainings: which ones, run so that a killed run goes on where it stopped."""

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
class Said:
    """What one network says about every test picture."""

    male: Doubles  # (N,) probability; NaN: it abstained
    features: Floats  # (N, D) that the last layer sees; D may be 0


@dataclass(frozen=True, slots=True)
class Grid:
    """Which trainings. Pairs are listed, since not every model goes with every loss."""

    name: str
    pairs: tuple[tuple[str, str], ...]  # model, loss
    datasets: Mapping[str, Mapping[str, str]]  # name -> rule over labels; empty: label `dataset`
    seeds: tuple[int, ...]
    size: int = 48  # px, side of the pictures
    test_share: float = 0.5
    train_on: tuple[str, ...] = ()  # data sets to train on; empty: all of them
    balanced: tuple[str, ...] = ()  # data sets that count for flips; empty: all of them

    def rows(self) -> list[tuple[str, str, str]]:
        """Every configuration: model, loss, data set."""
        return [(model, loss, data) for model, loss in self.pairs for data in self.datasets]


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What every network of a grid said about one test."""

    grid: Grid
    test: Faces
    nets: tuple[tuple[str, str, int], ...]  # (K,) model, loss, seed
    male: Doubles  # (K, N) probability; NaN: abstained
    features: Floats  # (N, D) of the first network

    @property
    def right(self) -> NDArray[np.bool_]:
        """(K, N); an abstention is wrong."""
        said: NDArray[np.bool_] = (self.male > 0.5) == self.test.male
        return said & ~np.isnan(self.male)


Run = Callable[[str, str, int, Faces, Faces], Said]  # model, loss, seed, training, test


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
        raise MienError(f"{path} has the unknown key '{odd[0]}'; it may have {', '.join(known)}.")
    pairs = _pairs(table.get("pairs", []), path)
    datasets = table.get("datasets", {})
    seeds = table.get("seeds", [0])
    if not datasets or not all(isinstance(rule, dict) for rule in datasets.values()):
        raise MienError(f"{path} names no [datasets]; each is a table of labels, maybe empty.")
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
    """Training and test part, so that no person and no picture is on both sides."""
    train, test = split(faces, grid.test_share)
    if grid.train_on:
        train = train.some(np.isin(np.array(train.dataset), grid.train_on))
    require_apart(train, test)
    return train, test


def run_grid(
    grid: Grid, train: Faces, test: Faces, folder: Path, run: Run, on_step: OnStep | None = None
) -> Results:
    """Run what is missing, and gather everything.

    Args:
        grid: which trainings.
        train: what every network learns from.
        test: of all data sets; every network is tried on the same pictures.
        folder: keeps one file a network. A file of other pictures or of another grid size is
            refused; a killed run leaves no half file.
        run: trains one network and tells what it says about the test.
        on_step: told after each network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    nets = [(m, loss, seed) for m, loss in grid.pairs for seed in grid.seeds]
    key, said = _key(grid, train, test), []
    for number, (model, loss, seed) in enumerate(nets, 1):
        path = folder / f"{model}--{loss}--{seed}.npz"
        kept = _open(path, key)
        if kept is None:
            kept = recorded(folder / f"{model}.csv", test) if loss == RECORDED else run(
                model, loss, seed, train, test)  # fmt: skip
            _save(path, key, kept)
        said.append(kept)
        if on_step:
            on_step("networks", number, len(nets))
    return Results(grid, test, tuple(nets), np.stack([s.male for s in said]), said[0].features)


def recorded(path: Path, test: Faces) -> Said:
    """Answers in words that another program wrote: CSV with path, answer.

    "man" and "woman" count; every other answer is an abstention, and so is a missing row.
    """
    from mien.datasets.trial_pairs import rows_of

    answers = {
        row["path"]: row["answer"].strip().lower() for row in rows_of(path, ("path", "answer"))
    }
    male = [ANSWERS.get(answers.get(name, ""), float("nan")) for name in test.names]
    return Said(np.array(male), np.zeros((len(test), 0), np.float32))


def write_csv(results: Results, path: Path) -> None:
    """One row a picture and network: what other tools need to check the figures."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("model", "loss", "seed", "dataset", "picture", "male", "said_male"))
        for (model, loss, seed), said in zip(results.nets, results.male, strict=True):
            for k in range(len(results.test)):
                out.writerow(
                    (model, loss, seed, results.test.dataset[k], results.test.names[k],
                     int(results.test.male[k]), f"{said[k]:.5f}")
                )  # fmt: skip


def _key(grid: Grid, train: Faces, test: Faces) -> str:
    told = hashlib.sha256()
    for part in (train, test):
        told.update(part.images.tobytes())
        told.update(part.male.tobytes())
        told.update("\n".join(part.dataset).encode())
    return f"{grid.size} {told.hexdigest()}"


def _open(path: Path, key: str) -> Said | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["key"]) != key:
                raise MienError(
                    f"{path} was made with other pictures than these; choose another folder, or "
                    "delete that one."
                )
            return Said(kept["male"], kept["features"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise MienError(f"{path} is broken ({error}); delete it, and it is made anew.") from None


def _save(path: Path, key: str, said: Said) -> None:
    part = path.with_name(path.name + ".part")  # a run that is killed leaves no half file
    with part.open("wb") as file:
        np.savez_compressed(file, key=key, male=said.male, features=said.features)
    part.replace(path)
