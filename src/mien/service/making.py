"""Run a maker over inputs: whole files with provenance, resumable, with progress and cancel."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from mien.contracts import Maker, silent
from mien.errors import CancelledError, MienError, UnknownModelError
from mien.service.cancel import stoppable
from mien.service.made_files import (
    check_suffix,
    done_files,
    read_artefact,
    settings_key,
    write_made,
)
from mien.types import OnStep
from mien.zoo import Card, fill_options, find, load, options_type


@dataclass(frozen=True, slots=True)
class MadeItem:
    """What became of one group of inputs."""

    inputs: tuple[Path, ...]
    files: tuple[Path, ...] = ()  # results; the sidecar NAME.provenance.json lies beside them
    skipped: bool = False  # they were there already, made with the same settings
    notes: tuple[str, ...] = ()  # of the maker
    error: str = ""  # why there are no results


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the results of one group of inputs go."""

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
    """Run a maker over its inputs; results appear one by one, each whole or not at all.

    Args:
        name: card of a maker.
        inputs: files; a maker that needs two takes them in pairs. None for one that needs none.
        out: a file (for one run), or a folder, which is made.
        settings: KEY=VALUE for the maker's options.
        mark: whether pictures and films visibly say "synthetic", "edited" or "restored".
        device: see mien.runtime.
        commercial_only: refuse weights that do not allow commercial use.
        maker: one that is open already; default: the card's.
        on_step: called with what is counted, done, and in all.
        cancel: set it to stop at the next step; what is finished is kept.

    Yields:
        One item per group of inputs, in their order. Groups that were made before with the same
        settings are skipped. With several groups, one that fails does not stop the others.

    Raises:
        OptionError: a setting that the maker does not have.
        MienError: wrong inputs or place, before any work; or the only group failed.
        CancelledError: `cancel` was set.
    """
    card = find(name)
    if card.kind != "maker":
        raise UnknownModelError(
            f"'{name}' is a {card.kind}, not a maker; list those with: mien models list"
        )
    options = fill_options(options_type(card), settings, name, card.options)
    plans = _plans(card, inputs, out)
    step = stoppable(on_step, cancel)
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
    """One group of inputs: skip it, or make and write it. The maker is opened when needed."""
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
    """Groups of inputs with the places of their results.

    Raises:
        MienError: too few or too many inputs, or two results of one name.
    """
    size = len(card.needs)
    wanted = ", ".join(card.needs) or "no inputs"
    if (size == 0 and inputs) or (size and (not inputs or len(inputs) % size)):
        raise MienError(
            f"'{card.name}' takes {wanted} per result, and {len(inputs)} files were given."
        )
    groups = [tuple(inputs[k : k + size]) for k in range(0, len(inputs), size or 1)] or [()]
    missing = next((path for path in inputs if not path.is_file()), None)
    if missing:
        raise MienError(f"{missing} is no file; check the path.")
    if out.suffix and not out.is_dir():
        check_suffix(out.suffix)
        if len(groups) > 1:
            raise MienError(
                f"{len(groups)} results do not fit into one file {out}; name a folder as --out."
            )
        return [_Plan(groups[0], out.with_suffix(""), out.suffix)]
    stems = ["-".join(path.stem for path in group) or card.name for group in groups]
    double = next((stem for stem in stems if stems.count(stem) > 1), None)
    if double:
        raise MienError(
            f"Two inputs would both become {out / double}; run them one after the other into "
            "folders of their own."
        )
    return [_Plan(group, out / stem, "") for group, stem in zip(groups, stems, strict=True)]
