"""Evaluate a head by its card: images or clips, classes or numbers, on labelled data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.contracts import silent
from mien.datasets import CLIPS, LABELS, Labelled
from mien.errors import ImageError, MienError
from mien.evaluate.attributes.attributes import attributes, predict_labels
from mien.evaluate.attributes.predictions import Prediction
from mien.evaluate.attributes.vote_shares import vote_share_facts
from mien.evaluate.originals import require_originals
from mien.media import find_images, read_image, stretched
from mien.metrics.findings import Findings
from mien.photo import Pipeline
from mien.types import Clip, Crop, OnStep
from mien.zoo import Eval

RATE = 25.0  # frames per second of a folder of frames, which does not state it


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledData:
    """The labelled data on which a head is evaluated; missing values come from its card."""

    folder: Path
    layout: str = ""
    split: str | None = None  # "": all
    cut: str | None = None  # "aligned", "whole" or "crops"; clips are cut already
    names: Path | None = None  # file with the names of images to use, one per line
    most: int = 0  # use at most N, evenly spaced; 0: all
    label: str = ""  # which data these are, for the record


def evaluate_card_task(
    asked: Eval,
    task: str,
    head: Any,
    data: LabelledData,
    pipeline: Pipeline | None,
    *,
    basis: Sequence[tuple[str, str]] = (),
    on_step: OnStep = silent,
) -> Findings:
    """Evaluate a head by the protocol of its card.

    Args:
        asked: [eval] of the card.
        task: of the card; the label of the data set unless [eval] names another.
        head: a chip head, or a clip head for the protocol "clips".
        data: folder, and what differs from the card.
        pipeline: finds faces in images; None for data without face detection.
        basis: models, command line.
        on_step: called after each image or clip.

    Raises:
        MienError: an unknown layout or split, or no image has the label.
        TooFewTrialsError: fewer than two answers.
    """
    label = asked.task or task
    readers = CLIPS if asked.protocol == "clips" else LABELS
    layout = data.layout or asked.layout
    if layout not in readers:
        raise MienError(f"There is no layout '{layout}'; there are {', '.join(readers)}.")
    records = chosen_records(readers[layout], data, label, asked)
    all_of_them = len(records)
    if asked.classes:
        records = [one for one in records if one.labels[label] in asked.classes]
    left_out = all_of_them - len(records)
    records = spaced_out(records, data.most)
    if asked.protocol == "clips":
        answers = predict_clips(records, label, head, asked.classes, on_step)
    else:
        if pipeline is None:
            raise MienError("Images need a pipeline that finds faces; pass one.")
        cut: Any = data.cut or asked.cut
        answers = predict_labels(records, label, pipeline, head, on_step, cut=cut)
    answers = [
        replace(answer, groups={name: word for name, word in one.labels.items() if name != label})
        for answer, one in zip(answers, records, strict=True)
    ]
    split = asked.split if data.split is None else data.split
    where = data.label or f"{data.folder.resolve().name}{f', {split}' if split else ''}"
    found = attributes(
        answers,
        task=label,
        data=where,
        labels=asked.classes,
        limits=asked.limits,
        bands=asked.bands,
        basis=tuple(basis),
    )
    shares = vote_share_facts(records, answers, asked.classes) if asked.classes else ()
    found = replace(found, headline=(*found.headline, *shares))
    more = (f"{left_out} images of other classes are left out.",) if left_out else ()
    return replace(found, warnings=(*found.warnings, *more))


def chosen_records(
    read: Callable[[Path], list[Labelled]], data: LabelledData, label: str, asked: Eval
) -> list[Labelled]:
    """The labelled images or clips of a folder that belong to the split and the list of names.

    Raises:
        MienError: the split or the names select nothing.
    """
    records = [one for one in read(data.folder) if label in one.labels]
    split = asked.split if data.split is None else data.split
    if split and not any(one.split == split for one in records):
        there = ", ".join(sorted({one.split or "(none)" for one in records}))
        raise MienError(
            f"{data.folder} has no split '{split}' with labels of {label}; it has {there}."
        )
    records = [one for one in records if split in ("", one.split)]
    if not data.names:
        return records
    wanted = set(data.names.read_text("utf-8").splitlines())
    named = [one for one in records if one.path.name in wanted]
    if not named and records:
        raise MienError(
            f"None of the {len(records)} images of {data.folder} is listed in {data.names}; its "
            f"lines must be file names, such as {records[0].path.name}."
        )
    return named


def predict_clips(
    records: Sequence[Labelled],
    task: str,
    head: Any,
    classes: Sequence[str],
    on_step: OnStep = silent,
) -> list[Prediction]:
    """Run a clip head on folders of frames that are cut to the face.

    Args:
        records: `path` is a folder of frames in the order of their names.
        task: label that is compared.
        head: takes chips.
        classes: the class is the largest of these values in the first reading that has them.
        on_step: called after each clip.

    Raises:
        MadeImageError: frames are declared as made by a program.
    """
    if head.needs != {"chips"}:
        raise MienError(
            f"Folders of frames hold chips, and '{head.name}' needs "
            f"{', '.join(sorted(head.needs))}."
        )
    require_originals(one.path for one in records)
    answers = []
    for number, one in enumerate(records, 1):
        answers.append(_clip_answer(one, task, head, classes))
        on_step("clips", number, len(records))
    return answers


def _clip_answer(one: Labelled, task: str, head: Any, classes: Sequence[str]) -> Prediction:
    nothing = Prediction(one.labels[task], None, person=one.person)
    crop: Crop = head.crop
    try:
        paths = list(find_images([one.path]))
        frames = [stretched(read_image(path), crop.size) for path in paths]
    except ImageError:
        return nothing
    if not frames:
        return nothing
    for reading in head(Clip(np.arange(len(frames)) / RATE, np.stack(frames))):
        probabilities = {name: value for name, value in reading.values.items() if name in classes}
        if probabilities:
            best = max(probabilities, key=lambda name: probabilities[name])
            return Prediction(
                one.labels[task],
                best,
                probabilities[best],
                person=one.person,
                probabilities=probabilities,
            )
    return nothing


def spaced_out(records: list[Labelled], most: int) -> list[Labelled]:
    """At most `most` of them, evenly spaced; 0: all."""
    if not most or len(records) <= most:
        return records
    return records[:: -(-len(records) // most)]
