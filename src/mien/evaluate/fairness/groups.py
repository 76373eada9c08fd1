"""Performance by group: failure rates for the groups that the labels of the data define.

Groups are never inferred from an image: without labels there is no report.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.datasets.labels import Labelled
from mien.datasets.spreadsheets import rows_of
from mien.errors import ImageError, MienError
from mien.evaluate.originals import require_originals
from mien.evaluate.verification.trial_set import Compared, subset
from mien.media import read_image
from mien.metrics import Clusters, Estimate, Groups, compare_groups
from mien.metrics.fairness import LEAST_PEOPLE
from mien.metrics.findings import Cell, Curve, Fact, Findings, Kind, Plot, Table
from mien.metrics.trials import Flags
from mien.photo import Pipeline
from mien.types import OnStep

AGES = (3, 13, 20, 40, 60)  # first year of each band but the first
COMMON = 12  # sentences of advice in the table
FRAMING = "Move the camera"  # advice about the crops of a data set; counted separately

NOTES = (
    "Groups are labels of the data set; none is inferred from an image. "
    "They are coarse, and unlabelled properties are not covered.",
    "A difference on one set of images mixes the tool with how the images were taken; "
    "an even result here does not prove an even tool elsewhere.",
    f'Advice about framing ("{FRAMING}") is not in the rate of advice: crops were cut by '
    "the makers of the data.",
    "Groups are called different if they differ from all others together, with Holm's "
    "correction: among sets without any difference at most one in twenty is named.",
)


@dataclass(frozen=True, slots=True)
class DetectionOutcome:
    """The detection result of one labelled image."""

    picture: Labelled
    found: bool
    advice: tuple[str, ...]  # sentences of the quality check, without their numbers


def assess_pictures(
    pictures: Sequence[Labelled], pipeline: Pipeline, on_step: OnStep | None = None
) -> list[DetectionOutcome]:
    """Find and assess the main face of each image.

    Raises:
        MadeImageError: images are declared as made by a program.
    """
    require_originals(one.path for one in pictures)
    outcomes = []
    for number, one in enumerate(pictures, 1):
        try:
            face = pipeline.main_face(read_image(one.path))
        except ImageError:
            face = None
        advice = face.quality.advice if face and face.quality else ()
        short = tuple(re.split(r"[:]", sentence)[0].rstrip(".") for sentence in advice)
        outcomes.append(DetectionOutcome(one, face is not None, short))
        if on_step:
            on_step("faces", number, len(pictures))
    return outcomes


def failures_by_group(
    outcomes: Sequence[DetectionOutcome],
    tasks: Sequence[str],
    *,
    data: str,
    basis: tuple[tuple[str, str], ...] = (),
    least: int = LEAST_PEOPLE,
) -> Findings:
    """Compute failures to detect and poor quality, by each kind of label.

    Args:
        outcomes: of labelled images.
        tasks: kinds of labels, such as gender, age, race; ages become bands.
        data: which images these are, in a sentence.
        basis: models, command line, ...
        least: people (or images, where people are unknown) that a group needs.

    Raises:
        MienError: no image has such a label.
    """
    tables, plots, headline, warnings = [], [], [], []
    for task in tasks:
        chosen = [one for one in outcomes if task in one.picture.labels]
        if not chosen:
            known = ", ".join(sorted({k for one in outcomes for k in one.picture.labels})) or "none"
            raise MienError(f"No image has a label '{task}'; there are {known}.")
        lost, poor = _failures(task, chosen, least)
        tables.append(_table(task, lost, poor))
        plots += [_forest(f"No face found, by {task}", lost), _forest(f"Advice, by {task}", poor)]
        headline += [_worst(f"no face, by {task}", lost), _worst(f"advice, by {task}", poor)]
        without = len(outcomes) - len(chosen)
        if without:
            warnings.append(f"Images without a label '{task}', not in its table: {without}.")
    tables += [_advice(outcomes, task) for task in tasks]
    return Findings(
        "Performance by group: face detection and image quality",
        f"Failures to find a face and to get a good image of it, on {len(outcomes):,} images of "
        f"{data}, by the labels of the data set.",
        tuple(headline),
        tuple(tables),
        tuple(plots),
        tuple(warnings),
        NOTES,
        basis,
    )


def _failures(task: str, chosen: Sequence[DetectionOutcome], least: int) -> tuple[Groups, Groups]:
    """Faces not found, and advice other than framing where one was found, by group."""
    group = [_band(task, one.picture.labels[task]) for one in chosen]
    people = [one.picture.person or str(k) for k, one in enumerate(chosen)]
    lost = _compared(group, people, np.array([not one.found for one in chosen]), least)
    seen = [k for k, one in enumerate(chosen) if one.found]
    advised = np.array([bool(set(chosen[k].advice) - {FRAMING}) for k in seen])
    poor = _compared([group[k] for k in seen], [people[k] for k in seen], advised, least)
    return lost, poor


def rates_by_group(
    compared: Compared,
    threshold: float,
    name: str,
    *,
    data: str,
    basis: tuple[tuple[str, str], ...] = (),
    least: int = LEAST_PEOPLE,
) -> Findings:
    """Compute false matches within groups and misses by group, at one operational threshold.

    Args:
        compared: with a group for each pair; pairs of two groups are left out.
        threshold: set before, on other people.
        name: of that threshold, such as fmr1e-3.
        data: which images these are, in a sentence.
        basis: models, command line, ...
        least: people that a group needs for a verdict.
    """
    if not compared.groups:
        raise MienError("No pair has a group; name the groups in a table (--labels) or the list.")
    label = np.array(compared.groups)
    kinds: dict[str, Groups] = {}
    for kind, same in (("FMR within the group", False), ("FNMR", True)):
        wrong: dict[str, Flags] = {}
        clusters: dict[str, Clusters] = {}
        for group in sorted(set(label.tolist()) - {""}):
            t = subset(compared, (label == group) & (compared.trials.same == same)).trials
            keep = ~t.failed | same
            if keep.any():
                wrong[group] = ((t.similarity > threshold) != same)[keep]
                clusters[group] = Clusters(t.first[keep], t.second[keep])
        kinds[kind] = compare_groups(wrong, clusters, least)
    tables = [_table_of(kind, found) for kind, found in kinds.items()]
    plots = [_forest(kind, found) for kind, found in kinds.items()]
    return Findings(
        "Performance by group: verification errors",
        f"{data}: both errors by group at the threshold {name} = {threshold:.4f}.",
        tuple(_worst(kind, found) for kind, found in kinds.items()),
        tuple(tables),
        tuple(plots),
        notes=(
            "ISO/IEC 19795-10 asks for error rates by group at operational thresholds. Impostors "
            "are of the same group, since these are the most similar strangers.",
            "Spread: highest rate over the geometric mean of all, at least 1 (NIST IR 8429).",
        ),
        basis=basis,
    )


def with_groups(compared: Compared, path: Path) -> Compared:
    """The trials with the groups of a table; pairs of two groups have none.

    Raises:
        MienError: no person of the table is among these people.
    """
    of = groups_in(path)
    if not set(of) & set(compared.names):
        raise MienError(
            f"{path} names none of these {len(compared.names)} people (such as "
            f"{compared.names[0]}); pass the table that belongs to them."
        )
    group = np.array([of.get(name, "") for name in compared.names])
    first, second = group[compared.trials.first], group[compared.trials.second]
    return replace(compared, groups=tuple(np.where(first == second, first, "").tolist()))


def groups_in(path: Path) -> dict[str, str]:
    """Group of each person: CSV with person and group.

    Raises:
        MienError: a person is in two groups, or a column is missing.
    """
    found: dict[str, str] = {}
    for line, row in enumerate(rows_of(path, ("person", "group")), 2):
        if found.setdefault(row["person"], row["group"]) != row["group"]:
            raise MienError(
                f"{path}, line {line}: {row['person']} is in the groups {found[row['person']]} and "
                f"{row['group']}; each person is in one."
            )
    return found


def _compared(group: Sequence[str], people: Sequence[str], wrong: Flags, least: int) -> Groups:
    label, who = np.array(group), np.array(people)
    names = sorted(set(group), key=_natural)
    return compare_groups(
        {name: wrong[label == name] for name in names},
        {name: Clusters(who[label == name]) for name in names},
        least,
    )


def _band(task: str, text: str) -> str:
    """Map ages in years to bands; every other label stays."""
    if task != "age" or not text.isdigit():
        return text
    age = int(text)
    edges = [0, *AGES]
    low = max(edge for edge in edges if edge <= age)
    later = [edge for edge in edges if edge > low]
    return f"{low}-{later[0] - 1}" if later else f"{low}+"


def _natural(name: str) -> tuple[int, str]:
    number = re.match(r"\d+", name)
    return (int(number[0]) if number else -1, name)


def _table(task: str, lost: Groups, poor: Groups) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, rate in lost.rates.items():
        mark = "too few" if name in lost.small else "different" if name in lost.apart else ""
        other = "different" if name in poor.apart else ""
        rows.append((name, rate.people, rate, mark, poor.rates.get(name), other))
    return Table(
        f"By {task}",
        (
            (task, "text"),
            ("People or images", "count"),
            ("No face found", "rate"),
            ("", "text"),
            ("Advice on light, pose or focus", "rate"),
            ("", "text"),
        ),
        tuple(rows),
        f"No face found: {lost.verdict} Advice: {poor.verdict}",
    )


def _table_of(kind: str, found: Groups) -> Table:
    rows = tuple(
        (name, rate.people, rate.trials, rate,
         "too few" if name in found.small else "different" if name in found.apart else "")
        for name, rate in found.rates.items()
    )  # fmt: skip
    beside = f" No spread: {found.spread.reason}." if found.spread.reason else ""
    if found.spread.known:
        beside = f" Highest over geometric mean: {found.spread.value:.2f}."
    columns: tuple[tuple[str, Kind], ...] = (
        ("Group", "text"),
        ("People", "count"),
        ("Comparisons", "count"),
        (kind, "rate"),
        ("", "text"),
    )
    return Table(kind, columns, rows, found.verdict + beside)


def _worst(kind: str, found: Groups) -> Fact:
    if found.worst is None:
        nothing = Estimate(float("nan"), reason="groups are too small")
        return Fact(f"{kind}: no verdict", nothing, "rate", found.verdict)
    meaning = "differs from the others" if found.apart else "within chance"
    name = f"{kind}; worst: {found.worst}"
    return Fact(name, found.rates[found.worst], "rate", meaning)


def _forest(title: str, found: Groups) -> Plot:
    names = tuple(found.rates)
    x, low, high = (
        np.array([getattr(found.rates[n], key) for n in names]) for key in ("value", "low", "high")
    )
    curve = Curve("rate", x, np.arange(len(names), dtype=np.float64), low, high, "dots")
    return Plot(title, "rate", "", (curve,), names=names, percent=(True, False))


def _advice(outcomes: Sequence[DetectionOutcome], task: str) -> Table:
    """Frequency of each sentence of advice by group."""
    found = [one for one in outcomes if one.found and task in one.picture.labels]
    group = np.array([_band(task, one.picture.labels[task]) for one in found])
    names = sorted(set(group.tolist()), key=_natural)
    common = Counter(advice for one in found for advice in one.advice).most_common(COMMON)
    rows: list[tuple[Cell, ...]] = []
    for advice, _ in common:
        given = np.array([advice in one.advice for one in found])
        rows.append((advice, *(float(given[group == name].mean()) for name in names)))
    columns: list[tuple[str, Kind]] = [("Advice", "text"), *((name, "rate") for name in names)]
    caption = "Share of the images with a face for which the quality check gives this advice."
    return Table(f"Advice, by {task}", tuple(columns), tuple(rows), caption)
