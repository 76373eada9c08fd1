"""Read a short film of one face as one clip: the face is found once, so that no frame jumps."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.align import align
from mien.behaviour.regions import RegionMotion, region_table
from mien.contracts import Landmarker
from mien.errors import FilmError
from mien.landmarks import chip_face, fit_largest
from mien.media import find_images, open_film, read_image
from mien.photo import Pipeline
from mien.signals import dense_flow, grey_values
from mien.types import Clip, Crop, Pixels

ROOMY = Crop(size=192, zoom=0.7)  # shows forehead and chin
TRIED = 24  # frames that are compared with the first one
MOST = 2000  # frames; 10 s at the 200 frames per second of the published sets


def read_short(source: Path, crop: Crop, pipeline: Pipeline, rate: float | None = None) -> Clip:
    """Cut the face of a short film, all frames at the place of the face in the first.

    Detection moves by a pixel from frame to frame, as much as a micro-expression does.

    Args:
        source: a film, or a folder of frames, which are sorted by the numbers in their names.
        crop: of the chips.
        pipeline: finds the face of the first frame.
        rate: frames per second; needed for a folder, and replaces the times of a film.

    Returns:
        Times and chips.

    Raises:
        FilmError: there is no frame, no rate, or more than 2000 frames, or frames differ in size.
        ImageError: a frame cannot be read.
        NoFaceError: the first frame does not show one face.
    """
    if rate is not None and not 0 < rate < float("inf"):
        raise FilmError(f"A rate of {rate} frames per second is not possible; give one above 0.")
    if rate is None and source.is_dir():
        raise FilmError(f"'{source}' is a folder of frames, so it needs --rate, as a film has.")
    times: list[float] = []
    chips: list[Pixels] = []
    face, shape = None, None
    for time, picture in _frames(source):
        if face is None:
            face, shape = pipeline.only_face(picture, f"the first frame of {source}"), picture.shape
        if picture.shape != shape:
            raise FilmError(f"{source}: frames have sizes {shape} and {picture.shape}.")
        if len(chips) == MOST:
            raise FilmError(f"{source} has more than {MOST} frames; cut it to one movement.")
        times.append(len(times) / rate if rate else time)
        chips.append(align(picture, [face], crop)[0])
    if not chips:
        raise FilmError(f"{source} holds no frame.")
    return Clip(np.array(times), np.stack(chips))


def moved_regions(
    clip: Clip, landmarker: Landmarker, crop: Crop = ROOMY
) -> tuple[tuple[RegionMotion, ...], float]:
    """Measure the regions of a face from the first frame of a clip to the one that differs most.

    Args:
        clip: of `read_short`, cut by `crop`.
        landmarker: card attention-mesh.
        crop: with forehead and chin.

    Returns:
        The table of regions, and seconds of the frame that differs most.

    Raises:
        FilmError: fewer than two frames.
        NoFaceError: the mesh finds no face in the first one.
    """
    if clip.chips is None or len(clip.times) < 2:
        raise FilmError("The motion of regions needs two frames or more.")
    where = "the first frame of the clip"
    points = fit_largest(landmarker, clip.chips[0], [chip_face(crop)], where)
    grey = grey_values(clip.chips)
    rows = np.unique(np.linspace(1, len(grey) - 1, min(TRIED, len(grey) - 1)).round().astype(int))
    tables = [region_table(dense_flow(grey[0], grey[row]), points) for row in rows]
    best = max(range(len(tables)), key=lambda k: tables[k][0].mean)
    return tuple(tables[best]), float(clip.times[rows[best]])


def _frames(source: Path) -> Iterator[tuple[float, Pixels]]:
    if source.is_dir():
        for path in find_images([source]):
            yield 0.0, read_image(path)
        return
    with open_film(source) as film:
        for frame in film.frames():
            yield frame.time, frame.image
