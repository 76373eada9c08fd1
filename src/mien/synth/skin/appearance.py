"""Appearance of a synthetic person beside the shape of the head: skin, eyes, hair, age.

All of these are rendering controls, not categories of people.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from mien.errors import MienError
from mien.synth.head.model import HeadModel

HairStyle = Literal["bald", "buzz", "short", "side", "curly", "bob", "long", "bun"]
BeardStyle = Literal["none", "stubble", "moustache", "goatee", "short", "full"]
HAIR_STYLES: tuple[HairStyle, ...] = (
    "bald", "buzz", "short", "side", "curly", "bob", "long", "bun",
)  # fmt: skip
BEARDS: tuple[BeardStyle, ...] = ("none", "stubble", "moustache", "goatee", "short", "full")
Colour = tuple[float, float, float]  # linear RGB
# The Monk Skin Tone scale, sRGB. Source: skintone.google, E. Monk, 2022 (CC BY 4.0).
MONK = (
    "f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a",
    "292420",
)  # fmt: skip
_IRISES: tuple[Colour, ...] = (  # brown, dark brown, hazel, green, grey, blue
    (0.150, 0.060, 0.022), (0.060, 0.026, 0.012), (0.170, 0.105, 0.040),
    (0.110, 0.150, 0.075), (0.180, 0.215, 0.235), (0.095, 0.185, 0.310),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (  # black, dark brown, brown, auburn, dark blond, blond
    (0.010, 0.008, 0.007), (0.027, 0.016, 0.010), (0.070, 0.038, 0.020),
    (0.120, 0.040, 0.016), (0.170, 0.105, 0.055), (0.330, 0.220, 0.115),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Appearance:
    """Skin, eyes, hair and accessories of one synthetic person."""

    tone: float = 4.0  # place on the Monk scale, 1 to 10
    redness: float = 0.5  # haemoglobin, 0 to 1
    age: float = 30.0  # years, 2 to 90: wrinkles, sagging, grey hair
    seed: int = 0  # of everything irregular: pores, freckles, strands
    freckles: float = 0.0  # 0 to 1
    moles: int = 2
    blotches: float = 0.4  # uneven colour, 0 to 1
    rings: float = 0.4  # darkness under the eyes, 0 to 1
    shine: float = 0.5  # 0 to 1
    lips: Colour = (0.62, 0.30, 0.28)  # factor on the skin's colour
    make_up: float = 0.0  # 0 to 1: darker lids and lashes, stronger lips
    iris: Colour = _IRISES[0]
    iris_size: float = 1.0
    brow: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 1.0, 1.0)
    # brow: height mm, arch mm, tilt mm, thickness times, density times
    brow_ends: tuple[float, float] = (0.0, 0.0)  # mm further out: near the nose, at the temple
    hair_style: HairStyle = "short"
    hair: Colour = _HAIRS[1]
    grey: float = 0.0  # share of white hairs, 0 to 1
    hairline: tuple[float, float, float] = (0.0, 0.0, 0.0)  # mm: height, recession, peak
    hair_volume: float = 1.0
    parting: float = 0.0  # -1 (subject's right) to 1
    beard: BeardStyle = "none"
    glasses: Literal["none", "round", "square", "sun"] = "none"
    mask: bool = False
    hat: bool = False
    scarf: bool = False
    scar: bool = False
    clothes: Colour = (0.08, 0.10, 0.16)

    def __post_init__(self) -> None:
        for name, low, high in (("tone", 1, 10), ("age", 2, 90), ("grey", 0, 1)):
            value = getattr(self, name)
            if not low <= value <= high:  # NaN fails as well
                raise MienError(
                    f"The {name} of an appearance must be in {low} to {high}, got {value}."
                )
        if self.hair_style not in HAIR_STYLES or self.beard not in BEARDS:
            raise MienError(
                f"Hair '{self.hair_style}' or beard '{self.beard}' is unknown; hair is one of "
                f"{', '.join(HAIR_STYLES)}, a beard one of {', '.join(BEARDS)}."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A synthetic person: a shape for one head model, and an appearance."""

    identity: tuple[float, ...]  # standard deviations, see HeadModel.identity
    appearance: Appearance = field(default_factory=Appearance)
    name: str = "nobody"


