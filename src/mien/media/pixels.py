"""Conversion of decoded film frames to RGB pixels."""

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
# Bytes per pixel: eight frames that a decoder refers to, in YUV, and one in RGB.
DECODING = 8 * 1.5 + 3
HD = 720  # lines: from this height, films without a stated matrix count as BT.709, as in players


class Converter:
    """A converter of the frames of one film to RGB. It reuses its scalers."""

    def __init__(self, aspect: Fraction | None, limits: Limits, where: str) -> None:
        """Start for one film.

        Args:
            aspect: width by height of a pixel; None or 0 if not stated.
            limits: largest frame.
            where: names the film in errors.
        """
        self._aspect, self._limits, self._where = aspect, limits, where
        self._large, self._small = VideoReformatter(), VideoReformatter()

    def upright(self, frame: Any) -> Pixels:
        """Convert one frame of PyAV: colours, square pixels, rotation; (H, W, 3) uint8 RGB.

        Raises:
            ImageError: the frame is larger than the limits allow.
        """
        matrix = frame.colorspace
        if matrix == UNSPECIFIED:
            matrix = BT709 if frame.height >= HD else BT601
        width = round(frame.width * float(self._aspect)) if self._aspect else frame.width
        # A frame may be larger than the header says, and wider once its pixels are square.
        widest = max(width, frame.width)
        self._limits.check_pixels(widest, frame.height, self._where)
        self._limits.check_memory(widest, frame.height, DECODING, self._where)
        rgb = self._large.reformat(
            frame, width=width, format="rgb24", src_colorspace=matrix, threads=1
        )
        image = np.ascontiguousarray(rgb.to_ndarray(), np.uint8)
        clockwise = round(-frame.rotation / 90) * 90 % 360  # the flag counts anticlockwise
        return turn(image, clockwise)

    def small(self, frame: Any) -> Pixels:
        """Return a frame as (36, 64, 3) in file orientation: sufficient to detect cuts."""
        glance = self._small.reformat(
            frame, width=64, height=36, format="rgb24", interpolation="FAST_BILINEAR", threads=1
        )
        return np.ascontiguousarray(glance.to_ndarray(), np.uint8)


class Weaver:
    """A de-interlacer: alternate lines of an interlaced frame have different times.

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
        """Add frames; return those that are ready, delayed by one, with their timestamps."""
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
