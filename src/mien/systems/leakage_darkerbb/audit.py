"""How much of an enrolled face can be rebuilt from the scores of a matcher, and what stops it.

References are rendered people. Rebuilt faces stay in memory and are never written.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mien.audit import counted, read_chips
from mien.contracts import Embedder, Samples, Scope, Subject, silent
from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Clusters, Estimate, threshold_at_fmr
from mien.metrics.findings import Cell, Fact, Findings, Kind, Table, graded, mitigation_table
from mien.systems.leakage_darkerbb.ascent import (
    Basis,
    climb,
    eigenfaces,
    pixel_basis,
    random_basis,
)
from mien.systems.leakage_darkerbb.faces import (
    FRAME,
    Reference,
    chips_for,
    pixels,
    reference,
    vector_of,
)
from mien.types import Device, Doubles, Floats, OnStep
from mien.zoo import find, is_fetched, load

LEAST = 20  # faces of a basis
FMR = 0.01  # of strangers, at which a rebuilt face counts as a success
LIMITS = (0.01, 0.1, 0.5)  # lower ends from which the risk is low, medium, high
CAPS = (20, 50, 100, 300)  # queries per reference that are reported on the way
Shown = Callable[[Doubles, int], Doubles]  # what an attacker sees of (T,) scores, and the step


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien audit leakage-darkerbb --set KEY=VALUE`."""

    queries: int = 200  # scores that an attacker can ask for per enrolled person
    targets: int = 4  # rendered people who are attacked
    components: int = 128  # of the basis
    critic: str = ""  # card of a matcher that judges and is never asked by the attack
    noise: float = 0.05  # standard deviation of the noise on scores, as a mitigation


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A matcher with its threshold and the vectors of the references."""

    model: Embedder
    threshold: float
    enrolled: Floats  # (T, D)
    other: Floats  # (T, D)

    def scores(self, frames: Doubles, against: Floats) -> Doubles:
        """(T,) cosines of rebuilt faces with vectors."""
        vectors = self.model(chips_for(self.model.crop, pixels(frames)))
        return np.asarray(np.sum(vectors * against, axis=1), np.float64)

    def success(self, frames: Doubles, against: Floats) -> Estimate:
        """Share of targets whose rebuilt face matches at FMR."""
        hits = self.scores(frames, against) > self.threshold
        return Clusters(np.arange(len(hits))).share(hits)


class ScoreLeakage:
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
        """Attack the matcher with its own scores, with and without mitigations.

        Args:
            subject: the matcher.
            data: faces of the basis; none of them is attacked.
            scope: limits the queries.
            options: budget of the attack, number of people, critic.
            on_step: called before and after each variant.

        Raises:
            TooFewTrialsError: fewer than 20 faces for the basis.
            MienError: the critic is the matcher itself, or its weights are missing.
        """
        subject, counter = counted(subject, scope)
        cut = read_chips(subject, data, FRAME, on_step)
        if len(cut.chips) < LEAST:
            raise TooFewTrialsError(
                f"{len(cut.chips)} faces are too few for a basis; give {LEAST} or more."
            )
        flat = cut.chips.reshape(len(cut.chips), -1).astype(np.float64)
        basis = eigenfaces(flat, options.components)
        people = [reference(scope.seed * 1000 + k) for k in range(options.targets)]
        who = _people(data, cut.rows)
        own = _judge(counter, flat, who, people)
        critic = _critic(options.critic, subject, flat, who, people)
        before = counter.asked
        arms = _arms(own, basis, options, scope.seed, on_step)
        asked = (counter.asked - before) // max(len(arms) * options.targets, 1)
        return _findings(subject, data, scope, options, arms, (own, critic), (basis, asked))


def _people(data: Samples, rows: np.ndarray) -> list[str]:
    return [data.people[row] if data.people else f"image {row}" for row in rows]


def _judge(model: Embedder, flat: Doubles, who: list[str], people: list[Reference]) -> Judge:
    """The threshold comes from strangers among the faces of the basis."""
    vectors = np.asarray(model(chips_for(model.crop, pixels(flat))))
    names = np.array(who)
    apart = np.triu(names[:, None] != names[None], 1)
    strangers = (vectors @ vectors.T)[apart]
    if strangers.size < 1 / FMR:
        raise TooFewTrialsError(
            f"{strangers.size} pairs of strangers show no threshold at FMR {FMR:g}; give images of "
            "more people."
        )
    enrolled = np.stack([vector_of(model, one.enrolled) for one in people])
    other = np.stack([vector_of(model, one.other) for one in people])
    return Judge(model, threshold_at_fmr(strangers, FMR), enrolled, other)


def _critic(
    name: str, subject: Subject, flat: Doubles, who: list[str], people: list[Reference]
) -> Judge | None:
    if not name:
        return None
    card = find(name)
    if card.kind != "embedder" or name == subject.model.name:
        raise MienError(
            f"'{name}' cannot judge '{subject.model.name}': a critic is another embedder."
        )
    if not is_fetched(card):
        raise MienError(
            f"The weights of the critic '{name}' are not on this machine, and an audit has no "
            f"network; fetch them first: mien models pull {name}"
        )
    return _judge(load(name), flat, who, people)


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One attack: a basis, what the attacker sees, and the coefficients on the way."""

    name: str
    basis: Basis
    kept: dict[int, Doubles]  # queries -> (T, q)
    cost: str = ""  # of the mitigation, in words
    mitigation: bool = False

    @property
    def final(self) -> Doubles:
        """(T, D) the rebuilt faces at the end."""
        return self.basis.faces(self.kept[max(self.kept)])


