"""Fit the action units to drawn faces (src/mien/behaviour/units.json), and report their accuracy.

Weights of one unit are from least squares with a ridge, on a few measures whose signs are
given where anatomy determines them; rows with the unit weigh as much as those without. Then a
rising curve maps the score to the intensity, and a logistic curve to the probability that the
intensity is 1 or more. A unit whose score does not predict presence on held-out people has no
probability.

Example: python tools/fit_units.py ict.npz --check builtin.npz --neutral fer2013/train/neutral
Without input for the fit, it reports the accuracy of the shipped units: --check builtin.npz
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.optimize import isotonic_regression, lsq_linear, minimize

from mien.behaviour.baselines import Baseline
from mien.behaviour.features import POSE, features, from_rest
from mien.geometry import Camera
from mien.landmarks import fit_meshes, measure
from mien.landmarks.measures import SIDES, UNITS
from mien.media import find_images, read_image
from mien.types import Doubles
from mien.zoo import load

TARGET = Path(__file__).parents[1] / "src/mien/behaviour/units.json"
PERSON = {"left": "_R", "right": "_L"}  # sides of the image -> sides of the person
PRESENT = 1.0  # intensity from which a unit counts as shown
OPEN = 12.0  # mm between the lips that count as 5 of AU25; closed lips as 0
RIDGE = 0.02  # of the variance of a standardised feature
KNOTS = 7
PORTRAITS, PORTRAIT = 1500, 240  # how many, and px of the side to which they are scaled
# Area under the ROC curve of presence on held-out people, and on every other head, from which a
# unit has a probability.
LEAST_AREA, LEAST_OTHER = 0.85, 0.75
QUIET = 0.99  # share of neutral images whose intensity does not count as an event
# Unit -> the shapes of the synthesiser that are its truth, the shape's weight at intensity 5, and
# the features with their sign: 1, -1, or 0 where either may be.
Recipe = tuple[str, dict[str, int]]
SIDED: dict[str, Recipe] = {
    "AU01": ("browInnerUp", {"brow_inner": 1, "brow_middle": 0, "brow_outer": 0, "brow_apart": 0}),
    "AU02": ("browOuterUp", {"brow_outer": 1, "brow_middle": 0, "brow_inner": 0, "brow_apart": 0}),
    "AU04": ("browDown", {"brow_inner": -1, "brow_middle": -1, "brow_outer": 0, "brow_apart": -1,
                          "lid_upper": 0}),
    "AU05": ("eyeWide", {"lid_upper": 1, "eye_aperture": 1, "brow_middle": 0, "lid_lower": 0}),
    "AU06": ("cheekSquint", {"lid_lower": 1, "cheek": -1, "eye_aperture": 0, "lid_upper": 0,
                             "mouth_lift": 0, "mouth_depth": 0, "brow_outer": 0}),
    "AU07": ("eyeSquint", {"lid_lower": 1, "eye_aperture": -1, "lid_upper": 0, "cheek": 0}),
    "AU09": ("noseSneer", {"nose_wing": -1, "lip_top": -1, "brow_inner": -1, "brow_apart": 0,
                           "nose_to_lip": 0, "mouth_aperture": 0, "mouth_lift": 0, "cheek": 0}),
    "AU10": ("mouthUpperUp", {"lip_top": -1, "nose_to_lip": -1, "nose_wing": 0, "mouth_lift": 0,
                              "mouth_aperture": 0, "lip_upper": 0, "mouth_depth": 0}),
    "AU12": ("mouthSmile", {"mouth_lift": 1, "mouth_reach": 1, "mouth_depth": 1, "lip_top": -1,
                            "cheek": -1, "mouth_aperture": 0, "nose_wing": 0}),
    "AU14": ("mouthDimple", {"mouth_depth": 1, "mouth_reach": 1, "mouth_lift": 0, "lip_top": 0,
                             "lip_upper": 0, "lip_lower": 0, "cheek": 0, "mouth_aperture": -1}),
    "AU15": ("mouthFrown", {"mouth_lift": -1, "mouth_reach": 0, "mouth_depth": 0, "lip_top": 0,
                            "cheek": 0, "lip_bottom": 0, "mouth_aperture": 0, "nose_wing": 0}),
    "AU20": ("mouthStretch", {"mouth_reach": 1, "mouth_depth": 0, "mouth_lift": -1, "lip_top": 0,
                              "cheek": 0, "lip_bottom": 0, "mouth_aperture": 0}),
    "AU45": ("eyeBlink", {"closure": 1, "lid_upper": 0, "lid_lower": 0, "brow_middle": 0}),
}  # fmt: skip
MIDDLE: dict[str, Recipe] = {
    "AU17": ("mouthShrugLower", {"lip_bottom": -1, "lip_to_chin": 0, "nose_to_chin": 0,
                                 "mouth_lift": -1, "lip_lower": 0, "mouth_aperture": 0,
                                 "nose_to_lip": 0, "mouth_width": 0}),
    "AU23": ("mouthPress", {"lip_upper": -1, "lip_lower": -1, "mouth_width": 0, "lip_bottom": 0,
                            "mouth_aperture": -1, "lip_to_chin": 0, "nose_to_lip": 0}),
    "AU25": ("gap", {"mouth_aperture": 1}),
    "AU26": ("jawOpen", {"mouth_aperture": 1, "lip_bottom": 1, "nose_to_chin": 1, "lip_top": 0,
                         "lip_lower": 0}),
}  # fmt: skip
FULL = {
    "AU23": 0.7,
    "AU26": 0.4,
}  # weight of the shape at full strength, as in mien.synth.motion.controls


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The output of tools/draw_units.py for one head."""

    head: str
    person: Doubles  # (N,)
    rest: Doubles  # (N,) whether the face is neutral
    away: dict[str, Doubles]  # from the person's own baseline
    truth: dict[str, Doubles]  # unit -> (N, 2) of left and right, or (N,)


