"""Proof: how near filled parts come to what was there, and whether they help to identify.

mien systems prove inpaint-face --data DATA --out FOLDER
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.systems.inpaint_face.data import filled, parts
from mien.systems.inpaint_face.holes import KINDS, Mask, hole
from mien.systems.inpaint_face.make import CROP, SIDE, InpaintFace
from mien.train.criteria import Criterion, Found, gain, spread
from mien.train.identity import accepted, actors, embedded
from mien.train.perceptual import UNMEASURED, lpips_of, weights_in
from mien.train.proofs import Figures, Part
from mien.types import Doubles, Floats, OnStep, Pixels
from mien.zoo import EMBEDDER, load

NAME = "inpaint-face"
FACES = 390  # test photographs of UTKFace
FAR = 0.01
COVERS = ("sunglasses", "mask")  # for identity
ACTORS, UTKFACE = "actors", "UTKFace"
TELEA, MEAN, AVERAGE, CONTROL = (
    "from the surroundings (Telea)", "mean of what is seen", "average face",
    "told the hole of another face (control)",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Photographs:
    """Faces that no training saw, and the average of those that it saw."""

    sets: Mapping[str, Pixels]  # (N, 64, 64, 3)
    people: NDArray[np.str_]  # of the actors
    average: Floats  # (64, 64, 3)
    lpips: Path | None = None  # weights, if the run folder holds some


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Photographs:
    assert data is not None
    learn, _, test = parts(data / "utkface", out / "utkface", on_step)
    some = test.images[:: max(1, len(test.images) // FACES)]
    portraits, people = actors(data / "taiwan", CROP, out / "taiwan")
    average = learn.images.astype(np.float32).mean(0)
    return Photographs({ACTORS: portraits, UTKFACE: some}, people, average, weights_in(out))


Way = Callable[[Pixels, list[Mask], Photographs], Floats]  # whole faces, holes -> filled faces


def _by_network(faces: Pixels, holes: list[Mask], given: Photographs) -> Floats:
    return _told(faces, holes, holes)


def _told(faces: Pixels, holes: list[Mask], told: list[Mask]) -> Floats:
    net: InpaintFace = load(NAME)
    simple = filled(faces, holes)
    masks = np.stack(told)
    return np.concatenate([net.chips(simple[k : k + 64], masks[k : k + 64])
                           for k in range(0, len(simple), 64)])  # fmt: skip


def _by_mean(faces: Pixels, holes: list[Mask], given: Photographs) -> Floats:
    done = faces.astype(np.float32)
    for face, hidden in zip(done, holes, strict=True):
        face[hidden] = face[~hidden].mean(0)
    return done


def _by_average(faces: Pixels, holes: list[Mask], given: Photographs) -> Floats:
    return np.where(np.stack(holes)[..., None], given.average, faces.astype(np.float32))


ARMS: Mapping[str, Way] = {
    NAME: _by_network,
    TELEA: lambda faces, holes, given: filled(faces, holes).astype(np.float32),
    MEAN: _by_mean,
    AVERAGE: _by_average,
    CONTROL: lambda faces, holes, given: _told(faces, holes, holes[1:] + holes[:1]),
}


def _run(way: Way, seed: int, given: Photographs) -> Figures:
    """PSNR of hidden pixels for each kind of hole, and TAR of filled probes of actors."""
    found: dict[str, float] = {}
    for name, faces in given.sets.items():
        for kind in KINDS:
            holes = [hole(kind, SIDE, 100_000 * (seed + 1) + k) for k in range(len(faces))]
            done = way(faces, holes, given)
            found[f"{name}: {kind}"] = float(hidden_psnr(done, faces, holes).mean())
            perceived = lpips_of(given.lpips, np.rint(done).astype(np.uint8), faces)
            if perceived is not None:
                found[f"LPIPS: {name}: {kind}"] = perceived
            if name == ACTORS and kind in COVERS:
                found[f"TAR: {kind}"] = _tar(np.rint(done).astype(np.uint8), faces, given.people)
        found[name] = float(np.mean([found[f"{name}: {kind}"] for kind in KINDS]))
    return found


def hidden_psnr(done: Floats, faces: Pixels, holes: list[Mask]) -> Doubles:
    """(N,) PSNR of the hidden pixels of each face, dB."""
    pairs = zip(done, faces, holes, strict=True)
    errors = [((a[hidden] - b[hidden].astype(float)) ** 2).mean() for a, b, hidden in pairs]
    return np.asarray(10 * np.log10(255**2 / np.maximum(errors, 1e-3)))


def _tar(probes: Pixels, faces: Pixels, people: NDArray[np.str_]) -> float:
    embedder = load(EMBEDDER)
    vectors = [embedded(embedder, chips) for chips in (probes, faces)]
    return float(accepted(vectors[0], vectors[1], people, FAR).mean())


def _clean(found: Found, given: Photographs) -> Sequence[str]:
    faces = given.sets[ACTORS]
    whole = _tar(faces, faces, given.people)
    return [
        f"{len(faces)} portraits of {len(set(given.people))} actors and "
        f"{len(given.sets[UTKFACE])} photographs of UTKFace. TAR at FAR {FAR:g} by `{EMBEDDER}`, "
        f"filled probes against whole portraits; whole probes of {SIDE} px: {whole:.3f}.",
        _perceived(found, given),
    ]


def _perceived(found: Found, given: Photographs) -> str:
    """LPIPS of whole faces, mean over the kinds of holes, if there are weights for it."""
    if given.lpips is None:
        return f"LPIPS: {UNMEASURED}, since the run folder holds no weights for it."
    keys = [f"LPIPS: {name}: {kind}" for name in given.sets for kind in KINDS]
    each = [f"{arm} {spread([float(np.mean([one[key] for key in keys])) for one in every])}"
            for arm, every in found.items()]  # fmt: skip
    return f"LPIPS of whole faces, mean over the kinds of holes: {'; '.join(each)}."


PARTS = (
    Part(
        name="photographs",
        title="PSNR of hidden pixels, dB; faces that no training saw, other holes for each seed",
        arms=ARMS,
        run=_run,
        shown={**{f"{ACTORS}: {kind}": f"actors, {kind}" for kind in KINDS},
               ACTORS: "actors, mean", UTKFACE: "UTKFace, mean",
               **{f"TAR: {kind}": f"TAR, {kind}" for kind in COVERS}},
        criteria=(
            Criterion("actors: 3 dB above the mean of what is seen",
                      gain(NAME, ACTORS, MEAN), least=3.0, digits=2),
            Criterion("UTKFace: the same", gain(NAME, UTKFACE, MEAN), least=3.0, digits=2),
            Criterion("actors: above Telea's way", gain(NAME, ACTORS, TELEA), least=0.0, digits=2),
            Criterion("UTKFace: the same", gain(NAME, UTKFACE, TELEA), least=0.0, digits=2),
            Criterion("actors: above the average face",
                      gain(NAME, ACTORS, AVERAGE), least=0.0, digits=2),
            Criterion("sunglasses: TAR not below Telea's",
                      gain(NAME, "TAR: sunglasses", TELEA), least=0.0),
            Criterion("masks: TAR not below Telea's", gain(NAME, "TAR: mask", TELEA), least=0.0),
            Criterion("control: below the network by 0.5 dB",
                      gain(NAME, ACTORS, CONTROL), least=0.5, digits=2),
        ),
        load=_load,
        needs="a folder with utkface and taiwan",
        seeds=3,
        also=_clean,
        digits=2,
    ),
)  # fmt: skip