def _arms(own: Judge, basis: Basis, options: Options, seed: int, on_step: OnStep) -> list[Arm]:
    """The attack, two baselines that must lose, and the mitigations."""
    rng = np.random.default_rng([seed, 34])
    signs = _protected(own, seed)
    plans: list[tuple[str, Basis, Callable[[Doubles], Doubles], str, bool]] = [
        ("scores as they are", basis, lambda f: own.scores(f, own.enrolled), "", True),
        ("pixels instead of eigenfaces (baseline)", pixel_basis(basis),
         lambda f: own.scores(f, own.enrolled), "", False),
        ("random basis (baseline)", random_basis(basis, seed),
         lambda f: own.scores(f, own.enrolled), "", False),
        ("scores rounded to 0.01", basis, lambda f: own.scores(f, own.enrolled).round(2),
         "hardly any", True),
        ("scores rounded to 0.1", basis, lambda f: own.scores(f, own.enrolled).round(1),
         "ranks are coarse", True),
        (f"noise of {options.noise:g} on scores", basis,
         lambda f: own.scores(f, own.enrolled) + rng.normal(0, options.noise, len(f)),
         "scores are not repeatable", True),
        ("protected template (sign bits of a rotated vector)", basis, signs,
         "about 1 % of accuracy; measure it", True),
        ("decision only", basis,
         lambda f: (own.scores(f, own.enrolled) > own.threshold).astype(np.float64),
         "no scores", True),
    ]  # fmt: skip
    arms = []
    for done, (name, space, seen, cost, mitigation) in enumerate(plans):
        on_step("attacks", done, len(plans))
        kept = climb(
            lambda c, space=space, seen=seen: seen(space.faces(c)),  # type: ignore[misc]
            options.targets, space.count, options.queries, CAPS, seed,
        )  # fmt: skip
        arms.append(Arm(name, space, kept, cost, mitigation))
    on_step("attacks", len(plans), len(plans))
    return arms


def _protected(own: Judge, seed: int) -> Callable[[Doubles], Doubles]:
    """Scores of protected templates: shares of equal signs after a secret rotation, -1 to 1."""
    width = own.enrolled.shape[1]
    rng = np.random.default_rng([seed, 35])
    secret = np.linalg.qr(rng.normal(size=(width, width)))[0]
    bits = np.sign(own.enrolled @ secret)

    def scores(frames: Doubles) -> Doubles:
        vectors = own.model(chips_for(own.model.crop, pixels(frames)))
        return np.asarray((np.sign(vectors @ secret) * bits).mean(1), np.float64)

    return scores


