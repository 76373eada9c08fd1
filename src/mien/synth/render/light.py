"""Light of the scene: ambient light as spherical harmonics, and up to three lamps."""

from dataclasses import dataclass

import numpy as np

from mien.types import Doubles, Floats

# Distance that the light of a lamp travels around the edge of its shadow, per channel: red light
# travels furthest under the skin. Source: after Jimenez et al., "Separable subsurface
# scattering", 2015; the shares were set by eye.
CREEP = np.array([0.34, 0.17, 0.12], np.float32)


@dataclass(frozen=True, slots=True)
class Lamp:
    """Light from one direction."""

    towards: tuple[
        float, float, float
    ]  # where it stands: image right, up, to the camera; any length
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)  # linear RGB


@dataclass(frozen=True, slots=True)
class Light:
    """All light sources."""

    sky: tuple[float, float, float] = (0.5, 0.5, 0.52)  # linear RGB from above
    ground: tuple[float, float, float] = (0.22, 0.21, 0.20)  # from below
    side: float = 0.0  # how much more comes from image right than from image left, -1 to 1
    lamps: tuple[Lamp, ...] = (Lamp((-0.5, 0.6, 0.8), (0.8, 0.78, 0.74)),)

    def harmonics(self) -> Doubles:
        """(9, 3) coefficients of the ambient light, ready to weight `basis`.

        Source: Ramamoorthi and Hanrahan, "An efficient representation for irradiance
        environment maps", 2001; a sky over a ground needs bands 0 and 1, its horizon band 2.
        """
        out = np.zeros((9, 3))
        sky, ground = np.array(self.sky), np.array(self.ground)
        out[0] = (sky + ground) / 2
        out[1] = (sky - ground) / 2  # up
        out[2] = 0.18 * (sky + ground) / 2  # what stands behind the camera
        out[3] = self.side * 0.5 * (sky + ground) / 2  # image right
        out[6] = 0.04 * (sky - ground)  # horizon against zenith
        return out


def basis(normals: Floats) -> Floats:
    """(N, 9) spherical harmonics of unit normals, without their constants."""
    x, y, z = normals.T
    rows = [np.ones_like(x), y, z, x, x * y, y * z, 3 * y * y - 1, x * z, x * x - z * z]
    return np.stack(rows, axis=1)


def random_light(rng: np.random.Generator, *, strength: float = 1.0) -> Light:
    """Random light as indoors and outdoors.

    Args:
        rng: random source.
        strength: 0 is flat light from the front, 1 the usual range, 2 hard light from any
            direction.
    """
    turn = rng.uniform(-75, 75) * min(1.0, 0.4 + 0.6 * strength) * min(1, strength + 0.1)
    rise = rng.uniform(5, 60)
    warm = rng.uniform(-0.5, 1) * 0.16
    key = rng.uniform(0.55, 1.05) * (0.6 + 0.4 * strength)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    az, el = np.radians([turn, rise])
    towards = (np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el))
    fill = rng.uniform(0.45, 0.75) / (0.75 + 0.25 * strength)
    cool = np.array([1 - 0.4 * warm, 1.0, 1 + 0.4 * warm])
    sky, ground = fill * cool, fill * rng.uniform(0.35, 0.7) * tint
    lamps = [Lamp(_three(np.array(towards)), _three(key * tint))]
    if rng.random() < 0.45:  # a rim or a second window
        back = np.radians(rng.uniform(95, 150) * rng.choice([-1, 1]))
        where = np.array([np.sin(back), 0.3, np.cos(back)])
        lamps.append(Lamp(_three(where), _three(rng.uniform(0.2, 0.7) * cool)))
    return Light(_three(sky), _three(ground), float(rng.uniform(-0.5, 0.5)), tuple(lamps))


def _three(values: Doubles) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    return a, b, c