def main() -> None:
    """Fit, check and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drawn", type=Path, nargs="*", help="fitted to these")
    parser.add_argument("--check", type=Path, nargs="*", default=[], help="other heads")
    parser.add_argument("--neutral", type=Path, help="photos of people with a neutral face")
    parser.add_argument("--dry", action="store_true", help="print only")
    args = parser.parse_args()
    sets = [read(path) for path in args.drawn]
    checks = [read(path) for path in args.check]
    if not sets:
        for name, row in kept("units").items():
            print(name, *(f"{one.head}: {judged(row, name, one)[0]}" for one in checks))
        return
    rows = {}
    for name in sorted(SIDED | MIDDLE):
        rows[name], text = fitted(name, sets)
        others = [judged(rows[name], name, other) for other in checks]
        if any(area < LEAST_OTHER for _, area in others):
            rows[name]["presence"] = None
        text += "".join(f"; {o.head}: {t}" for o, (t, _) in zip(checks, others, strict=True))
        print(f"{name}{'' if rows[name]['presence'] else ' (no probability)'} {text}")
    heads = " and ".join(f"{len(set(s.person))} people of head {s.head}" for s in sets)
    table = {
        "about": f"Rendered faces: {heads}; written by tools/fit_units.py.",
        "neutral": neutral(args.neutral) if args.neutral else kept("neutral"),
        "units": rows,
    }
    if not args.dry:
        TARGET.write_text(json.dumps(table, indent=1) + "\n", "utf-8")


def read(path: Path) -> Drawn:
    """Measure the drawn images, relative to each person's neutral images."""
    data = np.load(path)
    cameras = [Camera(*(float(v) for v in row)) for row in data["camera"]]
    rows = [measure(p, c) for p, c in zip(data["points"], cameras, strict=True)]
    columns = {name: np.array([row[name] for row in rows]) for name in UNITS}
    person, rest = data["person"], data["rest"]
    away: dict[str, Doubles] = {}
    for each in np.unique(person):
        mine = person == each
        still = {name: float(np.nanmedian(columns[name][mine & rest])) for name in UNITS}
        baseline = Baseline(still, still, "whole", int((mine & rest).sum()), 0.0)
        found = from_rest({name: columns[name][mine] for name in UNITS}, baseline)
        for name, values in found.items():
            away.setdefault(name, np.full(len(person), np.nan))[mine] = values
    return Drawn(str(data["head"]), person, rest, away, truths(data))


def truths(data: dict[str, Doubles]) -> dict[str, Doubles]:
    """Unit -> intensity 0 to 5, for both sides where there are two."""
    names = [str(name) for name in data["names"]]

    def weight(shape: str) -> Doubles:
        found: Doubles = data["shapes"][:, names.index(shape)]
        return found

    truth = {}
    for name, (shape, _) in SIDED.items():
        truth[name] = 5 * np.stack([weight(shape + PERSON[side]) for side in SIDES], axis=1)
    truth["AU17"] = 5 * weight("mouthShrugLower")
    rolled = (weight("mouthRollLower") + weight("mouthRollUpper")) / 1.0
    truth["AU23"] = 5 * np.minimum(weight("mouthPress_L") / FULL["AU23"], np.minimum(rolled, 1))
    gap, person, rest = data["gap"].copy(), data["person"], data["rest"]
    for each in np.unique(person):  # lips that touch have a thickness in the middle of their points
        gap[person == each] -= np.median(gap[(person == each) & rest])
    truth["AU25"] = 5 * np.clip(gap / OPEN, 0, 1)
    truth["AU26"] = 5 * np.clip(weight("jawOpen") / FULL["AU26"], 0, 1)
    return truth