def linear(code: str) -> Colour:
    """Linear RGB of an sRGB code such as "f6ede4". Source: IEC 61966-2-1."""
    values = [int(code[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue


def make_person(
    seed: int, head: HeadModel, *, spread: float = 1.0, tone: float | None = None
) -> Person:
    """A random person; the same seed gives the same person.

    Args:
        seed: any number from 0.
        head: the head model of the person.
        spread: of the identity numbers, relative to the default of that head.
        tone: place on the Monk scale; random if None.
    """
    rng = np.random.default_rng([seed, 7])
    drawn = np.clip(rng.normal(size=len(head.identity)), -head.limit, head.limit)
    identity = drawn * spread * head.spread
    appearance = _random_appearance(np.random.default_rng([seed, 11]), seed, tone)
    return Person(tuple(float(v) for v in identity), appearance, f"p{seed:05d}")


def _random_appearance(rng: np.random.Generator, seed: int, tone: float | None) -> Appearance:
    drawn = float(rng.uniform(1, 10))
    tone = drawn if tone is None else tone
    light = max(0.0, (5 - tone) / 4)  # fair hair and eyes are more frequent with fair skin
    chances = np.array([1.0, 1.0 + light, 2.4 * light, 0.8 * light, 1.6 * light, 1.5 * light])
    hair = _HAIRS[int(rng.choice(6, p=chances / chances.sum()))]
    chances = np.array([1.4, 1.6, 1.0 * light, 0.8 * light, 0.9 * light, 1.6 * light])
    iris = np.array(_IRISES[int(rng.choice(6, p=chances / chances.sum()))])
    age = float(np.clip(rng.gamma(6.0, 6.2), 18, 85))
    bearded = rng.random() < 0.38
    style = HAIR_STYLES[int(rng.choice(8, p=_HAIR_CHANCES[int(bearded)]))]
    beard = BEARDS[int(rng.choice(5, p=(0.34, 0.12, 0.14, 0.22, 0.18))) + 1] if bearded else "none"
    red, green, blue = np.array((0.57, 0.245, 0.235)) * rng.uniform(0.8, 1.15, 3)
    return Appearance(
        tone=tone,
        redness=float(rng.uniform(0.2, 0.9)),
        age=age,
        seed=seed,
        freckles=float(max(0.0, rng.normal(-0.3, 0.5)) * min(1, light)),
        moles=int(rng.poisson(2.5)),
        blotches=float(rng.uniform(0.2, 0.9)),
        shine=float(rng.uniform(0.25, 0.8)),
        lips=(float(red), float(green), float(blue)),
        make_up=float(max(0.0, rng.normal(-0.1, 0.5))) if not bearded else 0.0,
        iris=tuple(float(v) for v in iris * rng.uniform(0.75, 1.3)),  # type: ignore[arg-type]
        iris_size=float(rng.normal(1, 0.03)),
        brow=(
            float(rng.normal(0, 0.7)),  # the shape of the head moves brows further, and its points
            float(rng.normal(0, 0.7)),
            float(rng.normal(0, 0.7)),
            float(np.clip(np.exp(rng.normal(0.05 + 0.15 * bearded, 0.36)), 0.45, 2.2)),
            float(np.clip(np.exp(rng.normal(0, 0.3)), 0.5, 1.4)),
        ),
        hair_style=style,
        hair=tuple(float(v) for v in np.array(hair) * np.exp(rng.normal(0, 0.25))),  # type: ignore[arg-type]
        grey=float(np.clip((age - 48) / 35 + rng.normal(0, 0.15), 0, 0.97)),
        hairline=(
            float(rng.normal(0, 4)),
            float(abs(rng.normal(0, 5)) + max(0, age - 40) * 0.25 * bearded),
            float(rng.normal(0, 2.5)),
        ),
        hair_volume=float(np.exp(rng.normal(0, 0.25))),
        parting=float(rng.uniform(-0.7, 0.7)),
        beard=beard,
        glasses=("none", "round", "square")[int(rng.choice(3, p=(0.84, 0.07, 0.09)))],
        clothes=tuple(float(v) for v in rng.uniform(0.01, 0.5) * rng.uniform(0.3, 1, 3)),  # type: ignore[arg-type]
        rings=float(rng.beta(1.3, 2.0)),
        brow_ends=(float(np.clip(rng.normal(0, 1.5), -3, 3)), float(rng.normal(0, 2.5))),
    )


# Probabilities of HAIR_STYLES without and with a beard.
_HAIR_CHANCES = (
    (0.02, 0.06, 0.20, 0.15, 0.14, 0.17, 0.16, 0.10),
    (0.12, 0.20, 0.30, 0.18, 0.12, 0.03, 0.04, 0.01),
)


def aged(person: Person, years: float) -> Person:
    """The same person at another age: greyer and more wrinkled, or younger."""
    grey = float(np.clip((years - 48) / 35 + (person.appearance.seed % 17 - 8) / 60, 0, 0.97))
    bare = years < 15
    return replace(
        person,
        appearance=replace(
            person.appearance,
            age=years,
            grey=grey,
            beard="none" if bare else person.appearance.beard,
            make_up=0.0 if bare else person.appearance.make_up,
        ),
    )
