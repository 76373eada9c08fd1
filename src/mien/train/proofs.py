"""Run the proof of a system: arms x seeds of each part, each result kept under a key.

A `proof.py` has PARTS. Each part is one experiment on one data set: settings by the name of an
arm, one function that trains and measures one arm with one seed, and criteria.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from mien.errors import OptionError, TrainingError
from mien.media import write_bytes
from mien.train.criteria import Criterion, Found, arms_table, criteria_table
from mien.train.kept import code_in, digest_of
from mien.types import OnStep
from mien.zoo import System

Figures = Mapping[str, float]


def _nothing(data: Path | None, out: Path, on_step: OnStep | None) -> Any:
    return None


def _none(found: Found, loaded: Any) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Part:
    """One experiment: arms x seeds on one data set.

    Attributes:
        name: of `--part` and of the mark in the page.
        title: the first heading of its table, such as "FERPlus, validation part".
        arms: settings by name, in the order of the table; the control is one of them.
        run: trains and measures; takes the settings, the seed and what was loaded.
        shown: heading of each figure of the table, by its key.
        criteria: set before the measurement.
        load: returns the data; takes `--data`, the run folder and the progress.
        needs: the data set that `--data` must name; empty: none.
        seeds: of each arm.
        quick: reduces the settings of an arm for `--quick`.
        rows: reshapes the figures for the table, if its rows are not the arms.
        also: further paragraphs, from the figures and the data.
        digits: of the table, or of each of its figures; see `arms_table`.
    """

    name: str
    title: str
    arms: Mapping[str, Any]
    run: Callable[[Any, int, Any], Figures]
    shown: Mapping[str, str]
    criteria: Sequence[Criterion] = ()
    load: Callable[[Path | None, Path, OnStep | None], Any] = _nothing
    needs: str = ""
    seeds: int = 5
    quick: Callable[[Any], Any] = field(default=lambda settings: settings)
    rows: Callable[[Found], Found] = field(default=lambda found: found)
    also: Callable[[Found, Any], Sequence[str]] = _none
    digits: int | Mapping[str, int] = 3

    def text(self, found: Found, loaded: Any) -> str:
        """The Markdown of the part."""
        parts = []
        if self.shown:
            parts = [arms_table(self.title, self.shown, self.rows(found), self.digits)]
        parts += [criteria_table(self.criteria, found)] if self.criteria else []
        return "\n\n".join([*parts, *self.also(found, loaded)])


@dataclass(frozen=True, slots=True)
class Proof:
    """What a run found."""

    texts: Mapping[str, str]  # Markdown by part
    recomputed: Sequence[str]  # results in the run folder that other code, data or settings made
    left_out: Sequence[str]  # parts that need data which was not named


def run_proof(
    system: System,
    data: Path | None,
    out: Path,
    on_step: OnStep | None = None,
    *,
    only: Sequence[str] = (),
    quick: bool = False,
    jobs: int = 1,
) -> Proof:
    """Run the parts of a system's proof; finished trainings are read from the run folder.

    Each result is kept with a digest of the settings, the seed, the code of the system and the
    data. Where the digest differs, the training runs again.

    Args:
        system: with a `proof.py`.
        data: `--data`; parts that need data are left out without it.
        out: run folder.
        on_step: progress.
        only: names of parts; default: all.
        quick: one seed and the reduced settings of each part; figures are only a check.
        jobs: processes; each uses one thread.

    Raises:
        TrainingError: the system has no proof, or no part can run without data.
        OptionError: no part has that name.
    """
    parts = parts_of(system)
    chosen = _chosen(parts, only, system)
    left_out = [part.name for part in chosen if part.needs and data is None]
    able = [part for part in chosen if part.name not in left_out]
    if not able:
        needs = ", ".join(dict.fromkeys(part.needs for part in chosen))
        raise TrainingError(f"This proof needs {needs}; name its folder with --data.")
    place = out / "quick" if quick else out
    place.mkdir(parents=True, exist_ok=True)
    texts, again = {}, []
    for part in able:
        runner = _Runner(system, part, data, place, quick)
        found = runner.all(jobs, on_step)
        texts[part.name] = part.text(found, runner.loaded(on_step))
        again += runner.recomputed
    return Proof(texts, again, left_out)


def parts_of(system: System) -> Sequence[Part]:
    """The parts of a system's proof, in their order.

    Raises:
        TrainingError: it has none.
    """
    if not system.has("proof"):
        raise TrainingError(f"{system.card.name} has no proof.py, so there is nothing to run.")
    parts: Sequence[Part] = import_module(f"{system.module}.proof").PARTS
    return parts


def _chosen(parts: Sequence[Part], only: Sequence[str], system: System) -> list[Part]:
    names = [part.name for part in parts]
    if wrong := [name for name in only if name not in names]:
        raise OptionError(
            f"The proof of {system.card.name} has no part '{wrong[0]}'; it has {', '.join(names)}."
        )
    return [part for part in parts if not only or part.name in only]


class _Runner:
    """Runs the arms of one part, and keeps their figures."""

    def __init__(
        self, system: System, part: Part, data: Path | None, out: Path, quick: bool
    ) -> None:
        self.system, self.part, self.data, self.out = system, part, data, out
        self.quick = quick
        self.recomputed: list[str] = []
        self._loaded: list[Any] = []

    def loaded(self, on_step: OnStep | None = None) -> Any:
        """The data, read once."""
        if not self._loaded:
            self._loaded = [self.part.load(self.data, self.out, on_step)]
        return self._loaded[0]

    def all(self, jobs: int, on_step: OnStep | None) -> Found:
        """Figures of every arm and seed."""
        settings = {
            arm: self.part.quick(given) if self.quick else given
            for arm, given in self.part.arms.items()
        }
        seeds = range(1 if self.quick else self.part.seeds)
        base = digest_of(code_of(self.system), self.loaded(on_step))
        found: dict[str, list[Figures]] = {arm: [{}] * len(seeds) for arm in settings}
        todo = []
        for arm, given in settings.items():
            for seed in seeds:
                key = digest_of(base, self.part.name, arm, given, seed)
                kept = self._kept(arm, seed, key)
                if kept is None:
                    todo.append((arm, seed, given, key))
                else:
                    found[arm][seed] = kept
        done = len(settings) * len(seeds) - len(todo)
        for (arm, seed, _, key), figures in zip(todo, self._figures(todo, jobs), strict=True):
            found[arm][seed] = figures
            self._keep(arm, seed, key, figures)
            done += 1
            if on_step:
                on_step(f"{self.part.name}: trainings", done, len(settings) * len(seeds))
        return found

    def _figures(self, todo: Sequence[tuple[str, int, Any, str]], jobs: int) -> Iterator[Figures]:
        if jobs == 1 or len(todo) < 2:
            with _one_thread():
                for _, seed, settings, _ in todo:
                    yield self.part.run(settings, seed, self.loaded())
            return
        args = [
            (self.system.module, self.part.name, settings, seed, self.data, self.out)
            for _, seed, settings, _ in todo
        ]
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            yield from pool.map(_in_process, args)

    def _place(self, arm: str, seed: int) -> Path:
        safe = "".join(c if c.isalnum() else "-" for c in f"{self.part.name}-{arm}-{seed}")
        return self.out / f"{safe}.json"

    def _kept(self, arm: str, seed: int, key: str) -> Figures | None:
        place = self._place(arm, seed)
        if not place.is_file():
            return None
        try:
            found = json.loads(place.read_text("utf-8"))
            if found["key"] == key:
                figures: Figures = found["figures"]
                return figures
        except (ValueError, KeyError, TypeError):
            pass  # cut by a full disk or written by hand: made again, and reported
        self.recomputed.append(place.name)
        return None

    def _keep(self, arm: str, seed: int, key: str, figures: Figures) -> None:
        kept = {"key": key, "arm": arm, "seed": seed, "figures": dict(figures)}
        write_bytes(self._place(arm, seed), json.dumps(kept).encode())


@contextmanager
def _one_thread() -> Iterator[None]:
    """More threads than one change sums, and processes would share the cores badly."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_DATA: dict[tuple[str, str], Any] = {}  # of a process: what its part has loaded


def _in_process(args: tuple[str, str, Any, int, Path | None, Path]) -> Figures:
    """One training in a process of a pool."""
    module, name, settings, seed, data, out = args
    part = next(p for p in import_module(f"{module}.proof").PARTS if p.name == name)
    if (module, name) not in _DATA:
        _DATA[module, name] = part.load(data, out, None)
    with _one_thread():
        figures: Figures = part.run(settings, seed, _DATA[module, name])
    return figures


def code_of(system: System) -> str:
    """Digest of a system's Python files, its tests left out."""
    return code_in(system.folder)
