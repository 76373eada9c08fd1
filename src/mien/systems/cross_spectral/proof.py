"""Proof: does the audit find what toner does in infrared, and what hides it?

mien systems prove cross-spectral --data DATA --out FOLDER
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.align import align
from mien.audit import read_chips
from mien.contracts import Embedder, Samples, Subject
from mien.datasets import ATTEMPTS
from mien.datasets import BONA_FIDE as LIVE
from mien.liveness import cut_square
from mien.metrics import bpcer
from mien.systems.cross_spectral.consistency import Consistency, features
from mien.systems.cross_spectral.data import (
    INSTRUMENTS,
    LASER,
    SIDE,
    ZOOM,
    Chips,
    Shots,
    as_rows,
    chips_of,
    shots,
)
from mien.systems.cross_spectral.measure import (
    BONA_FIDE,
    NIR,
    VIS,
    Rows,
    balanced_threshold,
    rates,
)
from mien.systems.cross_spectral.model import Adapting, Recogniser, adapted, moved, vectors_of
from mien.train.criteria import Criterion, Found, gain, of, ratio
from mien.train.kept import digest_of, kept_arrays
from mien.train.proofs import Part
from mien.types import Doubles, Face, OnStep
from mien.zoo import DETECTOR, EMBEDDER, load

FMR, REAL_FMR = 0.01, 0.05  # 20 people, and 6 or 7 people, give few comparisons of strangers
HEAD = "liveness-texture"  # the head that learnt from visible light
TONER, CLEAR = "carbon toner", "transparent toner (control)"
OURS, RANDOM = "our matcher", "random vectors (control)"
INKJET = "print-inkjet"


@dataclass(frozen=True, slots=True)
class Rendered:
    """Frames of both kinds of toner, with what the models say about them."""

    shots: Mapping[str, Shots]
    vectors: Mapping[str, Mapping[str, Doubles]]  # toner -> spectrum -> (N, D)
    live: Mapping[str, Mapping[str, Doubles]]  # toner -> spectrum -> (N,) scores of HEAD


def _rendered(data: Path | None, out: Path, on_step: OnStep | None) -> Rendered:
    every = {TONER: shots(out, on_step), CLEAR: shots(out, on_step, toner=False)}
    model, head = load(EMBEDDER), load(HEAD)
    vectors, live = {}, {}
    for name, one in every.items():
        pictures = {VIS: one.vis, NIR: np.repeat(one.nir[..., None], 3, 3)}
        points = {VIS: one.vis_points, NIR: one.nir_points}
        vectors[name] = {s: _vectors(model, pictures[s], points[s]) for s in (VIS, NIR)}
        box = np.array([0, 0, SIDE, SIDE], np.float32) / ZOOM
        box += (SIDE - SIDE / ZOOM) / 2
        live[name] = {
            s: np.concatenate([head.scores(cut_square(image, box, ZOOM, 80)[None])
                               for image in pictures[s]]).astype(np.float64)
            for s in (VIS, NIR)
        }  # fmt: skip
    return Rendered(every, vectors, live)


def _vectors(model: Embedder, pictures: np.ndarray, points: np.ndarray) -> Doubles:
    found = np.full((len(pictures), 128), np.nan)
    for row, (image, five) in enumerate(zip(pictures, points, strict=True)):
        if np.isfinite(five).all():
            face = Face(np.zeros(4, np.float32), 1.0, five.astype(np.float32))
            found[row] = model(align(image, [face], model.crop))[0]
    return found


def _run(name: str, seed: int, loaded: Rendered) -> dict[str, float]:
    """One kind of toner; each seed divides dev and eval differently."""
    every = loaded.shots[name]
    group = _groups(every, seed)
    every = Shots(*(getattr(every, n) if n != "group" else group for n in Shots.__slots__))
    rows = as_rows(dict(loaded.vectors[name]), every)
    found: dict[str, float] = {}
    for s in (VIS, NIR):
        one = rates(rows, s, FMR)
        found |= {f"eer {s}": one.equal_error, f"fnmr {s}": one.non_match.value}
        found |= {f"iapmr {kind} {s}": rate.value for kind, rate in one.accepted.items()}
    return found | _stages(every, loaded.live[name], rows)


def _groups(every: Shots, seed: int) -> np.ndarray:
    if not seed:
        return every.group
    people = sorted(set(every.person[every.group != "train"]))
    order = np.random.default_rng(seed).permutation(len(people))
    half = {people[k]: "dev" if place < len(people) // 2 else "eval"
            for place, k in enumerate(order)}  # fmt: skip
    return np.array([half.get(who, "train") for who in every.person])


def _stages(every: Shots, live: Mapping[str, Doubles], rows: Rows) -> dict[str, float]:
    """The head for visible light on infrared, and the consistency of both spectra."""
    real, probe = every.kind == BONA_FIDE, every.role == "probe"
    dev, test = probe & (every.group == "dev"), probe & (every.group == "eval")
    bar = balanced_threshold(live[VIS][dev], real[dev])
    x = features(every.vis, every.nir, every.vis_points)
    learn = every.group == "train"
    rule = Consistency(x[learn], real[learn])
    score = rule(x)
    strict = float(np.quantile(score[dev & real], 0.05))  # BPCER 5 % on dev
    found = {
        "head bpcer vis": float(bpcer(live[VIS][test & real], bar).mean()),
        "head bpcer nir": float(bpcer(live[NIR][test & real], bar).mean()),
        "consistency bpcer": float(bpcer(score[test & real], strict).mean()),
    }
    for kind in INSTRUMENTS:
        here = test & (every.kind == kind)
        found[f"head apcer {kind} vis"] = float((live[VIS][here] > bar).mean())
        found[f"head apcer {kind} nir"] = float((live[NIR][here] > bar).mean())
        found[f"consistency apcer {kind}"] = float((score[here] > strict).mean())
    both = rates(rows, NIR, FMR, np.tile(score > strict, 2))
    found[f"iapar {LASER}"] = both.accepted[LASER].value
    return found


@dataclass(frozen=True, slots=True)
class Nuaa:
    """Live frames and printed photographs of the same people, as vectors of our matcher."""

    vectors: Doubles
    person: tuple[str, ...]
    live: tuple[bool, ...]
    session: tuple[str, ...]


def _nuaa(data: Path | None, out: Path, on_step: OnStep | None) -> Nuaa:
    assert data is not None
    every = ATTEMPTS["nuaa"](data / "nuaa")

    def make() -> dict[str, np.ndarray]:
        model = load(EMBEDDER)
        subject = Subject("embedder", model, load(DETECTOR))
        cut = read_chips(subject, Samples("NUAA", tuple(one.path for one in every), {}), model.crop)
        found = np.full((len(every), 128), np.nan)
        for start in range(0, len(cut.rows), 64):
            found[cut.rows[start : start + 64]] = model(cut.chips[start : start + 64])
        return {"vectors": found}

    kept = kept_arrays(out / "nuaa.npz", digest_of([one.path.name for one in every]), make)
    return Nuaa(
        kept["vectors"].astype(np.float64),
        tuple(one.person for one in every),
        tuple(one.species == LIVE for one in every),
        tuple(one.domain for one in every),
    )


def _real(name: str, seed: int, loaded: Nuaa) -> dict[str, float]:
    """Half of the people set the threshold; enrolled is the first session of each."""
    rng = np.random.default_rng(seed)
    person, live = np.array(loaded.person), np.array(loaded.live)
    session = np.array(loaded.session)
    vectors = loaded.vectors
    if name == RANDOM:
        vectors = rng.normal(size=vectors.shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    people = rng.permutation(sorted(set(person[live])))
    dev = set(people[: len(people) // 2 + 1])
    first = {who: min(session[live & (person == who)]) for who in people}
    enrol = live & np.array([first.get(w) == s for w, s in zip(person, session, strict=True)])
    rows = Rows(
        vectors, np.full(len(person), VIS), person,
        np.where(live, BONA_FIDE, "print"), np.where(enrol, "enrol", "probe"),
        np.array(["dev" if who in dev else "eval" for who in person]),
    )  # fmt: skip
    keep = np.isin(person, people)
    rows = Rows(*(getattr(rows, name)[keep] for name in Rows.__slots__))
    one = rates(rows, VIS, REAL_FMR)
    return {
        "eer": one.equal_error,
        "fnmr": one.non_match.value,
        "fmr": one.false_match.value,
        "iapmr": one.accepted["print"].value,
    }


FROZEN, MOVED = "frozen recogniser", "frozen, infrared moved by the mean"
DIU, SSMB, NO_KEEP, SWAPPED = "DIU", "SSMB", "DIU without distillation", "DIU, people swapped"
MATCHERS: Mapping[str, Adapting | str] = {
    FROZEN: FROZEN, MOVED: MOVED, DIU: Adapting("DIU"), SSMB: Adapting("SSMB"),
    NO_KEEP: Adapting("DIU", keep=0.0), SWAPPED: Adapting("DIU", swapped=True),
}  # fmt: skip


def _chips(data: Path | None, out: Path, on_step: OnStep | None) -> Chips:
    return chips_of(shots(out, on_step))


def _match(how: Adapting | str, seed: int, every: Chips) -> dict[str, float]:
    """One matcher; each seed divides dev and eval differently, and starts its training anew."""
    given = every.shots
    learn = given.group == "train"
    net = adapted(how, seed, every, learn) if isinstance(how, Adapting) else Recogniser()
    vectors = vectors_of(net, every)
    if how == MOVED:
        vectors = moved(vectors, learn & (given.kind == BONA_FIDE))
    group = _groups(given, seed)
    rows = as_rows(vectors, Shots(*(getattr(given, n) if n != "group" else group
                                    for n in Shots.__slots__)))  # fmt: skip
    found: dict[str, float] = {}
    for s in (VIS, NIR):
        one = rates(rows, s, FMR)
        found |= {f"eer {s}": one.equal_error, f"fnmr {s}": one.non_match.value}
        found |= {f"iapmr {kind} {s}": rate.value for kind, rate in one.accepted.items()}
    return found


def _hidden(found: Found) -> list[float]:
    """By how much the equal error rate changes when toner becomes transparent."""
    return [abs(one["eer nir"] - other["eer nir"])
            for one, other in zip(found[TONER], found[CLEAR], strict=True)]  # fmt: skip


def _iapmr(arm: str, kind: str, spectrum: str):  # type: ignore[no-untyped-def]
    return of(arm, f"iapmr {kind} {spectrum}")


CRITERIA = (
    Criterion("NIR: laser prints accepted at least 0.7", _iapmr(TONER, LASER, NIR), least=0.7,
              digits=2),
    Criterion("NIR: ink-jet prints accepted at most 0.1", _iapmr(TONER, INKJET, NIR), most=0.1,
              digits=2),
    Criterion("NIR: replays accepted at most 0.1", _iapmr(TONER, "replay", NIR), most=0.1,
              digits=2),
    Criterion("VIS: ink-jet prints accepted at least 0.7", _iapmr(TONER, INKJET, VIS), least=0.7,
              digits=2),
    Criterion("the equal error rate does not show it: unchanged by toner", _hidden, most=0.01),
    Criterion("transparent toner: the hole vanishes, at most 0.1", _iapmr(CLEAR, LASER, NIR),
              most=0.1, digits=2),
    Criterion("head for visible light on NIR: laser APCER at least 0.5",
              of(TONER, f"head apcer {LASER} nir"), least=0.5, digits=2),
    Criterion("consistency: laser APCER at most 0.1 at BPCER 5 % of dev",
              of(TONER, f"consistency apcer {LASER}"), most=0.1, digits=2),
)  # fmt: skip
REAL_CRITERIA = (
    Criterion("prints are accepted at least half as often as live faces",
              lambda found: [one["iapmr"] / (1 - one["fnmr"]) for one in found[OURS]], least=0.5,
              digits=2),
    Criterion("the control accepts prints at most at 0.1", of(RANDOM, "iapmr"), most=0.1, digits=2),
)  # fmt: skip
MATCHER_CRITERIA = (
    Criterion("DIU: infrared EER at most 0.7 of the frozen recogniser's",
              ratio(DIU, "eer nir", FROZEN), most=0.7, digits=2),
    Criterion("DIU: visible EER at most 1 point above it",
              lambda found: [-x for x in gain(DIU, "eer vis", FROZEN, low=True)(found)], most=0.01),
    Criterion("SSMB: infrared EER at most 0.7 of it", ratio(SSMB, "eer nir", FROZEN), most=0.7,
              digits=2),
    Criterion("DIU: infrared EER below the mean shift, which trains nothing",
              gain(DIU, "eer nir", MOVED, low=True), least=0, seeds=3),
    Criterion("distillation keeps the visible EER",
              gain(DIU, "eer vis", NO_KEEP, low=True), least=0, seeds=3),
    Criterion("control: with people swapped, infrared EER is not lower",
              gain(SWAPPED, "eer nir", FROZEN, low=True), most=0),
    Criterion("DIU does not close the hole: laser prints accepted at least 0.7",
              of(DIU, f"iapmr {LASER} nir"), least=0.7, digits=2),
)  # fmt: skip

PARTS = (
    Part(
        name="nuaa",
        title="NUAA, visible light; 5 divisions of the people",
        arms={OURS: OURS, RANDOM: RANDOM},
        run=_real,
        shown={"eer": "EER", "fnmr": "FNMR", "fmr": "FMR", "iapmr": "IAPMR of prints"},
        criteria=REAL_CRITERIA,
        load=_nuaa,
        needs="NUAA",
        digits=2,
    ),
    Part(
        name="spectra",
        title="Rendered; 5 divisions of dev and eval",
        arms={TONER: TONER, CLEAR: CLEAR},
        run=_run,
        shown={"eer vis": "EER, VIS", "eer nir": "EER, NIR",
               **{f"iapmr {kind} {s}": f"IAPMR, {kind}, {s.upper()}"
                  for kind in INSTRUMENTS for s in (VIS, NIR)},
               f"head apcer {LASER} nir": "Head, NIR: APCER laser",
               "head bpcer nir": "Head, NIR: BPCER",
               f"consistency apcer {LASER}": "Consistency: APCER laser",
               "consistency bpcer": "Consistency: BPCER", f"iapar {LASER}": "IAPAR with it, laser"},
        criteria=CRITERIA,
        load=_rendered,
        digits=2,
    ),
    Part(
        name="matchers",
        title="Rendered; matchers trained on 40 people; 3 divisions of dev and eval",
        arms=MATCHERS,
        run=_match,
        seeds=3,
        quick=lambda how: replace(how, epochs=1, batch=200) if isinstance(how, Adapting) else how,
        shown={"eer vis": "EER, VIS", "eer nir": "EER, NIR", "fnmr vis": "FNMR, VIS",
               "fnmr nir": "FNMR, NIR", f"iapmr {LASER} nir": "IAPMR laser, NIR",
               "iapmr rigid nir": "IAPMR rigid, NIR", f"iapmr {INKJET} vis": "IAPMR ink-jet, VIS"},
        criteria=MATCHER_CRITERIA,
        load=_chips,
    ),
)  # fmt: skip
