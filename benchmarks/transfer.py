"""Measure what carries over: AU12 and closed eyes learnt on rendered faces, on puppets, on both.

The same movements are shown by rendered people and by neutral photographs of FERPlus (puppets).
A logistic regression on frozen features of the action-unit head learns them. It is tested on the
codes of CK+ (AU12), and on frames of two films of real people (closed eyes, labelled by one
viewer). Folds of people of CK+ itself are the ceiling, shuffled labels the control.

Example: python benchmarks/transfer.py DATA --cache /tmp/transfer --films FOLDER
DATA has ck48/, ck48_aus.csv and ferplus/.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu

from mien.align import align
from mien.datasets import LABELS, Labelled
from mien.errors import MienError
from mien.media import open_film
from mien.service.puppets import portrait_of
from mien.synth import Actor, Scene, make_person, open_head
from mien.synth.data.samples import any_scene
from mien.synth.motion.puppet_frame import Performer, show
from mien.systems.action_units_mf2.data import UnitFaces, coded
from mien.systems.action_units_mf2.head import UNITS, ActionUnits
from mien.systems.action_units_mf2.model import Linear, Net, fit_units
from mien.systems.action_units_mf2.train import Known, known
from mien.train import folds
from mien.train.kept import code_key, digest_of, kept_arrays
from mien.train.seed_summary import markdown, over_seeds
from mien.types import Face, Floats, Pixels
from mien.zoo import load

PEOPLE, EACH, SEEDS, SIZE = 300, 4, 5, 112
OTHERS = ("AU1", "AU4", "AU9", "AU15", "AU17", "AU26")
DECAY = 0.01
AU12 = UNITS.index("AU12")
# Films of mien's data folder: seconds at which both lids are shut, as one viewer saw them.
SHUT: Mapping[str, tuple[float, ...]] = {
    "single_face.mp4": (0.90,),
    "WolfgangLanger_Pexels.mp4": (6.40, 8.43, 10.34, 12.01, 16.10),
}
UNTIL = 17.0  # s; then she turns away and gazes down
AROUND, CLEAR = 0.045, 0.4  # s from a closure: shut; at least: open


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("runs/transfer"))
    parser.add_argument("--films", type=Path, help="folder of the films with blinks")
    args = parser.parse_args()
    net = Net(7, 88).eval()
    real = known(net, coded(args.data, args.cache))
    taught = {
        "rendered": features(net, "rendered", args.cache, rendered()),
        "puppets": features(net, "puppets", args.cache, puppets(args.data / "ferplus")),
    }
    print(table("AU12 of CK+", {arm: over_seeds(smiles(arm, taught, real)) for arm in ARMS}))
    if args.films:
        eyes = film_eyes(net, args.films, args.cache)
        found = {arm: over_seeds(closures(arm, taught, eyes)) for arm in ARMS if arm != "CK+"}
        print(table("Closed eyes of films", found))


ARMS: Mapping[str, tuple[str, ...]] = {
    "rendered": ("rendered",), "puppets": ("puppets",), "both": ("rendered", "puppets"),
    "both, shuffled": ("rendered", "puppets"), "CK+": (),
}  # fmt: skip


def rendered() -> Iterator[Performer]:
    """People who do not exist."""
    head = open_head("builtin")
    for number in range(PEOPLE):
        yield Actor(head, make_person(52000 + number, head))


def puppets(data: Path) -> Iterator[Performer]:
    """Photographs that eight of ten raters called neutral, in random order."""
    head, detector, mesh = open_head("builtin"), load("mtcnn"), load("attention-mesh")
    neutral = [one for one in LABELS["ferplus"](data) if one.votes.get("neutral", 0) >= 8]
    done = 0
    for number in np.random.default_rng(52).permutation(len(neutral)):
        photo: Labelled = neutral[number]
        try:
            puppet = portrait_of(photo, SIZE, detector, mesh).puppet(head)
        except MienError:
            continue
        yield puppet
        done += 1
        if done == PEOPLE:
            return


def features(net: Net, name: str, cache: Path, people: Iterator[Performer]) -> Known:
    """Features of what each person shows; label: AU12 and closed eyes, 0 or 1."""

    def make() -> dict[str, Floats]:
        images, label, who = [], [], []
        for number, one in enumerate(people):
            for chip, row in moves(one, number):
                images.append(chip)
                label.append(row)
                who.append(f"{name}-{number}")
        faces = UnitFaces(np.stack(images), np.array(label, np.float32), np.array(who))
        one = known(net, faces)
        return {"features": one.features, "label": one.label, "source": one.source}

    key = digest_of(code_key("mien.synth"), Path(__file__).read_bytes())
    kept = kept_arrays(cache / f"{name}.npz", key, make)
    return Known(kept["features"], kept["label"], kept["source"])


def moves(one: Performer, number: int) -> Iterator[tuple[Pixels, tuple[float, float]]]:
    """Four chips: half of them smile, half have shut eyes, all show another unit as well."""
    random = np.random.default_rng([52, number])
    for k in range(EACH):
        smile, shut = bool(k & 1), bool(k & 2)
        weights = {str(random.choice(OTHERS)): float(random.uniform(0, 0.7))}
        weights |= {"AU12": float(random.uniform(0.4, 1))} if smile else {}
        weights |= {"AU45": float(random.uniform(0.85, 1))} if shut else {}
        scene: Scene = any_scene(random, SIZE, weights, 8)
        frame = show(one, scene, truth=False)
        face = Face(np.zeros(4, np.float32), 1.0, frame.five)
        chip = align(frame.rgb, [face], ActionUnits.crop)[0]
        yield np.repeat(chip.mean(-1, keepdims=True), 3, -1).astype(np.uint8), (smile, shut)


def learnt(arm: str, taught: Mapping[str, Known], column: int, seed: int) -> Linear:
    """A fit to a random two thirds of the people of each source."""
    random, rows, label = np.random.default_rng(seed), [], []
    for name in ARMS[arm]:
        one = taught[name]
        people = np.unique(one.source)
        some = random.permutation(people)[: len(people) * 2 // 3]
        keep = np.isin(one.source, some)
        rows.append(one.features[:, keep].reshape(-1, one.features.shape[-1]))
        label.append(np.tile(one.label[keep, column], 2))
    truth = np.concatenate(label)
    if arm.endswith("shuffled"):
        truth = random.permutation(truth)
    return fit_units(np.concatenate(rows), truth[:, None], DECAY)


def smiles(arm: str, taught: Mapping[str, Known], real: Known) -> list[float]:
    """AUC of AU12 on CK+ by seed."""
    truth = real.label[:, AU12]
    found = []
    for seed in range(SEEDS):
        if arm == "CK+":
            scores = np.zeros(len(truth))
            for learn, test in folds(real.source.tolist(), 5, seed):
                rows = real.features[:, learn].reshape(-1, real.features.shape[-1])
                fit = fit_units(rows, np.tile(truth[learn], 2)[:, None], DECAY)
                scores[test] = mirrored(fit, real.features[:, test])
        else:
            scores = mirrored(learnt(arm, taught, 0, seed), real.features)
        found.append(auc(scores[truth > 0], scores[truth < 1]))
    return found


def mirrored(fit: Callable[[Floats], Floats], rows: Floats) -> Floats:
    """(N,) mean logit of chips and their mirror images."""
    return np.asarray(np.mean([fit(side)[:, 0] for side in rows], axis=0))


def film_eyes(net: Net, folder: Path, cache: Path) -> Known:
    """Features of the frames of films whose lids are shut, or clearly open."""

    def make() -> dict[str, Floats]:
        chips, label, who = [], [], []
        detector = load("mtcnn")
        for name, closures_ in SHUT.items():
            with open_film(folder / name) as film:
                for frame in film.frames():
                    if frame.time > UNTIL:
                        break
                    apart = np.abs(np.array(closures_) - frame.time).min()
                    faces = detector(frame.image) if not AROUND < apart < CLEAR else []
                    if faces:
                        chip = align(frame.image, faces[:1], ActionUnits.crop)[0]
                        chips.append(np.repeat(chip.mean(-1, keepdims=True), 3, -1))
                        label.append([0.0, float(apart <= AROUND)])
                        who.append(name)
        images = np.stack(chips).astype(np.uint8)
        one = known(net, UnitFaces(images, np.array(label, np.float32), np.array(who)))
        return {"features": one.features, "label": one.label, "source": one.source}

    kept = kept_arrays(cache / "films.npz", digest_of(Path(__file__).read_bytes()), make)
    return Known(kept["features"], kept["label"], kept["source"])


def closures(arm: str, taught: Mapping[str, Known], eyes: Known) -> list[float]:
    """AUC of shut against open eyes within each film, their mean, by seed."""
    found = []
    for seed in range(SEEDS):
        scores = mirrored(learnt(arm, taught, 1, seed), eyes.features)
        each = []
        for film in np.unique(eyes.source):
            here, shut = eyes.source == film, eyes.label[:, 1] > 0
            each.append(auc(scores[here & shut], scores[here & ~shut]))
        found.append(float(np.mean(each)))
    return found


def auc(higher: Floats, lower: Floats) -> float:
    """Share of pairs in the right order; ties count half."""
    return float(mannwhitneyu(higher, lower).statistic) / (len(higher) * len(lower))


def table(what: str, found: Mapping[str, tuple[float, float, float]]) -> str:
    """Markdown: AUC of each arm, mean and interval over seeds."""
    rows = [(arm, f"{m:.3f} ({low:.3f} to {high:.3f})") for arm, (m, low, high) in found.items()]
    return markdown(("Learnt on", f"{what}: AUC ({SEEDS} seeds)"), rows)


if __name__ == "__main__":
    main()
