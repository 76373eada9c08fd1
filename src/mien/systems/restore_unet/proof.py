"""Proof: what restoration repairs, whom it helps to identify, and how it changes skin tone.

mien systems prove restore-unet --data DATA --out FOLDER
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.media import smoothed
from mien.media.skin import cheeks
from mien.metrics import Clusters, psnr, ssim, tone_angle
from mien.metrics.estimates import Estimate
from mien.synth.render.bad_conditions import CONDITIONS, enlarge_photo, spoil_photo
from mien.systems.restore_unet.data import Faces, parts
from mien.systems.restore_unet.make import CROP, FACTOR, RestoreUNet
from mien.train.criteria import Criterion, Found, of
from mien.train.identity import accepted, actors, embedded
from mien.train.perceptual import UNMEASURED, Lpips, weights_in
from mien.train.proofs import Figures, Part
from mien.train.seed_summary import markdown
from mien.types import Doubles, OnStep, Pixels
from mien.zoo import EMBEDDER, load

NAME = "restore-unet"
FACES, EACH = 240, 8  # test photographs per condition; pictures of each actor
FAR = 0.01
CAP = 60.0  # dB; an unchanged picture has no finite PSNR
FILTERS = ("bilateral", "median", "sharpen")
ALL = (*CONDITIONS, "x4", "clean")
ACTORS, UTKFACE = "actors", "UTKFace"  # the two sets
SHOWN = ("before", "after", "gain", "low", "high", "filters", "ssim before", "ssim")
JUDGED = ("mixed", "x4", "small", "blur", "noise", "fog")  # for identity


@dataclass(frozen=True, slots=True, eq=False)
class Photographs:
    """Faces that no training saw."""

    some: Faces  # of UTKFace
    clean: Pixels  # (N, 128, 128, 3) portraits of actors
    people: NDArray[np.str_]  # (N,) whom they show
    lpips: Path | None = None  # weights, if the run folder holds some


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Photographs:
    assert data is not None
    _, _, test = parts(data / "utkface", out / "utkface", on_step)
    some = test.rows(np.arange(0, len(test.images), max(1, len(test.images) // FACES)))
    clean, people = actors(data / "taiwan", CROP, out / "taiwan", EACH)
    return Photographs(some, clean, people, weights_in(out))


def _gains(name: str, seed: int, given: Photographs) -> dict[str, float]:
    """The figures of every condition by the shipped weights, measured once for each set."""
    net: RestoreUNet = load(name)
    sets = {ACTORS: given.clean, UTKFACE: given.some.images}
    return {
        f"{part}: {condition}: {key}": value
        for part, images in sets.items()
        for condition in ALL
        for key, value in judged(net, images, condition).items()
    }


def _tables(found: Found, given: Photographs) -> Sequence[str]:
    net: RestoreUNet = load(NAME)
    [one] = found[NAME]
    who = f"portraits of {len(set(given.people))} actors, whom no training saw"
    return [
        pictures(one, ACTORS, f"{len(given.clean)} {who}"),
        pictures(
            one, UTKFACE, f"{len(given.some.images)} photographs of UTKFace that no training saw"
        ),
        perceived(net, given),
        tones(net, given.some),
        identities(net, given.clean, given.people),
    ]


def degraded(images: Pixels, condition: str, seed: int = 0) -> Pixels:
    """(N, 128, 128, 3) faces under a condition of ALL; each has a seed of its own."""

    def one(image: Pixels, number: int) -> Pixels:
        if condition == "x4":
            return enlarge_photo(image, FACTOR)
        if condition == "clean":
            return image
        return spoil_photo(image, condition, 10_000 * (seed + 1) + number)  # type: ignore[arg-type]

    return np.stack([one(image, number) for number, image in enumerate(images)])


def restored(net: RestoreUNet, images: Pixels) -> Pixels:
    """(N, 128, 128, 3) rounded results, in batches."""
    found = [net.chips(images[k : k + 32]) for k in range(0, len(images), 32)]
    return np.asarray(np.rint(np.concatenate(found)), np.uint8)


def filtered(kind: str) -> Callable[[Pixels], Pixels]:
    """A usual filter of OpenCV, applied to each face."""
    return lambda images: np.stack([smoothed(image, kind) for image in images])


def judged(net: RestoreUNet, images: Pixels, condition: str) -> dict[str, float]:
    """PSNR and SSIM before and after, the gain, and what the best of three filters reaches."""
    bad = degraded(images, condition)
    good = restored(net, bad)
    gained = gain(images, bad, good)
    best = max(float(_capped(filtered(kind)(bad), images).mean()) for kind in FILTERS)
    after = float(_capped(good, images).mean())
    return {
        "before": float(_capped(bad, images).mean()), "after": after,
        "gain": gained.value, "low": gained.low, "high": gained.high,
        "filters": best, "over filters": after - best,
        "ssim before": float(ssim(bad, images).mean()), "ssim": float(ssim(good, images).mean()),
    }  # fmt: skip


def pictures(found: Figures, part: str, who: str) -> str:
    """The table of one set: PSNR and SSIM before and after, and of the best usual filter."""
    rows = []
    for condition in ALL:
        one = {key: found[f"{part}: {condition}: {key}"] for key in SHOWN}
        gained = _text(Estimate(one["gain"], one["low"], one["high"]), 2, "+")
        rows.append((condition, f"{one['before']:.2f}", f"{one['after']:.2f}", gained,
                     f"{one['filters']:.2f}", f"{one['ssim before']:.3f}",
                     f"{one['ssim']:.3f}"))  # fmt: skip
    columns = ("Condition", "PSNR before, dB", "After", "Gain (95 % interval)",
               "Best of three filters", "SSIM before", "After")  # fmt: skip
    return "\n\n".join(
        [
            f"**Pictures.** {who}, PSNR capped at {CAP:.0f} dB. The filters are "
            "bilateral, median and unsharp mask.",
            markdown(columns, rows),
        ]
    )


def perceived(net: RestoreUNet, given: Photographs) -> str:
    """LPIPS of the portraits of actors before and after, if there are weights for it."""
    if given.lpips is None:
        return f"**LPIPS** {UNMEASURED}: the run folder holds no weights for it."
    metric, rows = Lpips(given.lpips), []
    for condition in ALL:
        bad = degraded(given.clean, condition)
        values = [metric(x, given.clean) for x in (bad, restored(net, bad))]
        people = Clusters(given.people.tolist())
        rows.append((condition, *(_text(people.mean(one), 3) for one in values)))
    columns = ("Condition", "LPIPS before (95 % interval)", "After")
    return "\n\n".join(["**LPIPS** of the portraits, lower is better.", markdown(columns, rows)])


def gain(images: Pixels, bad: Pixels, good: Pixels) -> Estimate:
    """Mean gain of PSNR by restoration, dB; intervals count pictures."""
    return Clusters(np.arange(len(images))).mean(_capped(good, images) - _capped(bad, images))


def _capped(x: Pixels, images: Pixels) -> Doubles:
    return np.minimum(psnr(x, images), CAP)


def tones(net: RestoreUNet, test: Faces) -> str:
    """Change of the skin tone (ITA of the cheeks) by the group that the authors assigned."""
    bad = degraded(test.images, "mixed", 1)
    good = restored(net, bad)
    angle = [np.array([tone_angle(cheeks(one)) for one in x]) for x in (test.images, bad, good)]
    rows = []
    for name in sorted(set(test.group.tolist()) - {""}):
        here = (test.group == name) & np.isfinite(np.stack(angle)).all(0)
        people = Clusters(np.flatnonzero(here).tolist())
        rows.append((name, int(here.sum()), f"{angle[0][here].mean():.0f}",
                     _text(people.mean((angle[1] - angle[0])[here]), 1, "+"),
                     _text(people.mean((angle[2] - angle[0])[here]), 1, "+")))  # fmt: skip
    columns = ("Group", "Faces", "ITA of the original, degrees", "Change by the condition",
               "Change after restoration")  # fmt: skip
    return "\n\n".join(
        [
            "**Skin tone.** The same photographs under mixed conditions; ITA of the cheeks against "
            "the original, degrees (95 % interval). Under unknown light it is a noisy proxy.",
            markdown(columns, rows),
        ]
    )


def identities(net: RestoreUNet, clean: Pixels, people: NDArray[np.str_]) -> str:
    """TAR of degraded and of restored probes against clean pictures of actors."""
    embedder = load(EMBEDDER)
    gallery = embedded(embedder, clean)
    rows = []
    for condition in JUDGED:
        bad = degraded(clean, condition, 2)
        good = restored(net, bad)
        vectors = [embedded(embedder, x) for x in (bad, good)]
        shares = [accepted(v, gallery, people, FAR) for v in vectors]
        groups = Clusters(people.tolist())
        found = [groups.mean(share) for share in shares]
        change = groups.mean(shares[1] - shares[0])
        like = [float((v * gallery).sum(1).mean()) for v in vectors]
        verdict = "helps" if change.low > 0 else "harms" if change.high < 0 else "no difference"
        rows.append((condition, _text(found[0], 3), _text(found[1], 3), _text(change, 3, "+"),
                     f"{like[0]:.3f}", f"{like[1]:.3f}", verdict))  # fmt: skip
    columns = ("Condition", "TAR before", "TAR after", "Change (95 % interval)",
               "Cosine to the original before", "After", "Verdict")  # fmt: skip
    best = float(accepted(gallery, gallery, people, FAR).mean())
    return "\n\n".join(
        [
            f"**Identity.** {len(clean)} portraits of {len(set(people))} actors of "
            f"`taiwan_expressions.zip`, whom no training saw. Each degraded probe against all "
            f"other clean portraits, `{EMBEDDER}`, TAR at FAR {FAR:g}, intervals by person. Clean "
            f"probes: {best:.3f}.",
            markdown(columns, rows),
        ]
    )


def _text(found: Estimate, digits: int, sign: str = "") -> str:
    low, high = (f"{x:{sign}.{digits}f}" for x in (found.low, found.high))
    return f"{found.value:{sign}.{digits}f} ({low} to {high})"


PARTS = (
    Part(
        name="photographs",
        title="",
        arms={NAME: NAME},
        run=_gains,
        shown={},
        criteria=(
            Criterion("enlarged four times: 1.5 dB above bicubic",
                      of(NAME, f"{ACTORS}: x4: gain"), least=1.5, digits=2),
            Criterion("mixed conditions: a gain, dB", of(NAME, f"{ACTORS}: mixed: gain"),
                      least=0.0, digits=2),
            Criterion("mixed conditions: above the best of three filters, dB",
                      of(NAME, f"{ACTORS}: mixed: over filters"), least=0.0, digits=2),
        ),
        load=_load,
        needs="a folder with utkface and taiwan",
        seeds=1,
        also=_tables,
    ),
)  # fmt: skip
