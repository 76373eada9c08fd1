"""Audits: open the model, read the data, run the audit within its scope."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TypeVar

import numpy as np

from mien.audit import counted, offline, require_consent, require_no_url
from mien.contracts import Audit, Samples, Scope, Subject, SubjectKind, silent
from mien.datasets import LABELS, Labelled
from mien.errors import MienError, ScopeError, UnknownModelError
from mien.media import find_images
from mien.metrics.findings import Findings
from mien.service.runs import Run
from mien.testing import noise
from mien.types import OnStep
from mien.zoo import DETECTOR, fill_options, find, load, options_type

CLASSES = "classes"  # layout: one folder per class
Item = TypeVar("Item")
NOISE = (64, 96)  # default data, synthetic noise: number of images, px of a side


def audit(
    name: str,
    subject: str | Subject,
    data: Path | Samples | None = None,
    *,
    layout: str = CLASSES,
    most: int = 0,
    split: str = "",
    names: Path | None = None,
    settings: Sequence[str] = (),
    scope: Scope | None = None,
    cut: bool = False,
    device: str = "cpu",
    on_step: OnStep = silent,
    cancel: Event | None = None,
) -> Findings:
    """Run an audit on a model.

    Args:
        name: card of the audit.
        subject: card of the model to audit, or an open model.
        data: folder of labelled images; default: noise, for audits without labels.
        layout: of the folder: a layout of mien.datasets, or "classes".
        most: use at most this many images, evenly spaced; 0: all.
        split: use only images of this split, as the set names it; "": all.
        names: use only images whose file names are lines of this file, such as a training's
            test.txt.
        settings: KEY=VALUE for the audit's options.
        scope: purpose, limit of queries, seed.
        cut: images are cut to the face already; detection is skipped.
        device: see mien.runtime.
        on_step: called with the name of the step, done and total.
        cancel: set this event to stop at the next step.

    Raises:
        OptionError: the audit has no such setting.
        TooFewTrialsError: the data are too few for any result.
        ScopeError: the audit would exceed its limit of queries; the subject is an address or
            contacts another machine; consent is missing, has expired or names another model.
        CancelledError: `cancel` is set.
    """
    card = find(name)
    if card.kind != "audit":
        raise UnknownModelError(
            f"'{name}' is a {card.kind}, not an audit; list audits with: mien models list"
        )
    if isinstance(subject, str):
        require_no_url(subject)
    scope = scope or Scope()
    if card.consent and scope.consent is None:
        raise ScopeError(
            f"'{name}' processes faces of people who must agree; name their consent with "
            "--consent FILE (given_by, purpose, expires)."
        )
    options = fill_options(options_type(card), settings, name, card.options)
    kind: str = find(subject).kind if isinstance(subject, str) else subject.kind
    if kind not in card.needs:
        label = f"'{subject}'" if isinstance(subject, str) else subject.label
        raise MienError(f"'{name}' audits {', '.join(card.needs)}, but {label} is a {kind}.")
    if isinstance(subject, str):
        subject = open_subject(subject, whole=cut or data is None, device=device)
    if scope.consent:
        require_consent(scope.consent, subject.model.name)
    samples = data if isinstance(data, Samples) else read_samples(data, layout, most, split, names)
    step = Run(on_step, cancel).step
    step("audit", 0, 1)
    opened: Audit = load(name, device=device)
    asked, counter = counted(subject, scope)
    with offline():
        found = opened(asked, samples, scope, options, on_step=step)
    basis = [("Audit", f"{opened.name}@{opened.digest}"), ("Queries", f"{counter.asked:,} images")]
    if scope.consent:
        agreed = scope.consent
        basis.append(("Consent", f"{agreed.given_by}, {agreed.purpose}, until {agreed.expires}"))
    return replace(found, basis=(*found.basis, *basis))


def open_subject(name: str, *, whole: bool, device: str) -> Subject:
    """Open the model to audit by its card.

    Args:
        name: of the card.
        whole: images are cut to the face already; detection is skipped.
        device: see mien.runtime.
    """
    kind: SubjectKind = find(name).kind  # type: ignore[assignment]
    model = load(name, device=device)
    finder = None if whole or kind == "detector" else load(DETECTOR, device=device)
    return Subject(kind, model, finder)


def read_samples(
    folder: Path | None,
    layout: str = CLASSES,
    most: int = 0,
    split: str = "",
    names: Path | None = None,
) -> Samples:
    """Read the labelled images of a folder; without a folder, make noise.

    Raises:
        MienError: the layout is unknown, or the folder has no images.
    """
    if folder is None:
        count, side = NOISE
        return Samples("noise", tuple(noise(min(most, count) if most else count, side)), {})
    where = folder.resolve().name
    if layout == CLASSES:
        records = chosen([Labelled(path) for path in find_images([folder])], split, names)
        paths = [one.path for one in spaced(records, most)]
        kinds = tuple(path.parent.name for path in paths)
        return Samples(where, tuple(paths), {"class": kinds} if len(set(kinds)) > 1 else {})
    if layout not in LABELS:
        raise MienError(
            f"Layout '{layout}' is unknown: expected one of {', '.join([*LABELS, CLASSES])}."
        )
    found = spaced(chosen(LABELS[layout](folder), split, names), most)
    tasks = sorted({task for one in found for task in one.labels})
    labels = {task: tuple(one.labels.get(task, "") for one in found) for task in tasks}
    people = tuple(one.person for one in found)
    return Samples(where, tuple(one.path for one in found), labels, people if any(people) else ())


def chosen(records: Sequence[Labelled], split: str, names: Path | None) -> list[Labelled]:
    """Return the records of a split, and of a list of file names.

    Raises:
        MienError: none is left.
    """
    listed = None if names is None else set(names.read_text("utf-8").splitlines())
    kept = [
        one
        for one in records
        if (not split or one.split == split) and (listed is None or one.path.name in listed)
    ]
    if not kept:
        splits = ", ".join(sorted({one.split for one in records} - {""})) or "none"
        raise MienError(
            f"No image is left: the set has the splits {splits}"
            + (f", and {names} lists other images." if names else ".")
        )
    return kept


def spaced(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most `most` evenly spaced items; 0: all."""
    if not most or most >= len(items):
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, most).round().astype(int)]
