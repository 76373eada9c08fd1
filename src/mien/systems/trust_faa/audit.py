"""One report on a facial affect head: fairness, calibration, robustness, explanation, leakage."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.audit import counted, read_chips
from mien.contracts import ChipHead, Samples, Scope, Subject, silent
from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Estimate
from mien.metrics.fairness import holm
from mien.metrics.findings import Fact, Findings, Kind, Table
from mien.systems.trust_faa import attacked, sections
from mien.systems.trust_faa.answers import LEAST, Answers, bands, group_columns, outputs, pooled
from mien.systems.trust_faa.counterfactual import changed_faces
from mien.systems.trust_faa.fairness import compare, mean_error
from mien.systems.trust_faa.gates import Gate, gate_table, risk_of
from mien.systems.trust_faa.membership import member_rows
from mien.systems.trust_faa.retraining import retraining
from mien.types import Device, Doubles, OnStep, Pixels, Reading

Rows = NDArray[np.int64]
STATEMENT = (
    "A face shows an expression, not an emotion; an age estimate is not an age. Passing all gates "
    "certifies nothing about inner states or about people who are not in the data.",
    "Group labels are those of the data set, perceived by others. None was inferred here.",
    "Inferring emotions at work or in education is prohibited in the European Union (Regulation "
    "2024/1689, article 5); elsewhere people must be informed (article 50).",
    "Attacks by answers are a lower bound: who knows the weights finds stronger ones.",
    "Counterfactual faces are rendered, and a renderer knows few styles.",
    "Promised coverage holds on average over people like these, and fails under another camera.",
)


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien audit trust-faa --set KEY=VALUE`."""

    groups: tuple[str, ...] = ()  # columns to compare; default: all labels, or the people
    level: float = 0.9  # coverage that prediction sets should have
    gap: float = 0.05  # largest difference of the error rate between groups
    gap_numbers: float = 1.0  # the same for numbers, in their unit
    rise: float = 0.1  # largest rise of the error rate under mild degradation
    rise_numbers: float = 2.0  # the same for numbers, in their unit
    batch: int = 128  # images in one call of the head
    degraded: int = 200  # images that are degraded
    explained: int = 16  # images that are explained
    attacked: int = 48  # images whose pixels are changed against the head
    steps: int = 100  # queries for each of them
    rendered: int = 4  # rendered people of whom one attribute changes
    members: str = ""  # text file with the images of the training, one per line; "": not known


class TrustReport:
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
        """Run the head on every image, and on degraded and occluded ones.

        Raises:
            TooFewTrialsError: fewer than 30 images show a face and have a label.
            MienError: no label column fits the head, or probabilities do not sum to 1.
        """
        subject, counter = counted(subject, scope)
        cut = read_chips(subject, data, counter.crop, on_step)
        if len(cut.chips) < LEAST:
            raise TooFewTrialsError(
                f"{len(cut.chips)} faces are too few for a trust report; give {LEAST} or more."
            )
        head = Head(counter, options.batch, cut.chips)
        everybody, kept = _answers(head, cut.chips, data, cut.rows, options)
        inside = member_rows(data, cut.rows[kept], options.members)
        answers, chips = everybody.rows(~inside), cut.chips[kept][~inside]
        if len(chips) < LEAST:
            raise TooFewTrialsError(
                f"{len(chips)} images were not in the training; a trust report needs {LEAST} or "
                "more of those."
            )
        on_step("sections", 1, 7)
        tables: list[Table] = []
        gates: list[Gate] = []
        found = [compare(answers, column, scope.seed) for column in answers.groups]
        compared = [one for one in found if one is not None]
        adjusted = holm([one.p for one in compared])
        compared = [replace(one, p=p) for one, p in zip(compared, adjusted, strict=True)]
        limits = (options.gap, options.rise)
        if not answers.classes:
            limits = (options.gap_numbers, options.rise_numbers)
        column = max(compared, key=lambda one: one.gap.value).column if compared else None
        sections.fairness(answers, compared, limits[0], tables, gates)
        sections.uncertainty(answers, column, options.level, scope.seed, tables, gates)
        on_step("sections", 2, 7)
        some = _spaced(len(chips), options.degraded)
        sections.robustness(head, answers.rows(some), chips[some], column, limits[1], scope.seed,
                            tables, gates)  # fmt: skip
        on_step("sections", 3, 7)
        few = _spaced(len(chips), options.explained)
        sections.explanation(head, answers.rows(few), chips[few], scope.seed, gates)
        slope = attacked.gradient_of(subject.model)
        attacked.gradients(head, slope, answers.rows(few), chips[few], scope.seed, gates)
        on_step("sections", 4, 7)
        some = _spaced(len(chips), options.attacked)
        attacked.attacks(head, slope, answers.rows(some), chips[some], options.steps, limits[1],
                         scope.seed, tables, gates)  # fmt: skip
        on_step("sections", 5, 7)
        pairs = changed_faces(options.rendered, counter.crop, scope.seed)
        attacked.counterfactual(head, answers.classes, pairs, limits[0], tables, gates)
        on_step("sections", 6, 7)
        kind: Kind = "rate" if answers.classes else "number"
        again = retraining(subject.model.name, gates, list(answers.groups), kind)
        tables += [] if again is None else [again]
        sections.privacy(answers, scope.seed, gates)
        attacked.members(everybody, inside, scope.seed, tables, gates)
        on_step("sections", 7, 7)
        return _findings(
            subject, data, scope, answers, head, [gate_table(gates), *tables], gates, len(inside)
        )


