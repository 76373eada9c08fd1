"""Runs of makers: complete files with provenance, resumable, with progress and cancellation."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from mien.contracts import Maker, silent
from mien.errors import CancelledError, MienError, UnknownModelError
from mien.service.made_files import (
    check_suffix,
    done_files,
    read_artefact,
    settings_key,
    write_made,
)
from mien.service.runs import Run
from mien.types import OnStep
from mien.zoo import Card, fill_options, find, load, options_type


@dataclass(frozen=True, slots=True)
class MadeItem:
    """The result for one group of inputs."""

    inputs: tuple[Path, ...]
    files: tuple[Path, ...] = ()  # results; NAME.provenance.json is beside them
    skipped: bool = False  # the files exist already, with the same settings
    notes: tuple[str, ...] = ()  # of the maker
    error: str = ""  # message, if there are no results


@dataclass(frozen=True, slots=True)
class _Plan:
    """The inputs of one group, and the paths of its results."""

    inputs: tuple[Path, ...]
    stem: Path
    suffix: str


def make(
    name: str,
    inputs: Sequence[Path],
    out: Path,
    *,
    settings: Sequence[str] = (),
    mark: bool = True,
    device: str = "cpu",
    commercial_only: bool = False,
    maker: Maker | None = None,
    on_step: OnStep = silent,
    cancel: Event | None = None,
) -> Iterator[MadeItem]:
    """Run a maker on its inputs; results appear one by one, complete or not at all.

    Args:
        name: card of the maker.
        inputs: files; a maker with two inputs takes them in pairs. None if it needs no input.
        out: a file (for one run), or a folder, which is created.
        settings: KEY=VALUE for the maker's options.
        mark: whether images and films show "synthetic", "edited" or "restored".
        device: see mien.runtime.
        commercial_only: refuse weights that do not permit commercial use.
        maker: an open maker; default: the one of the card.
        on_step: called with the name of the step, done and total.
        cancel: set this event to stop at the next step; finished results are kept.

    Yields:
        One item per group of inputs, in their order. Groups that exist with the same
        settings are skipped. With several groups, one that fails does not stop the others.

    Raises:
        OptionError: the maker has no such setting.
        MienError: inputs or output path are wrong (before any work); or the only group failed.
        CancelledError: `cancel` is set.
    """
    card = find(name)
    if card.kind != "maker":
        raise UnknownModelError(
            f"'{name}' is a {card.kind}, not a maker; list makers with: mien models list"
        )
    options = fill_options(options_type(card), settings, name, card.options)
    plans = _plans(card, inputs, out)
    step = Run(on_step, cancel).step
    opened: list[Maker] = [maker] if maker else []

    def run() -> Iterator[MadeItem]:
        for number, plan in enumerate(plans):
            step("made", number, len(plans))
            try:
                yield _make_one(card, plan, options, mark, opened, step,
                                (device, commercial_only))  # fmt: skip
            except CancelledError:
                raise
            except MienError as error:
                if len(plans) == 1:
                    raise
                yield MadeItem(plan.inputs, error=str(error))
        step("made", len(plans), len(plans))

    return run()


def _make_one(
    card: Card,
    plan: _Plan,
    options: Any,
    mark: bool,
    opened: list[Maker],
    step: OnStep,
    how: tuple[str, bool],
) -> MadeItem:
    """Process one group of inputs: skip it, or make and write it. Open the maker if needed."""
    given = {
        need: read_artefact(need, path) for need, path in zip(card.needs, plan.inputs, strict=True)
    }
    key = settings_key(
        {
            "maker": card.name,
            "digest": card.digest,
            "options": asdict(options),
            "inputs": [one.sha256 for one in given.values()],
            "mark": mark,
        }
    )
    plan.stem.parent.mkdir(parents=True, exist_ok=True)
    files = done_files(plan.stem, key)
    if files is not None:
        return MadeItem(plan.inputs, files, skipped=True)
    if not opened:
        opened.append(load(card.name, device=how[0], commercial_only=how[1]))
    made = opened[0](given, options, on_step=step)
    files = write_made(made, plan.stem, plan.suffix, key, mark, step)
    return MadeItem(plan.inputs, files, notes=made.notes)


def _plans(card: Card, inputs: Sequence[Path], out: Path) -> list[_Plan]:
    """Group the inputs, and assign paths to their results.

    Raises:
        MienError: too few or too many inputs, or two results with one name.
    """
    size = len(card.needs)
    wanted = ", ".join(card.needs) or "no inputs"
    if (size == 0 and inputs) or (size and (not inputs or len(inputs) % size)):
        raise MienError(f"'{card.name}' needs {wanted} per result, got {len(inputs)} files.")
    groups = [tuple(inputs[k : k + size]) for k in range(0, len(inputs), size or 1)] or [()]
    missing = next((path for path in inputs if not path.is_file()), None)
    if missing:
        raise MienError(f"'{missing}' is not a file; check the path.")
    if out.suffix and not out.is_dir():
        check_suffix(out.suffix)
        if len(groups) > 1:
            raise MienError(
                f"--out '{out}' is one file, but there are {len(groups)} results; name a folder."
            )
        return [_Plan(groups[0], out.with_suffix(""), out.suffix)]
    stems = ["-".join(path.stem for path in group) or card.name for group in groups]
    double = next((stem for stem in stems if stems.count(stem) > 1), None)
    if double:
        raise MienError(
            f"Two inputs would both be written to {out / double}; run them separately, with "
            "different folders."
        )
    return [_Plan(group, out / stem, "") for group, stem in zip(groups, stems, strict=True)]
