"""Audit a model: open it, read the data, run the audit within its scope."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TypeVar

import numpy as np

from mien.contracts import Audit, Samples, Scope, Subject, SubjectKind, silent
from mien.datasets import LABELS
from mien.errors import MienError, UnknownModelError
from mien.media import find_images
from mien.metrics.findings import Findings
from mien.service.cancel import stoppable
from mien.testing import noise
from mien.types import OnStep
from mien.zoo import DETECTOR, fill_options, find, load, options_type

CLASSES = "classes"  # the layout of any pictures in folders named after their class
Item = TypeVar("Item")
NOISE = (64, 96)  # made-up pictures where nobody named some: how many, and px of a side


def audit(
    name: str,
    subject: str | Subject,
    data: Path | Samples | None = None,
    *,
    layout: str = CLASSES,
    most: int = 0,
    settings: Sequence[str] = (),
    scope: Scope | None = None,
    cut: bool = False,
    device: str = "cpu",
    on_step: OnStep = silent,
    cancel: Event | None = None,
) -> Findings:
    """Run an audit on a model.

    Args:
        name: card of an audit.
        subject: card of the model that is examined, or an open one.
        data: folder of labelled pictures; default: noise, for audits that need no labels.
        layout: of the folder: of mien.datasets, or folders named after any classes.
        most: look at this many pictures only, evenly spaced; 0: all.
        settings: KEY=VALUE for the audit's options.
        scope: purpose, limit of queries, seed.
        cut: pictures show the whole face and nothing else, so no face is looked for.
        device: see mien.runtime.
        on_step: called with what is counted, done, and in all.
        cancel: set it to stop at the next step.

    Raises:
        OptionError: a setting that the audit does not have.
        TooFewTrialsError: too little data for any statement.
        ScopeError: the audit would ask more than agreed.
        CancelledError: `cancel` was set.
    """
    card = find(name)
    if card.kind != "audit":
        raise UnknownModelError(
            f"'{name}' is a {card.kind}, not an audit; list those with: mien models list"
        )
    options = fill_options(options_type(card), settings, name, card.options)
    kind: str = find(subject).kind if isinstance(subject, str) else subject.kind
    if kind not in card.needs:
        label = f"'{subject}'" if isinstance(subject, str) else subject.label
        raise MienError(f"'{name}' examines {', '.join(card.needs)}, and {label} is a {kind}.")
    if isinstance(subject, str):
        subject = open_subject(subject, whole=cut or data is None, device=device)
    samples = data if isinstance(data, Samples) else read_samples(data, layout, most)
    step = stoppable(on_step, cancel)
    step("audit", 0, 1)
    opened: Audit = load(name, device=device)
    found = opened(subject, samples, scope or Scope(), options, on_step=step)
    told = (("Audit", f"{opened.name}@{opened.digest}"),)
    return replace(found, basis=(*found.basis, *told))


def open_subject(name: str, *, whole: bool, device: str) -> Subject:
    """Open the model that an audit examines, by its card.

    Args:
        name: of the card.
        whole: no face is looked for in pictures.
        device: see mien.runtime.
    """
    kind: SubjectKind = find(name).kind  # type: ignore[assignment]
    model = load(name, device=device)
    finder = None if whole or kind == "detector" else load(DETECTOR, device=device)
    return Subject(kind, model, finder)


def read_samples(folder: Path | None, layout: str = CLASSES, most: int = 0) -> Samples:
    """Labelled pictures of a folder; noise without one.

    Raises:
        MienError: an unknown layout, or nothing in it.
    """
    if folder is None:
        count, side = NOISE
        return Samples("noise", tuple(noise(min(most, count) if most else count, side)), {})
    where = folder.resolve().name
    if layout == CLASSES:
        paths = spaced(list(find_images([folder])), most)
        names = tuple(path.parent.name for path in paths)
        return Samples(where, tuple(paths), {"class": names} if len(set(names)) > 1 else {})
    if layout not in LABELS:
        raise MienError(
            f"There is no layout '{layout}'; there are {', '.join([*LABELS, CLASSES])}."
        )
    found = spaced(LABELS[layout](folder), most)
    tasks = sorted({task for one in found for task in one.labels})
    labels = {task: tuple(one.labels.get(task, "") for one in found) for task in tasks}
    people = tuple(one.person for one in found)
    return Samples(where, tuple(one.path for one in found), labels, people if any(people) else ())


def spaced(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of them, evenly spaced; 0: all."""
    if not most or most >= len(items):
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, most).round().astype(int)]
