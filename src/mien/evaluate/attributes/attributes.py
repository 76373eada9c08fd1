"""Evaluate a head against labelled images: accuracy, calibration, error."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import ChipHead
from mien.datasets.labels import Labelled
from mien.detect import detect_with_retries
from mien.errors import ImageError, MienError, TooFewTrialsError
from mien.evaluate.attributes.breakdowns import by_bands, group_table, inside_of
from mien.evaluate.attributes.predictions import Prediction, clusters_of
from mien.evaluate.fairness.labelled_faces import cutter
from mien.evaluate.originals import require_originals
from mien.media import read_image, stretched
from mien.metrics import (
    Clusters,
    Estimate,
    balanced_accuracy,
    calibration_error,
    concordance,
    confusion,
    icc,
    kappa,
    log_loss,
    macro_f1,
    reliability,
)
from mien.metrics.findings import Cell, Curve, Fact, Findings, Kind, Plot, Table
from mien.photo import Pipeline
from mien.types import Doubles, OnStep, Pixels

Cut = Literal["aligned", "whole", "crops"]
FAILED = "(no answer)"  # predicted label of an image without a face
ADULT = 20.0  # years; the age of children is easier to see, so adults are shown alone
LEAST_PROBABILITY = 1e-6  # smaller probabilities of the true class count as this much


def predict_labels(
    pictures: Sequence[Labelled],
    task: str,
    pipeline: Pipeline,
    head: ChipHead,
    on_step: OnStep | None = None,
    *,
    cut: Cut = "aligned",
) -> list[Prediction]:
    """Predict the label of the main face of each image that has a label of this task.

    Args:
        pictures: images without such a label are left out.
        task: the label.
        pipeline: finds the faces.
        head: the model.
        on_step: called after each image.
        cut: "aligned": faces are found and aligned, and an image without one has no answer;
            "whole": images are cut to the face already, and each is resized to the chip;
            "crops": they are cut, but aligned where a face is found
                (see mien.evaluate.fairness.labelled_faces).
    """
    chosen = [one for one in pictures if task in one.labels]
    if not chosen:
        raise MienError(f"No image has a label '{task}'; name one that the data set has.")
    require_originals(one.path for one in chosen)
    found = []
    for number, one in enumerate(chosen, 1):
        found.append(_answer(one, task, pipeline, head, cut))
        if on_step:
            on_step("faces", number, len(chosen))
    return found


def _answer(one: Labelled, task: str, pipeline: Pipeline, head: ChipHead, cut: Cut) -> Prediction:
    truth, nothing = one.labels[task], Prediction(one.labels[task], None, person=one.person)
    try:
        chip = _chip(read_image(one.path), pipeline, head, cut)
    except ImageError:
        return nothing
    if chip is None:
        return nothing
    [reading] = head(chip)
    if not reading.values:
        return nothing
    if reading.unit == "probability":
        predicted = max(reading.values, key=lambda k: reading.values[k])
        p = reading.values[predicted]
        return Prediction(truth, predicted, p, person=one.person, probabilities=reading.values)
    name = task if task in reading.values else next(iter(reading.values))
    low, high = ((side or {}).get(name) for side in (reading.low, reading.high))
    value = f"{reading.values[name]:.10g}"
    return Prediction(truth, value, None, low, high, one.person)


def _chip(image: Pixels, pipeline: Pipeline, head: ChipHead, cut: Cut) -> Pixels | None:
    """(1, S, S, 3) the main face, or the whole image; None if there is no face."""
    from mien.photo.pipeline import main_face

    if cut == "whole":
        return stretched(image, head.crop.size)[None]
    if cut == "crops":
        return cutter(pipeline.detector, head.crop)(image)[None]
    faces = detect_with_retries(pipeline.detector, image, pipeline.turns).faces
    return align(image, [main_face(faces, image)], head.crop) if faces else None


def attributes(
    answers: Sequence[Prediction],
    *,
    task: str,
    data: str,
    labels: tuple[str, ...] = (),
    limits: tuple[float, float] | None = None,
    bands: tuple[float, ...] = (),
    basis: tuple[tuple[str, str], ...] = (),
) -> Findings:
    """Evaluate predictions against truths: numbers if every truth is one, else classes.

    Args:
        answers: at least two.
        task: the label that was predicted.
        data: which images these are, in a sentence.
        labels: all classes; a truth or prediction outside them is refused. Default: those
            that occur as truths.
        limits: the range of numbers; a truth outside it is refused.
        bands: edges of bands of the truth, such as ages; default: fifths of the truths.
        basis: models, command line, ...

    Raises:
        TooFewTrialsError: fewer than two answers.
        MienError: a label outside the range.
    """
    answered = sum(a.predicted is not None for a in answers)
    if answered < 2:
        raise TooFewTrialsError(
            f"{answered} of {len(answers)} labels have an answer, and at least two are "
            "needed; give more data."
        )
    numbers = not labels and all(_number(a.truth) is not None for a in answers)
    if limits and not numbers:
        raise MienError(f"A range was given, but not every truth of {task} is a number.")
    found = _numbers(answers, task, limits, bands) if numbers else _classes(answers, labels)
    headline, tables, plots = found
    lost = sum(a.predicted is None for a in answers)
    warnings = [f"{lost} of {len(answers)} images have no answer"
                + (" and are in no error of numbers; their share is reported above." if numbers
                   else "; each counts as wrong.")] if lost else []  # fmt: skip
    if not any(a.person for a in answers):
        warnings.append("People are not named, so intervals count images and may be too narrow.")
    return Findings(
        f"Attribute: {task}",
        f"{len(answers):,} labelled images of {data}.",
        headline,
        tables,
        plots,
        tuple(warnings),
        ("Truths are the labels of the data set; they contain errors.",),
        basis,
    )


def _classes(
    answers: Sequence[Prediction], labels: tuple[str, ...]
) -> tuple[tuple[Fact, ...], tuple[Table, ...], tuple[Plot, ...]]:
    truths = labels or tuple(sorted({a.truth for a in answers}))
    predicted = [FAILED if a.predicted is None else a.predicted for a in answers]
    every = (
        *truths,
        *sorted(set(predicted) - set(truths) - {FAILED} if not labels else ()),
        FAILED,
    )
    table = confusion([a.truth for a in answers], predicted, every)
    right = np.array([a.truth == a.predicted for a in answers])
    facts = [
        Fact("accuracy", clusters_of(answers).share(right), "rate", "no answer is wrong"),
        Fact(
            "balanced accuracy", Estimate(balanced_accuracy(table)), "rate", "mean of the recalls"
        ),
        Fact("macro F1", Estimate(macro_f1(table)), "rate", "mean of the classes"),
        Fact("kappa", Estimate(kappa(table)), "number", "agreement beyond chance"),
    ]
    rows: list[tuple[Cell, ...]] = []
    for number, label in enumerate(truths):
        part = [k for k, a in enumerate(answers) if a.truth == label]
        recall = clusters_of([answers[k] for k in part]).share(right[part]) if part else None
        given = table[:, number].sum()
        precision = float(table[number, number] / given) if given else None
        rows.append((label, len(part), recall, precision))
    columns: tuple[tuple[str, Kind], ...] = (
        ("Class", "text"), ("Pictures", "count"), ("Recall", "rate"), ("Precision", "rate"),
    )  # fmt: skip
    shown = [k for k in range(len(every)) if table[:, k].any()]
    heads: list[tuple[str, Kind]] = [("Truth", "text"), *((every[k], "count") for k in shown)]
    crossed: tuple[tuple[Cell, ...], ...] = tuple(
        (truths[i], *(int(table[i, k]) for k in shown)) for i in range(len(truths))
    )
    tables: tuple[Table, ...] = (Table("Each class", columns, tuple(rows)),
              Table("Predictions by truth", tuple(heads), crossed))  # fmt: skip
    if people := _people(answers, right):
        tables = (*tables, people)
    if groups := group_table(answers, {"Accuracy": right.astype(float)}, "rate"):
        tables = (*tables, groups)
    stated_truth = [a.probabilities.get(a.truth, 0.0) for a in answers if a.probabilities]
    if stated_truth:
        lost = Estimate(log_loss(np.array(stated_truth), least=LEAST_PROBABILITY))
        facts.append(Fact("log loss", lost, "number", "of the truth; nats"))
    stated = [(a.probability, a.truth == a.predicted) for a in answers if a.probability is not None]
    if not stated:
        return tuple(facts), tables, ()
    p, came = np.array([s for s, _ in stated]), np.array([c for _, c in stated])
    error = Estimate(calibration_error(p, came))
    facts.append(Fact("calibration error", error, "number", "stated against true share"))
    return tuple(facts), tables, (_reliability(p, came),)


def _people(answers: Sequence[Prediction], right: NDArray[np.bool_]) -> Table | None:
    """Accuracy by person; None if fewer than two are named."""
    names = sorted({a.person for a in answers} - {""})
    if len(names) < 2:
        return None
    who = np.array([a.person for a in answers])
    share = np.array([right[who == name].mean() for name in names])
    order = np.argsort(share, kind="stable")
    rows: list[tuple[Cell, ...]] = [
        (word, float(np.quantile(share, at)), "")
        for word, at in (("lower quarter", 0.25), ("median", 0.5), ("upper quarter", 0.75))
    ]
    worst = names[order[0]]
    rows = [("least", float(share[order[0]]), worst), *rows]
    rows.append(("mean", Clusters(np.arange(len(names))).mean(share), ""))
    return Table("People", (("Accuracy of a person", "text"), ("", "rate"), ("Who", "text")),
                 tuple(rows), f"{len(names)} people, each counts once.")  # fmt: skip


def _reliability(p: Doubles, came: Doubles) -> Plot:
    x, y, _ = reliability(p, came)
    line = Curve("as stated", np.array([0.0, 1.0]), np.array([0.0, 1.0]), style="dashed")
    return Plot("Reliability", "probability stated", "share right", (Curve("answers", x, y), line),
                percent=(True, True), caption="Below the dashed line: overconfident.")  # fmt: skip


def _numbers(
    answers: Sequence[Prediction],
    task: str,
    limits: tuple[float, float] | None,
    bands: tuple[float, ...],
) -> tuple[tuple[Fact, ...], tuple[Table, ...], tuple[Plot, ...]]:
    outside = [a.truth for a in answers if limits and not limits[0] <= float(a.truth) <= limits[1]]
    if limits and outside:
        raise MienError(
            f"{len(outside)} truths of {task} are outside {limits[0]:g} to {limits[1]:g} (the "
            f"first is {outside[0]}); correct the labels or the range."
        )
    seen = [a for a in answers if a.predicted is not None]
    truth = np.array([float(a.truth) for a in seen])
    predicted = np.array([_number(a.predicted or "") for a in seen], np.float64)
    if np.isnan(predicted).any():
        raise MienError(f"Not every answer for {task} is a number; correct the column predicted.")
    clusters, error = clusters_of(seen), predicted - truth
    facts = [
        Fact(
            "mean absolute error", clusters.mean(np.abs(error)), "number", "in units of the label"
        ),
        Fact("bias", clusters.mean(error), "number", "above 0: predicted too high"),
        Fact("root mean square error", Estimate(float(np.sqrt(np.mean(error**2)))), "number", ""),
        Fact("concordance", Estimate(concordance(truth, predicted)), "number", "Lin; 1 is perfect"),
        Fact("ICC(2,1)", Estimate(icc(np.stack([truth, predicted], 1))), "number", "agreement"),
    ]
    if task == "age" and 2 <= np.sum(truth >= ADULT) < len(truth):
        adults = np.flatnonzero(truth >= ADULT)
        some = clusters_of([seen[k] for k in adults.tolist()])
        facts.insert(0, Fact(f"mean absolute error from {ADULT:g} years",
                             some.mean(np.abs(error[adults])), "number", "adults"))  # fmt: skip
    lost = clusters_of(answers).share(np.array([a.predicted is None for a in answers]))
    facts.append(Fact("no answer", lost, "rate", "images without a face"))
    inside = np.array([inside_of(a, t) for a, t in zip(seen, truth, strict=True)])
    if not np.isnan(inside).all():
        stated = np.flatnonzero(~np.isnan(inside))
        held = clusters_of([seen[k] for k in stated.tolist()]).share(inside[stated] > 0)
        meaning = "should equal the level of the interval"
        facts.append(Fact("truth in the stated interval", held, "rate", meaning))
    edges = np.array(bands) if bands else np.unique(np.quantile(truth, np.linspace(0, 1, 6)))
    table = by_bands(seen, truth, (error, inside), edges, "truth")
    tables = [table, by_bands(seen, predicted, (error, inside), edges, "answer")]
    if bands:  # each band has the same weight, however many images it has
        means = [row[2].value for row in table.rows if isinstance(row[2], Estimate)]
        balanced = Estimate(float(np.mean(means)))
        facts.append(Fact("balanced absolute error", balanced, "number", "mean of the bands"))
    ends_of = np.array([truth.min(), truth.max()])
    plot = Plot("Predicted against truth", "truth", "predicted",
                (Curve("answers", truth, predicted, style="dots"),
                            Curve("equal", ends_of, ends_of, style="dashed")))  # fmt: skip
    values = {"Absolute error": np.abs(error), "Bias": error}
    if groups := group_table(seen, values, "number", inside):
        tables.append(groups)
    return tuple(facts), tuple(tables), (plot,)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