def _findings(
    subject: Subject,
    data: Samples,
    scope: Scope,
    options: Options,
    arms: list[Arm],
    judges: tuple[Judge, Judge | None],
    more: tuple[Basis, int],
) -> Findings:
    own, critic = judges
    basis, asked = more
    judge = critic or own
    attack = arms[0]
    mean = attack.basis.faces(attack.kept[0])
    control = judge.success(mean, judge.other)
    success = judge.success(attack.final, judge.other)
    above = Estimate(success.value - control.value, max(0.0, success.low - control.value),
                     success.high - control.value, success.trials, success.people)  # fmt: skip
    by = "critic" if critic else "matcher itself"
    who = f"another picture of the person, judged by the {by}"
    warnings = ["References and their second pictures are rendered: leakage on photographs can be "
                "higher, and a low result here is no clearance for leaked embeddings."]  # fmt: skip
    if critic is None:
        warnings.append(
            "There is no critic, so the matcher judges itself, and adversarial noise counts as "
            "success; name one with --set critic=CARD."
        )
    return Findings(
        "Leakage from scores: can an enrolled face be rebuilt?",
        f"{options.targets} rendered people, {options.queries} scores for each; basis of "
        f"{basis.count} components from {data.name}.",
        (
            Fact("rebuilt faces that match", success, "rate", who),
            Fact("mean face that matches (control)", control, "rate", "without any query"),
            Fact("queries per person", Estimate(float(asked)), "count", "counted by the ledger"),
        ),
        (_curve(attack, own, critic), _baselines(arms, own, critic), _mitigations(arms, own)),
        warnings=tuple(warnings),
        notes=("Rebuilt faces were never written.",
               f"A face matches above the score that {FMR:.0%} of strangers of the basis reach."),
        basis=(
            ("Matcher", subject.label),
            ("Critic", critic.model.name if critic else "none"),
            ("Data", data.name),
            ("Purpose", scope.purpose or "not stated"),
        ),
        risk=graded(above, LIMITS, f"The share of rebuilt faces above the control ({by})"),
    )  # fmt: skip


def _row(frames: Doubles, own: Judge, critic: Judge | None) -> tuple[Cell, ...]:
    cosine = Clusters(np.arange(len(frames))).mean(own.scores(frames, own.enrolled))
    return (
        cosine,
        own.success(frames, own.enrolled),
        own.success(frames, own.other),
        critic.success(frames, critic.other) if critic else None,
    )


COLUMNS: tuple[tuple[str, Kind], ...] = (
    ("Cosine", "number"),
    ("Same picture", "rate"),
    ("Other picture", "rate"),
    ("Critic, other picture", "rate"),
)


def _curve(arm: Arm, own: Judge, critic: Judge | None) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (queries, *_row(arm.basis.faces(at), own, critic)) for queries, at in arm.kept.items()
    ]
    caption = "A limit of so many scores per reference leaves an attacker with this."
    return Table("By queries per person", (("Queries", "count"), *COLUMNS), tuple(rows), caption)


def _baselines(arms: list[Arm], own: Judge, critic: Judge | None) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (arm.name, *_row(arm.final, own, critic)) for arm in (arms[0], arms[1], arms[2])
    ]
    return Table("Against baselines, all queries", (("Attack", "text"), *COLUMNS), tuple(rows))


def _mitigations(arms: list[Arm], own: Judge) -> Table:
    """Judged by the matcher that is attacked: a critic is fooled less, so it shows less."""
    rows = [
        (arm.name, own.success(arm.final, own.other), arm.cost) for arm in arms if arm.mitigation
    ]
    first = arms[0]
    for cap in CAPS:
        if cap in first.kept:
            frames = first.basis.faces(first.kept[cap])
            limited = f"at most {cap} scores per reference"
            rows.append((limited, own.success(frames, own.other), "honest retries count"))
    return mitigation_table("Other picture, by the matcher", rows)
