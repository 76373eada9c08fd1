"""The recogniser of a training, as an embedder."""

from mien.embed.arcface import ArcFaceEmbedder
from mien.media.skin import UTKFACE_POINTS
from mien.systems.gan_augment.make import SIDE, ZOOM
from mien.types import Crop


class SmallRecogniser(ArcFaceEmbedder):
    """Faces of 32 px to 64 values; it is far weaker than the default embedder."""

    crop = Crop(size=SIDE, zoom=ZOOM, points=UTKFACE_POINTS)
