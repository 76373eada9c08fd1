"""How far the geometry of a matcher lets a face of another appearance pass as an enrolled one.

Vectors are computed; with the option `decoded`, faces of rendered people also, which are not saved.
"""

from dataclasses import replace

import numpy as np

from mien.audit import counted, read_chips
from mien.contracts import Samples, Scope, Subject, silent
from mien.errors import TooFewTrialsError
from mien.metrics import Estimate
from mien.metrics.findings import (
    Cell,
    Curve,
    Fact,
    Findings,
    Plot,
    Risk,
    Table,
    graded,
    mitigation_table,
)
from mien.systems.subspheres.answers import ANSWERS, CAPS, ROUNDED
from mien.systems.subspheres.geometry import LEAST
from mien.systems.subspheres.measure import SEPARABLE, VALUES, Found, Options, Trials, measure
from mien.systems.subspheres.people import enrolled_people
from mien.systems.subspheres.realise import decoded_faces, decoded_table, embedded
from mien.systems.subspheres.scores import LIMITS, attack_scores, score_findings
from mien.types import Device, OnStep


class AttributeSubspheres:
    """README.md beside this file is its card."""

    needs = frozenset({"embedder"})
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
        """Fit subspheres of each value of an attribute, and try them on enrolled people.

        Args:
            subject: the matcher.
            data: pictures of many people with the attribute as label. People with two pictures
                or more are enrolled only if the scope has their consent.
            scope: limits the queries; consent of people who are enrolled.
            options: attribute, dimensions, operating point.
            on_step: called after each picture and each value.

        Raises:
            TooFewTrialsError: fewer than 30 faces of each value, or too few strangers for the FMR.
            MienError: no labels; vectors that are too short, zero or not finite.
        """
        subject, counter = counted(subject, scope)
        task, words = _labels(data, options.attribute)
        cut = read_chips(subject, data, counter.crop, on_step)
        keep = np.array([words[row] != "" for row in cut.rows], bool)
        chips, rows = cut.chips[keep], cut.rows[keep]
        if len(chips) < 3 * LEAST:
            raise TooFewTrialsError(
                f"{len(chips)} labelled faces are too few; give {3 * LEAST} or more."
            )
        vectors = embedded(counter, chips)
        names = np.array([data.people[row] or f"image {row}" if data.people else f"image {row}"
                          for row in rows])  # fmt: skip
        if hasattr(counter, "score"):  # mien.audit.matcher_of: a matcher without vectors
            values = np.array([words[row] for row in rows])
            only = attack_scores(
                counter, chips, vectors, values, names, options, scope.seed, on_step
            )
            return score_findings(subject, data, scope, options, task, only)
        found = measure(
            vectors, np.array([words[row] for row in rows]), names,
            enrolled_people(counter, vectors, names, options.people, scope),
            options, scope.seed, on_step,
        )  # fmt: skip
        report = findings(subject, data, scope, options, task, found)
        if options.decoded:
            faces = decoded_faces(
                counter, found, options.dimensions, options.decoded, scope.seed, on_step
            )
            report = replace(report, tables=(*report.tables, decoded_table(faces)))
        return report


def _labels(data: Samples, wanted: str) -> tuple[str, list[str]]:
    """The attribute and the label of each picture; numbers become thirds."""
    if not data.labels or (wanted and wanted not in data.labels):
        there = ", ".join(data.labels) or "none"
        raise TooFewTrialsError(
            f"The pictures have no label '{wanted or 'attribute'}'; labels are: {there}. Give a "
            "folder with labels, such as --layout utkface."
        )
    task = wanted or next(iter(data.labels))
    words = list(data.labels[task])
    known = [word for word in words if word]
    if len(set(known)) > VALUES and all(word.replace(".", "", 1).isdigit() for word in known):
        low, high = np.quantile([float(word) for word in known], [1 / 3, 2 / 3])
        words = [_third(word, low, high) for word in words]
    return task, words


def _third(word: str, low: float, high: float) -> str:
    if not word:
        return ""
    value = float(word)
    if value <= low:
        return f"up to {low:g}"
    return f"above {high:g}" if value > high else f"{low:g} to {high:g}"


