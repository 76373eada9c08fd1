"""Paint a person's skin onto the chart: colour, gloss, relief and labels.

Colours are linear RGB; relief is in mm. Everything is placed in canonical space, so that one
painter works for every head.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.synth.head import head_shape
from mien.synth.skin import atlas
from mien.synth.skin.appearance import MONK, Appearance, linear
from mien.synth.skin.atlas import HIGH, LOW, SIDE, Maps
from mien.synth.skin.folds import fold_heights

# Names of CelebAMask-HQ in its own order; 0 is the background.
LABELS = (
    "background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear",
    "mouth", "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth",
)  # fmt: skip
NUMBER = {name: number for number, name in enumerate(LABELS)}
# Effect of haemoglobin on skin colour: absorption of red, green, blue light. Source: the shape of
# the spectrum of oxygenated haemoglobin (Prahl, OMLC), averaged over the channels of sRGB.
BLOOD = np.array([0.07, 0.42, 0.34], np.float32)
# Relative linear RGB of skin in daylight. Source: mean of the forehead in published portraits of
# all tones, by eye; luminance 1.
HUE = np.array([1.62, 0.87, 0.58])
# Folds that accompany blendshapes; each is one relief map.
FOLDS = ("forehead", "frown", "crow", "nose", "smile")
# What the skin does not depend on.
BESIDE = ("iris", "iris_size", "hair_style", "hairline", "hair_volume", "parting", "glasses",
          "mask", "hat", "scarf", "clothes")  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """Painted skin; all maps lie on the chart of mien.synth.skin.atlas."""

    colour: Maps  # (S, S, 3) linear albedo
    infrared: Maps  # (S, S, 1) albedo at 850 nm
    finish: Maps  # (S, S, 4): gloss, occlusion (1 = open), relief across, relief up (slopes)
    folds: dict[str, Maps]  # (S, S, 2) slopes that a blendshape at full strength adds
    blood: Maps  # (S, S, 1) strength of the pulse, about 1
    labels: NDArray[np.uint8]  # (S, S) of LABELS


def paint(appearance: Appearance) -> Skin:
    """Paint the skin of one person: about a second.

    The last skins are kept, since people are often compared with and without glasses or a hat.
    """
    usual = Appearance()
    beside = {name: getattr(usual, name) for name in BESIDE}
    return _painted(replace(appearance, **beside))


@lru_cache(maxsize=2)  # 40 MB each
def _painted(appearance: Appearance) -> Skin:
    return _Painter(appearance).skin()


@lru_cache(maxsize=1)
def folds() -> dict[str, Maps]:
    """Slopes of the folds, the same for everybody."""
    return {name: np.dstack(slopes(fold_heights(name))) for name in FOLDS}


class _Painter:
    def __init__(self, appearance: Appearance) -> None:
        self.appearance = appearance
        self.rng = np.random.default_rng([appearance.seed, 23])
        self.x, self.y, self.z = atlas.places()
        self.far = np.abs(self.x)
        self.heights = self.y[:, 0]
        self.front = np.clip((self.z - 15) / 25, 0, 1)
        self.upper, self.lower = head_shape.upper_lid(self.x), head_shape.lower_lid(self.x)
        self.top, self.bottom = head_shape.upper_lip(self.x), head_shape.lower_lip(self.x)
        self.lip = self._lip_mask()

    def skin(self) -> Skin:
        density = np.zeros((SIDE, SIDE, 3), np.float32)  # absorption of the skin, per channel
        density += self._blood()[..., None] * BLOOD
        density += self._pigment()[..., None] * np.array([0.55, 0.9, 1.15], np.float32)
        colour = self._tone() * np.exp(-density)
        colour = self._lips(colour)
        infrared = self._infrared(density)
        hairs, shade = self._hairs()
        strand = np.array(
            grey_mix(self.appearance, 0.75), np.float32
        )  # brows and beard stay darker
        below = np.minimum(strand * (0.7 + 0.4 * shade[..., None]), self._brow_share() * colour)
        brow = (self.y > 0) & (hairs > 0)  # and no brow is lighter than the skin
        strand = np.where(brow[..., None], below, strand * (0.75 + 0.5 * shade[..., None]))
        colour += (strand - colour) * hairs[..., None]
        dark = self._dark()
        colour *= 1 - dark[..., None] * np.array([0.86, 0.93, 0.95], np.float32)
        infrared = (infrared * (1 - 0.5 * hairs) + 0.15 * hairs * 0.5) * (1 - 0.8 * dark)
        relief = self._relief()
        gloss = self._gloss() * (1 - 0.7 * hairs)
        finish = np.dstack([gloss, self._occlusion(), *slopes(relief)])
        return Skin(
            np.clip(colour, 0.002, 0.95).astype(np.float32),
            np.clip(infrared, 0.02, 0.9)[..., None].astype(np.float32),
            finish.astype(np.float32),
            folds(),
            (0.55 + 0.9 * self._blood_places())[..., None].astype(np.float32),
            self._labels(hairs),
        )

    # --- placing ---

    def bells(self, *places: tuple[float, float, float, float, float], both: bool = True) -> Maps:
        """A sum of Gaussians: x, y, spread in x, spread in y, height; mirrored unless x is 0."""
        out = np.zeros((SIDE, SIDE), np.float32)
        for cx, cy, sx, sy, high in places:
            rows = slice(
                int(np.clip((HIGH - cy - 3 * sy) / (HIGH - LOW) * SIDE, 0, SIDE)),
                int(np.clip((HIGH - cy + 3 * sy) / (HIGH - LOW) * SIDE + 1, 0, SIDE)),
            )
            x = self.far[rows] if both else self.x[rows]
            tall = np.exp(-((self.y[rows, :1] - cy) ** 2) / (2 * sy * sy))
            near = np.exp(-((x - cx) ** 2) / (2 * sx * sx)) * tall
            out[rows] += high * near * self.front[rows]
        return out

    def _lip_mask(self) -> Maps:
        """1 on the lips with an edge of a millimetre."""
        inside = np.minimum(self.top - self.y, self.y - self.bottom)
        within = np.clip((head_shape.MOUTH_HALF + 0.5 - self.far) / 2.5, 0, 1)
        return np.asarray(np.clip(inside / 1.3 + 0.35, 0, 1) * within * (self.z > 40), np.float32)

    # --- colour ---

    def _brow_share(self) -> float:
        """Largest albedo of a brow relative to the skin; on dark skin only black is visible."""
        return 0.75 - 0.35 * float(np.clip((self.appearance.tone - 6) / 4, 0, 1))

    def _tone(self) -> Maps:
        """Colour of the bare skin: between two swatches of the Monk scale, in absorption."""
        place = self.appearance.tone - 1
        below = int(np.clip(place, 0, 8))
        swatches = np.log([linear(code) for code in MONK[below : below + 2]])
        mixed = np.exp(swatches[0] + (swatches[1] - swatches[0]) * (place - below))
        # The scale was made for selection on a screen and is paler than skin in a photograph:
        # half of its hue is kept, half is that of skin in daylight, and white is reduced.
        # Its last swatches are blacker (L* 14) than skin, which hardly falls below L* 22.
        swatch = float(mixed @ [0.2126, 0.7152, 0.0722])
        level = swatch + 0.025 * float(np.exp(-swatch / 0.06))
        hue = np.sqrt(mixed / swatch * HUE) * np.exp(-BLOOD * (self.appearance.redness - 0.5) * 0.5)
        tone = (min(level, 0.9) * (1 - 0.34 * level) * hue).astype(np.float32)[None, None]
        patch = atlas.noise(self.rng, 24) * 0.5 + atlas.noise(self.rng, 9) * 0.5
        return np.asarray(
            tone * np.exp(0.028 * (0.5 + self.appearance.blotches) * patch)[..., None], np.float32
        )

    def _blood_places(self) -> Maps:
        return self.bells(
            (40, -32, 15, 13, 0.75), (0, -42, 11, 10, 0.7), (13, -46, 6, 6, 0.5),
            (0, -102, 14, 9, 0.35), (0, 40, 40, 18, 0.18), (31, 5, 14, 4, 0.25),
        )  # fmt: skip

    def _blood(self) -> Maps:
        """Redder where vessels lie near the surface, in blotches."""
        rng, red = self.rng, self.appearance.redness
        fine = 0.5 * atlas.noise(rng, 6) + 0.35 * atlas.noise(rng, 2.4)
        ears = np.clip((self.far - 62) / 8, 0, 1) * np.exp(-(((self.y + 20) / 25) ** 2)) * 0.5
        places = self._blood_places()
        lids = self.bells((31, -7, 12, 3.5, 0.5), (17.5, -2, 3.0, 3.0, 0.9))
        veil = places * (0.25 + 0.75 * red) + ears + lids
        fair = np.clip((8.5 - self.appearance.tone) / 4, 0.25, 1)
        return np.asarray(fair * (veil + 0.12 * self.appearance.blotches * fine), np.float32)

    def _pigment(self) -> Maps:
        """Freckles, moles, dark rings, age spots and the shadow of a beard."""
        appearance, rng = self.appearance, self.rng
        ring = 0.4 + 1.6 * appearance.rings
        out = ring * self.bells(
            (24, -13, 10, 5, 0.08 + 0.0014 * appearance.age), (18, -9, 6, 4, 0.08)
        )
        out += self.bells((31, 3.2, 13, 3.2, 0.12 * appearance.rings + 0.5 * appearance.make_up))
        spots = np.clip(atlas.noise(rng, 2.2) - 1.15, 0, 1)
        cheeks = self.bells((30, -28, 22, 15, 1.0), (0, -22, 12, 16, 0.8), (0, 45, 40, 20, 0.35))
        out += 1.1 * appearance.freckles * spots * cheeks
        late = np.clip((appearance.age - 55) / 30, 0, 1)
        out += 0.5 * late * np.clip(atlas.noise(rng, 6) - 1.5, 0, 0.6)
        for _ in range(appearance.moles):
            x, y = rng.uniform(-58, 58), rng.uniform(-112, 60)
            size = rng.uniform(0.7, 1.7)
            eye = abs(abs(x) - head_shape.EYE[0]) < 18 and abs(y - head_shape.EYE[1]) < 9
            if not eye and not (abs(x) < 27 and -80 < y < -58):
                out += self.bells((x, y, size, size, rng.uniform(0.9, 2.0)), both=False)
        if appearance.scar:
            x, y = rng.uniform(20, 45), rng.uniform(-60, -25)
            line = self.bells(
                *((x + k * 1.3, y - k * 2.1, 0.9, 1.4, -0.35) for k in range(9)), both=False
            )
            out += line
        fine = 0.06 * atlas.noise(rng, 1.3) + 0.03 * atlas.noise(rng, 0.8)
        return np.asarray(out + fine * self.front, np.float32)

    def _lips(self, colour: Maps) -> Maps:
        appearance = self.appearance
        fade = np.array(appearance.lips) ** (1 - 0.25 * np.clip((appearance.tone - 5) / 5, 0, 1))
        painted = colour * fade.astype(np.float32) * (1 - 0.15 * appearance.make_up)
        painted[..., 0] *= 1 + 0.25 * appearance.make_up
        streaks = 1 + 0.07 * atlas.noise(self.rng, 1.1, 5)
        seam = 1 - 0.55 * np.exp(-((self.y - head_shape.MOUTH_Y) ** 2) / 1.6)
        painted *= (streaks * seam)[..., None]
        return np.asarray(colour + (painted - colour) * self.lip[..., None] * 0.92, np.float32)

    def _infrared(self, density: Maps) -> Maps:
        """At 850 nm melanin has little effect: 0.65 of the lightest, 0.5 of the darkest skin."""
        base = 0.65 - 0.15 * (self.appearance.tone - 1) / 9
        return np.asarray(
            base * np.exp(-0.06 * density[..., 2]) * (1 - 0.12 * self.lip), np.float32
        )

    # --- hairs that are painted: brows, beard, scalp ---

    def _hairs(self) -> tuple[Maps, Maps]:
        """Cover of hair on each texel, and brightness of each strand."""
        brow = self._brow()
        strands = atlas.noise(self.rng, 0.6, 6)
        leaning = self._leaning()
        brow = np.clip(brow * (1.12 + 0.42 * leaning), 0, 0.95)
        beard = self._beard()
        beard = np.clip(beard * (0.88 + 0.34 * strands), 0, 0.93)
        return np.maximum(brow, beard), (0.3 * strands).astype(np.float32)

    def _leaning(self) -> Maps:
        """Noise elongated along the brows: up and outwards."""
        slant = self.y - 0.5 * self.far
        along = self.far + 0.5 * self.y
        rng = self.rng
        grid = rng.standard_normal((256, 64)).astype(np.float32)
        columns = ((along + 300) / 4.0 % 63).astype(np.float32)
        rows = ((slant * 2.2 + 600) % 255).astype(np.float32)
        return np.asarray(cv2.remap(grid, columns, rows, cv2.INTER_LINEAR), np.float32)

    def _brow(self) -> Maps:
        """Brows: an arch, thick near the nose and thin at its tail."""
        high, arch, tilt, thick, dense = self.appearance.brow
        start, end = 10.5 + self.appearance.brow_ends[0], 49.5 + self.appearance.brow_ends[1]
        along = np.clip((self.far - start) / (end - start), -0.3, 1.3)
        middle = 14.6 + high + (5.2 + arch) * np.sin(np.pi * np.clip(along, 0, 1) ** 0.85 * 0.82)
        middle += tilt * (along - 0.5) - 1.2 * np.clip(along - 0.62, 0, 1) * 4
        half = 3.6 * thick * (1 - 0.72 * np.clip(along, 0, 1) ** 1.5)
        cover = np.clip(1.35 - np.abs(self.y - middle) / np.maximum(half, 0.4), 0, 1)
        ends = np.clip((along + 0.06) / 0.14, 0, 1) * np.clip((1.06 - along) / 0.16, 0, 1)
        faint = 0.7 if self.appearance.age < 12 else 1.0
        return np.asarray(cover * ends * dense * faint * (self.z > 20), np.float32)

    def _beard(self) -> Maps:
        """Cover of the beard, 0 to 1."""
        kind = self.appearance.beard
        if kind == "none":
            return np.zeros((SIDE, SIDE), np.float32)
        # Over the cheek its edge rises to the hair before the ear, which stays free.
        angle = np.degrees(np.arctan2(self.far, np.maximum(self.z, -60) + 8))
        line = np.interp(angle, (20, 38, 50, 60, 68), (-72, -60, -53, -42, -10))
        jaw = np.clip((line - self.y) / 7, 0, 1) * np.clip((self.y + 122) / 9, 0, 1)
        jaw *= np.clip((76 + 14 * np.clip((-40 - self.y) / 20, 0, 1) - angle) / 4, 0, 1)
        lip = np.clip((self.y - self.top) / 1.5, 0, 1) * np.clip((-55.5 - self.y) / 2.5, 0, 1)
        lip *= np.clip((32 - self.far) / 5, 0, 1)
        bare = head_shape.MOUTH_Y + 0.4 * (self.far - 16).clip(
            0
        )  # the corners of the mouth are free
        lip *= np.clip((self.y - bare) / 2, 0, 1)
        around = np.clip((self.bottom - 1 - self.y) / 2, 0, 1) * np.clip((30 - self.far) / 6, 0, 1)
        around *= np.clip((self.y + 121) / 8, 0, 1)
        # Little hair grows beside the tuft under the lower lip.
        patch = np.clip(1 - self.bells((10.5, -81.5, 7.0, 3.8, 1.05)), 0.05, 1)
        chin = np.where(self.far < 31, np.maximum(around * patch, lip), 0)
        whole = np.maximum(np.maximum(jaw * (self.far > 27), around * patch), lip)
        cover = {
            "stubble": 0.26 * whole, "moustache": 0.85 * lip, "goatee": 0.66 * chin,
            "short": 0.62 * whole, "full": 0.76 * whole,
        }[kind]  # fmt: skip
        soft = cv2.GaussianBlur(np.asarray(cover, np.float32), (0, 0), 4)
        return np.asarray(soft * (1 - self.lip) * (self.z > -10), np.float32)

    def _dark(self) -> Maps:
        """Almost black areas: lashes along the lids, the crease above them, the nostrils."""
        appearance = self.appearance
        gap = np.minimum(self.upper - self.y, self.y - self.lower)
        across = np.clip(
            (head_shape.LID_HALF + 1.0 - np.abs(self.far - head_shape.EYE[0])) / 2, 0, 1
        )
        above, below = self.y - self.upper, self.lower - self.y
        outer = 0.75 + 0.5 * np.clip((self.far - 26) / 14, 0, 1)
        lashes = np.clip(1.25 - above / (2.4 + 0.6 * appearance.make_up) / outer, 0, 1) * (
            above > -1.5
        )
        low = 0.38 * np.clip(1 - np.abs(below - 0.2) / 0.9, 0, 1) * (1 + appearance.make_up)
        rim = np.where(self.y > (self.upper + self.lower) / 2, lashes, low) * across
        rim = np.where(gap > 1.5, 0, rim)
        crease = 0.34 * np.exp(-(((above - 3.9 - 0.7 * np.sin(self.far / 9)) / 0.85) ** 2))
        crease *= np.clip((15.5 - np.abs(self.far - head_shape.EYE[0])) / 5, 0, 1)
        holes = self.bells((6.8, -52.8, 3.0, 1.35, 1.0), (9.3, -51.8, 1.6, 1.2, 0.5))
        corner = self.bells((25.4, -68.2, 1.8, 1.2, 0.65))
        seam = np.exp(-((self.y - head_shape.MOUTH_Y) ** 2) / 0.5) * (
            self.far < head_shape.MOUTH_HALF - 0.5
        )
        total = (rim + crease) * (self.z > 40) + holes * 1.15 + corner + 0.6 * seam * (self.z > 40)
        return np.asarray(np.clip(total, 0, 0.95), np.float32)

    # --- relief ---

    def _relief(self) -> Maps:
        """Heights in mm: pores, fine lines, and the folds of age."""
        rng, age = self.rng, self.appearance.age
        old = np.clip((age - 22) / 55, 0, 1.2)
        pores = 0.020 * atlas.noise(rng, 1.0) + 0.018 * atlas.noise(rng, 1.8)
        pores *= 0.6 + self.bells((0, -35, 16, 20, 0.7), (34, -35, 16, 14, 0.5))
        out = pores * (0.5 + 0.6 * old) * (1 - self.lip)
        out += 0.06 * self.lip * atlas.noise(rng, 1.3, 6)
        out += old * (0.5 * fold_heights("forehead") + 0.4 * fold_heights("frown"))
        out += old * (0.55 * fold_heights("crow") + 0.45 * fold_heights("smile"))
        bags = self.bells((27, -12.5, 10, 2.6, 0.5), (29, -17, 11, 1.4, -0.7))
        out += old * bags
        out += old * 0.10 * atlas.noise(rng, 4, 0.6) * np.clip((self.y + 130) / 60, 0.3, 1)
        if self.appearance.beard in ("short", "full"):
            out += 0.28 * self._beard() * atlas.noise(rng, 1.2, 3)
        return np.asarray(out * np.maximum(self.front, 0.2), np.float32)

    def _gloss(self) -> Maps:
        oily = self.bells((0, -30, 10, 26, 0.7), (0, 45, 36, 20, 0.5), (40, -24, 14, 11, 0.45))
        oily += self.bells((0, -100, 14, 9, 0.3))
        # The mirror of dark skin is as strong, but little light from below the surface covers it.
        dark = float(np.clip((self.appearance.tone - 5) / 5, 0, 1))
        young = (0.55 + 0.45 * self.appearance.shine) * (1 + 0.5 * dark)
        wet = self.lip * (0.9 + 0.8 * self.appearance.make_up)
        return np.asarray(young * (0.35 + oily) * (1 - self.lip) + wet, np.float32)

    def _occlusion(self) -> Maps:
        """Share of ambient light that reaches each place, 1 = all."""
        shut = self.bells(
            (30, 8, 14, 4.5, 0.10), (16, -1, 5, 8, 0.22), (31, -2, 17, 6, 0.12),
            (18.5, -46, 3, 7, 0.30), (0, -54.5, 15, 2.6, 0.34), (0, -81.5, 15, 4.5, 0.22),
            (0, -68, 22, 1.5, 0.25), (27, -68, 3, 3, 0.18),
        )  # fmt: skip
        under = np.clip((-114 - self.y) / 20, 0, 1) * 0.55 * np.clip((self.z + 40) / 60, 0, 1)
        return np.asarray(1 - np.clip(shut + under, 0, 0.8), np.float32)

    # --- labels ---

    def _labels(self, hairs: Maps) -> NDArray[np.uint8]:
        out = np.full((SIDE, SIDE), NUMBER["skin"], np.uint8)
        ridge = np.clip((12 - self.y) / 60, 0, 1) * 9 + 7
        nose = (self.y < 6) & (self.y > -56) & (self.far < ridge) & (self.z > 40)
        out[nose] = NUMBER["nose"]
        brow = self._brow() > 0.3
        out[brow & (self.x > 0)], out[brow & (self.x < 0)] = NUMBER["l_brow"], NUMBER["r_brow"]
        lip = self.lip > 0.5
        out[lip & (self.y >= head_shape.MOUTH_Y)] = NUMBER["u_lip"]
        out[lip & (self.y < head_shape.MOUTH_Y)] = NUMBER["l_lip"]
        out[self.y < -121] = NUMBER["neck"]
        return out


def grey_mix(appearance: Appearance, share: float = 1.0) -> tuple[float, float, float]:
    """Colour of a person's hair with a share of its white hairs, linear RGB."""
    red, green, blue = (h + share * appearance.grey * (0.42 - h) for h in appearance.hair)
    return red, green, blue


def slopes(relief: Maps) -> tuple[Maps, Maps]:
    """Slopes across (to the subject's left) and up, of heights in mm."""
    across = 2 * atlas.ANGLE / SIDE * 82  # mm a texel on a head of 82 mm radius
    up = (HIGH - LOW) / SIDE
    dy, dx = np.gradient(relief)
    return np.asarray(dx / across, np.float32), np.asarray(-dy / up, np.float32)