def keys_of(name: str) -> dict[str, int]:
    """Features of a unit, and 1 for those whose weight may not be negative."""
    signs = (SIDED | MIDDLE)[name][1]
    given = {f"{name}{'+' if sign > 0 else '-'}" for name, sign in signs.items() if sign}
    ways = [f"{name}{way}" for name in signs for way in "+-"]
    return {way: int(way in given) for way in ways} | dict.fromkeys(POSE, 0)


def rows_of(name: str, drawn: Drawn) -> tuple[Doubles, Doubles, Doubles]:
    """(R, F) features, (R,) truth and (R,) person; sided units have a row for each side."""
    wanted = list(keys_of(name))
    both = [features(drawn.away, side) for side in SIDES]
    tables = [np.column_stack([one[key] for key in wanted]) for one in both]
    if name in SIDED:
        truth = drawn.truth[name]
        return np.concatenate(tables), truth.T.ravel(), np.tile(drawn.person, 2)
    return (tables[0] + tables[1]) / 2, drawn.truth[name], drawn.person


def fitted(name: str, sets: Sequence[Drawn]) -> tuple[dict[str, object], str]:
    """The row of units.json, and its accuracy on held-out people."""
    parts = [rows_of(name, one) for one in sets]
    x, y, who = (np.concatenate([part[k] for part in parts]) for k in range(3))
    guess, logit = np.empty(len(y)), np.empty(len(y))
    for fold in range(3):
        out = who % 3 == fold
        weights, curve, line = fit(name, x[~out], y[~out])
        score = x[out] @ weights
        guess[out], logit[out] = np.interp(score, *curve), line[0] * score + line[1]
    text, area = judge(y, guess, logit)
    rest = np.concatenate([one.rest if name in MIDDLE else np.tile(one.rest, 2) for one in sets])
    weights, curve, line = fit(name, x, y)
    keys = list(keys_of(name))
    kept_ = {k: round(float(w), 4) for k, w in zip(keys, weights, strict=True) if abs(w) > 1e-6}
    row = {
        "sided": name in SIDED, "weights": kept_,
        "curve": [[round(float(v), 4) for v in part] for part in curve],
        "shown": round(max(PRESENT, float(np.quantile(guess[rest], QUIET))), 2),
        "presence": [round(float(v), 4) for v in line] if area >= LEAST_AREA else None,
    }  # fmt: skip
    return row, text


def fit(name: str, x: Doubles, y: Doubles) -> tuple[Doubles, tuple[Doubles, Doubles], Doubles]:
    """Weights, curve and logistic line."""
    signs = list(keys_of(name).values())
    balance = balanced(y)
    scale = x.std(axis=0) + 1e-9
    rows = np.column_stack([x / scale, np.ones(len(x))]) * np.sqrt(balance)[:, None]
    ridge = np.sqrt(RIDGE * balance.sum()) * np.eye(len(scale) + 1)[:-1]
    low = np.array([0.0 if s > 0 else -np.inf for s in signs] + [-np.inf])
    high = np.full(len(low), np.inf)
    target = np.concatenate([y * np.sqrt(balance), np.zeros(len(scale))])
    found = lsq_linear(np.concatenate([rows, ridge]), target, bounds=(low, high)).x
    weights: Doubles = found[:-1] / scale
    score = x @ weights
    return weights, rising(score, y, balance), logistic(score, y >= PRESENT, balance)


def balanced(y: Doubles) -> Doubles:
    """Weights of rows: those that show the unit count as much as those that do not."""
    shown = y >= PRESENT
    return np.where(shown, 0.5 / max(shown.mean(), 1e-6), 0.5 / max(1 - shown.mean(), 1e-6))


def rising(score: Doubles, y: Doubles, balance: Doubles) -> tuple[Doubles, Doubles]:
    """A rising curve through a few knots: the mean truth at each score, 0 at the median rest."""
    order = np.argsort(score)
    smooth = isotonic_regression(y[order], weights=balance[order]).x
    share = np.cumsum(balance[order]) / balance.sum()
    ends = np.searchsorted(share, np.linspace(0, 1, KNOTS + 1)[1:-1])
    groups = np.split(np.arange(len(y)), ends)
    groups = [g for g in groups if len(g)]
    knots = np.array([np.average(score[order][g], weights=balance[order][g]) for g in groups])
    levels = np.array([np.average(smooth[g], weights=balance[order][g]) for g in groups])
    rest = float(np.interp(np.median(score[y < 0.1]), knots, levels))
    levels = np.clip((levels - rest) * 5 / (5 - rest), 0, 5)
    slope = (levels[-1] - levels[-2]) / (knots[-1] - knots[-2])
    if slope > 0 and levels[-1] < 5:  # beyond the strongest sixth, continue its slope
        knots, levels = np.append(knots, knots[-1] + (5 - levels[-1]) / slope), np.append(levels, 5)
    return knots, levels