class Head:
    """The head as a function of chips: its classes or its one number."""

    def __init__(self, model: ChipHead, batch: int, chips: Pixels) -> None:
        self._model, self._batch = model, batch
        [first] = model(chips[:1])
        self.task, self.unit = first.task, first.unit
        self.classes: tuple[str, ...] = tuple(first.values) if first.unit == "probability" else ()
        if not self.classes and len(first.values) != 1:
            raise MienError(
                f"A trust report reads probabilities or one number, but '{first.task}' has "
                f"{len(first.values)} values in {first.unit}."
            )
        self.number = next(iter(first.values)) if not self.classes else ""

    def readings(self, chips: Pixels) -> list[Reading]:
        """Return one reading per chip."""
        found: list[Reading] = []
        for start in range(0, len(chips), self._batch):
            found += self._model(chips[start : start + self._batch])
        return found

    def __call__(self, chips: Pixels) -> Doubles:
        """(N, S, S, 3) chips -> (N, K) probabilities or (N, 1) numbers."""
        return outputs(self.readings(chips), self.classes, self.number)

    def interval(self, readings: list[Reading]) -> Doubles | None:
        """(N, 2) stated intervals of a number; None if there are none."""
        if self.classes:
            return None
        ends = [(r.low or {}, r.high or {}) for r in readings]
        if any(self.number not in side for pair in ends for side in pair):
            return None
        return np.array([[low[self.number], high[self.number]] for low, high in ends])


def _answers(
    head: Head, chips: Pixels, data: Samples, rows: Rows, options: Options
) -> tuple[Answers, NDArray[np.bool_]]:
    """The answers of the images that have a label the head knows; and which images these are."""
    if head.task not in data.labels:
        raise MienError(
            f"The head answers '{head.task}', but the data have no such labels; they have: "
            f"{', '.join(data.labels) or 'none'}. Name their --layout."
        )
    truth = np.array([_truth(data.labels[head.task][row], head.classes) for row in rows])
    readings = head.readings(chips)
    output = outputs(readings, head.classes, head.number)
    kept = ~np.isnan(truth) & ~np.isnan(output).any(1)
    if kept.sum() < LEAST:
        raise TooFewTrialsError(
            f"{int(kept.sum())} images have a face and a label of '{head.task}'; a trust report "
            f"needs {LEAST} or more."
        )
    people = np.array([data.people[row] if data.people else "" for row in rows])
    alone = np.array([f"image {row}" for row in rows])
    columns = group_columns(data, rows, head.task, options.groups)
    interval = head.interval(readings)
    if not head.classes:
        columns[f"{head.task} band"] = pooled(bands(np.nan_to_num(truth)))
    whole = Answers(
        head.classes,
        output,
        np.nan_to_num(truth).astype(np.int64) if head.classes else truth,
        np.where(people == "", alone, people),
        columns,
        interval,
    )
    return whole.rows(kept), kept


def _truth(label: str, classes: tuple[str, ...]) -> float:
    """Number of the class, or the value; NaN for an image without a label the head knows."""
    if classes:
        return float(classes.index(label)) if label in classes else float("nan")
    try:
        return float(label)
    except ValueError:
        return float("nan")


def _spaced(count: int, most: int) -> NDArray[np.bool_]:
    chosen = np.zeros(count, bool)
    chosen[np.linspace(0, count - 1, min(most, count)).round().astype(int)] = True
    return chosen


def _findings(
    subject: Subject,
    data: Samples,
    scope: Scope,
    answers: Answers,
    head: Head,
    tables: list[Table],
    gates: list[Gate],
    count: int,
) -> Findings:
    counts = {verdict: sum(g.verdict == verdict for g in gates)
              for verdict in ("fail", "warn", "pass", "not assessed")}  # fmt: skip
    error = mean_error(answers.loss, answers.people, answers.classes)
    kind: Kind = "rate" if answers.classes else "number"
    headline = [
        Fact("error rate" if answers.classes else f"mean absolute error, {head.unit}", error, kind,
             "all groups together"),
        *(Fact(f"gates: {verdict}", Estimate(float(count)), "count", "see the table")
          for verdict, count in counts.items()),
    ]  # fmt: skip
    lost = len(data.pictures) - count
    warnings = []
    if lost:
        warnings.append(
            f"{lost} of {len(data.pictures)} images show no face or have no label of the head, "
            "and are left out."
        )
    if not data.people:
        warnings.append(
            "Nobody is named, so each image counts as a person of its own: several images of one "
            "person make the intervals too narrow."
        )
    return Findings(
        f"Trust report on {subject.model.name}: {head.task}",
        f"{len(answers.truth):,} images of {len(np.unique(answers.people)):,} people, {data.name}.",
        tuple(headline),
        tuple(tables),
        warnings=tuple(warnings),
        notes=STATEMENT,
        basis=(
            ("Read by", subject.label),
            ("Data", data.name),
            ("Purpose", scope.purpose or "not stated"),
        ),
        risk=risk_of(gates),
    )
