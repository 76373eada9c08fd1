"""Proof: does the head beat gradient histograms and geometry, and what teaches it what?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mien.metrics.multilabel import f1_each, f1_intervals
from mien.systems.action_units_mf2 import geometry
from mien.systems.action_units_mf2.data import agreed, coded, rendered
from mien.systems.action_units_mf2.geometry import deviations, estimate, histograms, measures
from mien.systems.action_units_mf2.head import UNITS
from mien.systems.action_units_mf2.model import Net
from mien.systems.action_units_mf2.train import Config, Known, decided, fitted, known, left_out
from mien.train import folds
from mien.train.criteria import Criterion, Found, gain, of
from mien.train.kept import digest_of, kept_arrays
from mien.train.proofs import Part
from mien.train.seed_summary import markdown
from mien.types import Floats, OnStep
from mien.zoo import find

HEAD, BARE, DRAWN, DEEP = "head", "CK+ only", "with rendered faces", "nine blocks of the trunk"
HISTOGRAM, MESH, GEOMETRIC, MIXED = (
    "gradient histograms", "geometry only", "geometric estimate", "labels shuffled",
)  # fmt: skip
STEPS = np.linspace(0.05, 4.9, 80)  # intensities among which the estimate's threshold is chosen


@dataclass(frozen=True, slots=True)
class Arm:
    """What one arm is fitted to."""

    source: str = "seven"  # of the features
    agreed: bool = True  # whether faces that raters agree on are added
    rendered: bool = False
    shuffled: bool = False


ARMS = {
    HEAD: Arm(), BARE: Arm(agreed=False), DRAWN: Arm(rendered=True), DEEP: Arm("nine"),
    HISTOGRAM: Arm("histogram"), MESH: Arm("mesh", agreed=False),
    GEOMETRIC: Arm("estimate", agreed=False), MIXED: Arm(shuffled=True),
}  # fmt: skip


def load(data: Path | None, out: Path, on_step: OnStep | None) -> dict[str, Any]:
    """Features of every source, for coded, agreed, validation and rendered faces."""
    assert data is not None
    coded_, (quiet, test) = coded(data, out, on_step), agreed(data, out, on_step)
    drawn = rendered(out / "rendered.npz", on_step=on_step)
    parts = {"coded": coded_, "agreed": quiet, "test": test, "rendered": drawn}
    nets = {"seven": Net(7, 88).eval(), "nine": Net(9, 88).eval()}
    found: dict[str, Any] = {
        source: {name: known(net, faces) for name, faces in parts.items()}
        for source, net in nets.items()
    }
    found["histogram"] = {
        name: Known(np.stack([histograms(f.images), histograms(f.images[:, :, ::-1])]), f.label,
                    f.source)
        for name, f in parts.items()
    }  # fmt: skip
    key = digest_of(coded_.images, Path(geometry.__file__), find("attention-mesh").digest)
    make = partial(measures, coded_.images, on_step)
    columns = kept_arrays(out / "measures.npz", key, make)
    found["mesh"] = {"coded": _twice(deviations(columns), coded_)}
    found["estimate"] = {"coded": _twice(estimate(columns), coded_)}
    return found


def _twice(features: Floats, faces: Any) -> Known:
    return Known(np.stack([features, features]), faces.label, faces.source)


def run(arm: Arm, seed: int, loaded: Mapping[str, Mapping[str, Known]]) -> dict[str, float]:
    """Mean F1 over folds of people; wrong units of neutral and smiling faces."""
    config, parts = replace(Config(), seed=seed), loaded[arm.source]
    some, more = parts["coded"], _more(arm, parts)
    if arm.source == "estimate":
        shown = _estimated(some, config)
    else:
        shown = left_out(config, _mixed(some, arm, seed), more) > 0
    each = f1_each(shown, some.label)
    found = {"F1": float(each.mean()), **dict(zip(UNITS, each.tolist(), strict=True))}
    if "test" in parts:
        test = parts["test"]
        linear = fitted(config, _mixed(some, arm, seed), more)
        wrong = ((linear(test.features[0]) > 0) & (test.label == 0)).sum(1)
        for word in ("neutral", "happiness"):
            found[word] = float(wrong[test.source == word].mean())
    return found


def _more(arm: Arm, parts: Mapping[str, Known]) -> list[Known]:
    names = [n for n, wanted in (("agreed", arm.agreed), ("rendered", arm.rendered)) if wanted]
    return [parts[name] for name in names]


def _mixed(some: Known, arm: Arm, seed: int) -> Known:
    if not arm.shuffled:
        return some
    order = np.random.default_rng(seed).permutation(len(some.label))
    return Known(some.features[:, order], some.label, some.source)


def _estimated(some: Known, config: Config) -> Any:
    """The estimate over the threshold of each unit that is best on the other people."""
    value = np.nan_to_num(some.features[0])  # no mesh: not shown
    shown = np.zeros(value.shape, bool)
    for learn, test in folds(some.source.tolist(), config.folds, config.seed):
        scores = np.stack([f1_each(value[learn] > t, some.label[learn]) for t in STEPS])
        shown[test] = value[test] > STEPS[np.nan_to_num(scores).argmax(0)]
    return shown


def per_unit(found: Found, loaded: Mapping[str, Mapping[str, Known]]) -> Sequence[str]:
    """Each unit: F1 with an interval over people, the rivals, and what is left undecided."""
    config, parts = Config(), loaded["seven"]
    some = parts["coded"]
    logits = left_out(config, some, [parts["agreed"]])
    low, high = f1_intervals(logits > 0, some.label, some.source)
    result = decided(logits, some.label, some.source.tolist(), config)
    sure = np.isfinite(result)
    kept = f1_each(result == 1, np.where(sure, some.label, np.nan))
    each = f1_each(logits > 0, some.label)
    rows: list[tuple[str, ...]] = [
        (unit, f"{int(some.label[:, k].sum())}", f"{each[k]:.2f} ({low[k]:.2f} to {high[k]:.2f})",
         f"{found[HISTOGRAM][0][unit]:.2f}", f"{found[MESH][0][unit]:.2f}",
         f"{found[GEOMETRIC][0][unit]:.2f}", f"{kept[k]:.2f}", f"{1 - sure[:, k].mean():.0%}")
        for k, unit in enumerate(UNITS)
    ]  # fmt: skip
    rows.append(
        ("mean", "", f"{each.mean():.2f} ({low[-1]:.2f} to {high[-1]:.2f})",
         *(f"{np.mean([found[arm][0][u] for u in UNITS]):.2f}"
           for arm in (HISTOGRAM, MESH, GEOMETRIC)),
         f"{kept.mean():.2f}", f"{1 - sure.mean():.0%}")
    )  # fmt: skip
    heads = ("Unit", "Faces", "F1 (95 % interval over people)", "Histograms", "Geometry only",
             "Geometric estimate", "F1 of the decided", "Undecided")  # fmt: skip
    return [
        f"{len(some.label)} faces of {len(set(some.source.tolist()))} people, each left out of the "
        "fit; first seed.",
        markdown(heads, rows),
    ]


PARTS = (
    Part(
        name="units",
        title="CK+, five folds of people",
        arms=ARMS,
        run=run,
        shown={
            "F1": "Mean F1 of 16 units",
            "neutral": "Wrong units on a neutral face",
            "happiness": "Wrong units on a smile",
        },
        criteria=(
            Criterion("mean F1 above 0.70", of(HEAD, "F1"), least=0.70, seeds=3),
            Criterion("better than gradient histograms in every seed", gain(HEAD, "F1", HISTOGRAM),
                      least=1e-3, seeds=3),
            Criterion("better than geometry only and than the estimate",
                      gain(HEAD, "F1", (MESH, GEOMETRIC)), least=1e-3, seeds=3),
            Criterion("faces that raters agree on: fewer wrong units on neutral faces",
                      gain(HEAD, "neutral", BARE, low=True), least=1e-3, seeds=3),
            Criterion("they cost at most 0.03 of F1", gain(HEAD, "F1", BARE), least=-0.03, seeds=3),
            Criterion("rendered faces help", gain(DRAWN, "F1", HEAD), least=1e-3, seeds=3),
            Criterion("labels shuffled: F1 below 0.35", of(MIXED, "F1"), most=0.35, seeds=3),
        ),
        load=load,
        needs="a folder with ck48/, ck48_aus.csv and ferplus/",
        seeds=3,
        also=per_unit,
    ),
)  # fmt: skip