def logistic(score: Doubles, shown: Doubles, balance: Doubles) -> Doubles:
    """Slope and intercept of the logit."""

    def cost(line: Doubles) -> float:
        logit = line[0] * score + line[1]
        return float((balance * (np.logaddexp(0, logit) - shown * logit)).sum())

    found: Doubles = minimize(cost, np.array([1.0, -1.0]), method="Nelder-Mead").x
    return found


def judged(row: dict[str, object], name: str, drawn: Drawn) -> tuple[str, float]:
    """Accuracy of a row of units.json on another head."""
    x, y, _ = rows_of(name, drawn)
    keys = list(keys_of(name))
    score = x @ np.array([row["weights"].get(key, 0.0) for key in keys])
    line = row["presence"] or (1.0, 0.0)
    return judge(y, np.interp(score, *row["curve"]), line[0] * score + line[1])


def judge(y: Doubles, guess: Doubles, logit: Doubles) -> tuple[str, float]:
    """ICC(3,1), Pearson, MAE; area under the curve, F1 and ECE of presence; and the area."""
    shown = y >= PRESENT
    chance = 1 / (1 + np.exp(-np.clip(logit, -50, 50)))
    area = auc(logit[shown], logit[~shown])
    predicted = chance >= 0.5
    f1 = 2 * (predicted & shown).sum() / max(predicted.sum() + shown.sum(), 1)
    text = (
        f"ICC {icc(y, guess):.2f} r {np.corrcoef(y, guess)[0, 1]:.2f} "
        f"MAE {np.abs(y - guess).mean():.2f} AUC {area:.2f} F1 {f1:.2f} "
        f"ECE {ece(chance, shown, balanced(y)):.3f} shown {shown.mean():.2f}"
    )
    return text, area


def icc(a: Doubles, b: Doubles) -> float:
    """ICC(3,1). Source: Shrout and Fleiss, 1979."""
    both = np.stack([a, b], axis=1)
    whole = both.mean()
    rows = 2 * ((both.mean(1) - whole) ** 2).sum() / (len(a) - 1)
    off = both - both.mean(1, keepdims=True) - both.mean(0) + whole
    rest = (off**2).sum() / (len(a) - 1)
    return float((rows - rest) / (rows + rest))


def auc(high: Doubles, low: Doubles) -> float:
    """Area under the ROC curve; a tie counts as half."""
    ranks = (
        np.searchsorted(np.sort(low), high, "left"),
        np.searchsorted(np.sort(low), high, "right"),
    )
    return float((ranks[0] + ranks[1]).mean() / 2 / max(len(low), 1))


def ece(chance: Doubles, shown: Doubles, balance: Doubles) -> float:
    """Expected calibration error of ten bins, with rows weighed to half shown."""
    bins = np.minimum((chance * 10).astype(int), 9)
    total = 0.0
    for k in range(10):
        m = bins == k
        if m.any():
            gap = np.average(chance[m], weights=balance[m]) - np.average(
                shown[m], weights=balance[m]
            )
            total += abs(float(gap)) * float(balance[m].sum())
    return total / float(balance.sum())


def neutral(folder: Path) -> dict[str, list[float]]:
    """Median and standard deviation of each measure over near-frontal neutral people."""
    detector, mesh, rows = load("mtcnn"), load("attention-mesh"), []
    for path in find_images([folder])[:PORTRAITS]:
        image = cv2.resize(read_image(path), (PORTRAIT, PORTRAIT), interpolation=cv2.INTER_CUBIC)
        faces = detector(image)
        if len(faces) != 1:
            continue
        [points], [presence] = fit_meshes(mesh, image, faces, passes=3)
        row = measure(points, Camera.of(PORTRAIT, PORTRAIT))
        if presence[0] > 0.9 and abs(row["yaw"]) < 15:
            rows.append(row)
    print(f"rest of {len(rows)} people")
    values_of = {}
    for name, unit in UNITS.items():
        if unit == "inter-ocular distance" or name == "pitch":
            values = np.array([row[name] for row in rows])
            values_of[name] = [round(float(np.median(values)), 4), round(float(values.std()), 4)]
    return values_of


def kept(key: str) -> dict[str, Any]:
    """The content of the file for a key."""
    return json.loads(TARGET.read_text("utf-8"))[key]


if __name__ == "__main__":
    main()
