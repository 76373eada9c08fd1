"""How well a model names expressions of learners: recall by label, refusals, people apart."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mien.audit import counted, read_chips
from mien.audit.subjects import head_of
from mien.contracts import Samples, Scope, Subject, silent
from mien.errors import TooFewTrialsError
from mien.metrics import Clusters, Estimate, calibration_error
from mien.metrics.findings import Cell, Fact, Findings, Table, graded
from mien.systems.academic_vlm.asking import Classifier
from mien.types import Device, OnStep

LEAST, BATCH, SIDE = 6, 32, 448  # images; of one call; px of a face that is shown to a model
SAME = {"enjoyment": "happy", "fatigue": "tired", "confusion": "confused",
        "distraction": "distracted"}  # fmt: skip
NO_ANSWER = "no answer"
LIMITS = (0.2, 0.4, 0.6)  # of the error, for low, medium and high
NOTES = (
    "Labels are what is visible; confusion can be concentration, tiredness a disability or poor "
    "light.",
    "No answer (refused, unparsed, no face) counts as an error and is listed apart.",
    "The law of the European Union forbids the inference of emotions in education and at work, "
    "except for medical or safety reasons. No grading, discipline or attendance.",
)


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien audit academic-vlm --set KEY=VALUE`."""

    label: str = "expression"  # task of the labels of the data


class AcademicAudit:
    """README.md beside this file is its card."""

    needs = frozenset({"chip-head"})
    options = Options

    def __init__(self, *, name: str, digest: str = "", device: str = "cpu") -> None:
        self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

    def __call__(
        self,
        subject: Subject,
        data: Samples,
        scope: Scope,
        options: Options,
        /,
        on_step: OnStep = silent,
    ) -> Findings:
        """Compare the first label of the subject with the labels of the data.

        Raises:
            TooFewTrialsError: fewer than 6 labelled images.
        """
        truth = labels_of(data, options)
        rows = [row for row, label in enumerate(truth) if label]
        if len(rows) < LEAST:
            raise TooFewTrialsError(f"{len(rows)} labelled images are too few; give {LEAST}.")
        subject, head = counted(subject, scope)
        cut = read_chips(subject, data, head.crop, on_step)
        named, stated = [NO_ANSWER] * len(truth), [0.0] * len(truth)
        for start in range(0, len(cut.chips), BATCH):
            readings = head(cut.chips[start : start + BATCH])
            for row, reading in zip(cut.rows[start : start + BATCH], readings, strict=True):
                if reading.values:
                    named[row] = max(reading.values, key=reading.values.__getitem__)
                    stated[row] = reading.values[named[row]]
            on_step("answers", min(start + BATCH, len(cut.chips)), len(cut.chips))
        people = data.people or tuple(str(k) for k in range(len(truth)))
        found = _findings(subject, data, scope, truth, named, people, rows)
        return replace(found, notes=(*found.notes, *_calibration(truth, named, stated, rows)))


def _calibration(
    truth: list[str], named: list[str], stated: list[float], rows: list[int]
) -> tuple[str, ...]:
    """How far stated shares are from being right; nothing if all are votes of one call."""
    answered = [row for row in rows if named[row] != NO_ANSWER]
    if all(stated[row] == 1 for row in answered):
        return ()
    right = [named[row] == truth[row] for row in answered]
    error = calibration_error([stated[row] for row in answered], right)
    return (f"Shares of the named label miss the share of right answers by {error:.3f} on average "
            f"(expected calibration error, {len(answered)} answers).",)  # fmt: skip


def labels_of(data: Samples, options: Options) -> list[str]:
    """The label of each image in the words of the prompts; "": none."""
    column = data.labels.get(options.label) or next(iter(data.labels.values()), ())
    return [SAME.get(label, label) for label in column] or [""] * len(data.pictures)


def subject_of(classifier: Classifier) -> Subject:
    """A vision-language model as the subject of this audit; it is asked for each face."""
    return head_of(classifier, task="academic-expression", name=classifier.name, size=SIDE)


def _findings(
    subject: Subject, data: Samples, scope: Scope, truth: list[str], named: list[str],
    people: tuple[str, ...], rows: list[int],
) -> Findings:  # fmt: skip
    right = np.array([truth[row] == named[row] for row in rows])
    silent_ = np.array([named[row] == NO_ANSWER for row in rows])
    who = [people[row] or str(row) for row in rows]
    accuracy, lost = Clusters(who).share(right), Clusters(who).share(silent_)
    labels = sorted({truth[row] for row in rows})
    answers = [*labels, *sorted({named[row] for row in rows} - {*labels, NO_ANSWER}), NO_ANSWER]
    recalls, table = [], list[tuple[Cell, ...]]()
    for label in labels:
        mine = [k for k, row in enumerate(rows) if truth[row] == label]
        recalls.append((label, len(mine), Clusters([who[k] for k in mine]).share(right[mine])))
        counts: Mapping[str, int] = {
            one: sum(named[rows[k]] == one for k in mine) for one in answers
        }
        table.append((label, *(counts[one] for one in answers)))
    error = Estimate(1 - accuracy.value, 1 - accuracy.high, 1 - accuracy.low, accuracy.trials,
                     accuracy.people, accuracy.reason)  # fmt: skip
    return Findings(
        f"Expressions of learners, named by {subject.model.name}",
        f"{len(rows)} labelled faces of {len(set(who))} people; intervals count people.",
        (Fact("accuracy", accuracy, "rate", "no answer is an error"),
         Fact(NO_ANSWER, lost, "rate", "refused, unparsed, or no face")),
        (
            Table("Recall by label",
                  (("Label", "text"), ("Faces", "count"), ("Recall", "rate")), tuple(recalls)),
            Table("Answers", (("Label", "text"), *((one, "count") for one in answers)),
                  tuple(table), "Rows are labels of the data, columns what was named."),
        ),
        warnings=("These labels must not be used on a single learner.",),
        notes=NOTES,
        basis=(("Read by", subject.label), ("Data", data.name),
               ("Purpose", scope.purpose or "not stated")),
        risk=graded(error, LIMITS, "The share of wrong or missing labels"),
    )  # fmt: skip
