"""From a decoded film frame to the pixels that mien works on."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from av.filter import Graph
from av.video.reformatter import VideoReformatter

from mien.media.limits import Limits
from mien.media.turning import turn
from mien.types import Pixels

# Numbers of the standards. Source: ITU-T H.273, table 4 (matrix coefficients).
BT709, UNSPECIFIED, BT601 = 1, 2, 5
HD = 720  # lines: from here on films that name no matrix are taken to be BT.709, as players do


class Converter:
    """Turns the frames of one film into RGB. Its scalers are kept: making one takes longer."""

    def __init__(self, aspect: Fraction | None, limits: Limits, where: str) -> None:
        """Start for one film.

        Args:
            aspect: width by height of a pixel; None or 0 if the film does not say.
            limits: largest frame.
            where: names the film in errors.
        """
        self._aspect, self._limits, self._where = aspect, limits, where
        self._large, self._small = VideoReformatter(), VideoReformatter()

    def upright(self, frame: Any) -> Pixels:
        """Colours, square pixels and rotation of one frame of PyAV: (H, W, 3) uint8 RGB.

        Raises:
            ImageError: the frame is larger than the limits allow.
        """
        self._limits.check_pixels(frame.width, frame.height, self._where)
        matrix = frame.colorspace
        if matrix == UNSPECIFIED:
            matrix = BT709 if frame.height >= HD else BT601
        width = round(frame.width * float(self._aspect)) if self._aspect else frame.width
        rgb = self._large.reformat(
            frame, width=width, format="rgb24", src_colorspace=matrix, threads=1
        )
        image = np.ascontiguousarray(rgb.to_ndarray(), np.uint8)
        clockwise = round(-frame.rotation / 90) * 90 % 360  # the flag counts the other way
        return turn(image, clockwise)

    def small(self, frame: Any) -> Pixels:
        """A frame as (36, 64, 3), as it lies in the file: enough to see a cut."""
        glance = self._small.reformat(
            frame, width=64, height=36, format="rgb24", interpolation="FAST_BILINEAR", threads=1
        )
        return np.ascontiguousarray(glance.to_ndarray(), np.uint8)


class Weaver:
    """Makes whole frames of interlaced ones, in which every other line is a moment later.

    Source: FFmpeg's bwdif, after the BBC's W3F; frames that are not interlaced pass as they are.
    """

    def __init__(self, stream: Any) -> None:
        """Start for one video stream."""
        self._graph = Graph()
        source = self._graph.add_buffer(template=stream)
        weave = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        sink = self._graph.add("buffersink")
        source.link_to(weave)
        weave.link_to(sink)
        self._graph.configure()

    def __call__(self, frames: Iterable[Any], *, over: bool) -> Iterator[Any]:
        """Put frames in; get those that are ready, one behind, with their stamps."""
        for frame in frames:
            self._graph.vpush(frame)
            yield from self._ready()
        if over:
            self._graph.vpush(None)
            yield from self._ready()

    def _ready(self) -> Iterator[Any]:
        while True:
            try:
                yield self._graph.vpull()
            except (BlockingIOError, EOFError):
                return