def findings(
    subject: Subject, data: Samples, scope: Scope, options: Options, task: str, found: Found
) -> Findings:
    """Write down what was measured; the risk rests on the worse of the two attacks."""
    arms = found.sweep[options.dimensions]
    success, chance = arms.small.share("kept"), arms.cap.share("kept")
    above = Estimate(success.value - chance.value, max(0.0, success.low - chance.value),
                     success.high - chance.value, success.trials, success.people)  # fmt: skip
    separable = [value for value in found.values if value.accuracy >= SEPARABLE]
    asked = found.by_answer[ANSWERS[0]]
    notes = (
        f"Threshold: cosine {found.threshold:.3f}, FMR {options.fmr:g} on strangers of the data.",
        f"{found.enrolled.skipped} people with two pictures were not enrolled: no consent was "
        "given.",
        "A point of the sphere is not yet a face (option decoded), and a liveness gate is not part "
        "of this geometry.",
        "Testing a system without the authority of its owner is unlawful in many countries.",
    )
    return Findings(
        "Attribute subspheres: can a face of another appearance pass?",
        f"Attribute '{task}': {', '.join(v.name for v in found.values)}; "
        f"{len(found.enrolled.names)} enrolled people, {options.dimensions} dimensions.",
        (
            Fact("matches and keeps the attribute", success, "rate", "small subsphere"),
            Fact("random subsphere about the mean", chance, "rate", "null: matches and keeps"),
            Fact("great subsphere", arms.great.share("kept"), "rate", "ablation"),
            Fact("scores only: matches", asked.share("score"), "rate",
                 f"one fixed batch of {options.probes} pictures, any appearance"),
            Fact("scores only: keeps the attribute", asked.share("kept"), "rate", "same batch"),
        ),
        (_value_table(found), _sweep_table(found), *_mitigations(found)),
        (_histogram(arms.small, arms.cap, found.threshold),),
        warnings=(*found.warnings,
                  *(() if separable else ("No value is separable: a low result is not safe.",)),
                  "A low level says nothing about presentation, morphing or injection attacks."),
        notes=notes,
        basis=(("Matcher", subject.label), ("Data", data.name),
               ("Purpose", scope.purpose or "not stated")),
        risk=worse(
            graded(above, LIMITS, "Success with another attribute, above a random subsphere,"),
            graded(asked.share("score"), LIMITS, "What scores of fixed pictures match"),
        ),
    )  # fmt: skip


def worse(one: Risk, other: Risk) -> Risk:
    """The higher of two risks: scores that give a vector away are one, whatever it shows."""
    levels = ("none found", "low", "medium", "high")
    return max(one, other, key=lambda risk: levels.index(risk.level))


def _value_table(found: Found) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (value.name, len(value.faces), value.accuracy,
         *(found.by_value[value.name].small.share(name) for name in ("score", "kept")),
         found.by_value[value.name].great.share("kept"),
         found.by_value[value.name].cap.share("kept"))
        for value in found.values
    ]  # fmt: skip
    return Table(
        "By value of the attribute",
        (("Value", "text"), ("Faces", "count"), ("Probe", "number"), ("Matches", "rate"),
         ("Keeps it", "rate"), ("Great: keeps", "rate"), ("Null: keeps", "rate")),
        tuple(rows),
        "Probe: balanced accuracy of reading the attribute from vectors of other people.",
    )  # fmt: skip


def _sweep_table(found: Found) -> Table:
    width = found.enrolled.first.shape[1]
    rows: list[tuple[Cell, ...]] = [
        (k, *(arms.small.share(name) for name in ("score", "kept", "second")),
         arms.small.mean, arms.cap.share("score"), arms.cap.mean, arms.random.mean,
         float(np.sqrt(k / width)))
        for k, arms in found.sweep.items()
    ]  # fmt: skip
    return Table(
        "By dimensions",
        (("k", "count"), ("Matches", "rate"), ("Keeps it", "rate"), ("Second picture", "rate"),
         ("Cosine", "number"), ("Null: matches", "rate"), ("Null: cosine", "number"),
         ("Random: cosine", "number"), ("sqrt(k/D)", "number")),
        tuple(rows),
        "Null: a random subsphere about the mean of all faces; what it reaches is geometry, the "
        "rest is structure of the attribute. Random: through the origin.",
    )  # fmt: skip


def _mitigations(found: Found) -> tuple[Table, Table]:
    costs = {
        ANSWERS[0]: "",
        **dict.fromkeys(ROUNDED, "ranks are coarse"),
        **dict.fromkeys(CAPS, "honest retries count"),
    }
    trials = [(name, one, costs.get(name, "see the server guide"))
              for name, one in found.by_answer.items()]  # fmt: skip
    trials.append(("attributes must agree", found.consistent,
                   "misread people"))  # fmt: skip
    if found.stricter is not None:
        rate, strict = found.stricter
        trials.append((f"threshold at FMR {rate:g}", strict, "more false non-matches"))
    any_face = mitigation_table(
        "Scores only: matches", [(name, one.share("score"), cost) for name, one, cost in trials]
    )
    kept = mitigation_table(
        "Scores only: keeps it", [(name, one.share("kept"), cost) for name, one, cost in trials]
    )
    return any_face, replace(kept, title="Mitigations, attribute kept")


def _histogram(small: Trials, null: Trials, threshold: float) -> Plot:
    curves = []
    edges = np.arange(0, 95, 5.0)
    for name, trials in (("subsphere", small), ("null about the mean", null)):
        angles = np.degrees(np.arccos(np.clip(trials.cosine, -1, 1)))
        share = np.histogram(angles, edges)[0] / max(len(angles), 1)
        curves.append(Curve(name, edges[:-1] + 2.5, share, style="steps"))
    at = float(np.degrees(np.arccos(np.clip(threshold, -1, 1))))
    top = max(float(curve.y.max()) for curve in curves)
    curves.append(Curve("threshold", np.array([at, at]), np.array([0.0, top]), style="dashed"))
    return Plot("Angle to the enrolled face", "degrees", "share", tuple(curves),
                percent=(False, True))  # fmt: skip
