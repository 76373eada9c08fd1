"""Output of films: H.264 with the timestamps of the frames, and the sound of the source film."""

import os
import secrets
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from mien.errors import FilmError
from mien.media.writing import check_image, why_not
from mien.types import Pixels, Sound

TICKS = Fraction(1, 90_000)  # s; fine enough for all frame rates, and supported by all containers
CRF = "20"  # constant quality of x264: differences are hardly visible
# MP4 that remains playable up to the last seconds if the run is killed, and is a plain MP4 when
# complete; the header is delayed to the first frames, or times would include the encoder's delay.
FLAGS = "hybrid_fragmented+frag_keyframe+delay_moov"
COPIED = {"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}  # sound that MP4 stores unchanged
RGB = "bgr0"  # the pixels of FFV1
SUFFIXES = (".mp4", ".mov", ".mkv")


class FilmWriter:
    """A writer of films, frame by frame; use it in a `with` block.

    The file gets its name when the block ends without error. Otherwise the written part is kept
    beside it as NAME.partial.mp4 and is playable.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sound_of: str | os.PathLike[str] | None = None,
        sound: Sound | None = None,
        lossless: bool = False,
        note: str = "",
    ) -> None:
        """Open a file for writing.

        Args:
            path: ends in .mp4, .mov or .mkv.
            sound_of: film whose sound is kept; copied if the container supports it, else AAC.
            sound: sound of the film instead; AAC, or uncompressed in a lossless film.
            lossless: keep each pixel as it is, by FFV1; the path then ends in .mkv.
            note: stored in the metadata of the file.

        Raises:
            FilmError: the suffix is unsupported, the folder is missing, or access is denied.
        """
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise FilmError(
                f"Film path '{path}' is not supported: the file name must end in .mp4, .mov or "
                ".mkv."
            )
        if lossless and self.path.suffix.lower() != ".mkv":
            raise FilmError(f"A lossless film must end in .mkv, got '{path}'.")
        if self.path.is_dir():
            raise FilmError(f"'{path}' is a folder; give a file name.")
        if not self.path.parent.is_dir():
            raise FilmError(
                f"'{path}' cannot be written: folder '{self.path.parent}' does not exist; create "
                "it."
            )
        suffix = self.path.suffix.lower()
        self._beside = self.path.parent / f".{secrets.token_hex(8)}.part{suffix}"
        try:
            options = {} if suffix == ".mkv" else {"movflags": FLAGS}
            self._container: Any = av.open(str(self._beside), "w", options=options)
        except (OSError, av.error.FFmpegError) as error:
            raise FilmError(f"'{path}' cannot be written: {why_not(error, self.path)}.") from error
        if note:
            self._container.metadata["comment"] = note
        self._stream: Any = None
        self._size = (0, 0)
        self._lossless = lossless
        self._sound: _Sound | _Samples | None = None
        if sound is not None:
            self._sound = _Samples(sound, self._container, "pcm_s16le" if lossless else "aac")
        elif sound_of:
            self._sound = _Sound(sound_of, self._container)
        self._scaler = VideoReformatter()  # reused: creation takes longer than use
        self._last = -1
        self.frames = 0

    def add(self, image: Pixels, time: float) -> None:
        """Append one frame.

        Args:
            image: (H, W, 3) uint8 RGB; a frame of a different size is fitted into the first.
            time: seconds from the start; later than the previous frame.

        Raises:
            FilmError: the disk is full or lost; or the time does not increase.
        """
        check_image(image)
        ticks = round(time / TICKS)
        if ticks <= self._last:
            raise FilmError(
                f"Frame time {time:.4f} s is not after {self._last * TICKS} s: sort the frames by "
                "time."
            )
        self._last = ticks
        try:
            if self._stream is None:
                self._start(image)
            frame = av.VideoFrame.from_ndarray(self._fitted(image), "rgb24")
            if self._lossless:
                frame = self._scaler.reformat(frame, format=RGB)
            else:
                frame = self._scaler.reformat(frame, format="yuv420p", dst_colorspace=1)  # BT.709
            frame.pts, frame.time_base = ticks, TICKS
            self._container.mux(self._stream.encode(frame))
            if self._sound:
                self._sound.until(time)
        except (OSError, av.error.FFmpegError) as error:
            raise FilmError(
                f"{self.path} cannot be written further: {why_not(error, self.path)}. The part "
                "that "
                "is written is kept."
            ) from error
        self.frames += 1

    def _start(self, image: Pixels) -> None:
        height, width = image.shape[:2]
        if self._lossless:
            self._size = (height, width)
            stream = self._container.add_stream("ffv1", rate=30)
            stream.height, stream.width, stream.pix_fmt = height, width, RGB
            stream.time_base = stream.codec_context.time_base = TICKS
            self._stream = stream
            return
        self._size = (height + height % 2, width + width % 2)  # 4:2:0 needs even sides
        stream = self._container.add_stream("libx264", rate=30, options={"crf": CRF})
        stream.height, stream.width = self._size
        stream.pix_fmt, stream.time_base = "yuv420p", TICKS
        stream.codec_context.time_base = TICKS
        stream.codec_context.colorspace = stream.codec_context.color_primaries = 1
        stream.codec_context.color_trc = 1
        self._stream = stream

    def _fitted(self, image: Pixels) -> Pixels:
        """Fit an image to the size of the film, on black; odd sides repeat the last line."""
        tall, wide = self._size
        height, width = image.shape[:2]
        if (height, width) == (tall, wide):
            return image
        if tall - height in (0, 1) and wide - width in (0, 1):
            return np.pad(image, ((0, tall - height), (0, wide - width), (0, 0)), "edge")
        scale = min(tall / height, wide / width)
        small = av.VideoFrame.from_ndarray(image, "rgb24").reformat(
            width=max(1, int(width * scale)), height=max(1, int(height * scale))
        )
        canvas = np.zeros((tall, wide, 3), np.uint8)
        part = small.to_ndarray()
        top, left = (tall - part.shape[0]) // 2, (wide - part.shape[1]) // 2
        canvas[top : top + part.shape[0], left : left + part.shape[1]] = part
        return canvas

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        failure = self._finish()
        if self._stream is None:  # no frame was added
            with suppress(OSError):
                self._beside.unlink()
            return
        if kind is None and failure is None:
            os.replace(self._beside, self.path)
            return
        with suppress(OSError):
            os.replace(self._beside, partial(self.path))
        if kind is None and failure is not None:
            raise FilmError(
                f"{self.path} cannot be completed: {why_not(failure, self.path)}. The written part "
                f"is kept as {partial(self.path)}."
            ) from failure

    def _finish(self) -> Exception | None:
        """Flush and close; return the error if that fails."""
        try:
            if self._stream is not None:
                self._container.mux(self._stream.encode(None))
                if self._sound:
                    self._sound.until(float("inf"))
            self._container.close()
        except (OSError, av.error.FFmpegError, ValueError) as error:
            with suppress(Exception):
                self._container.close()
            return error
        return None


class _Samples:
    """An encoder of samples in memory, synchronous with the frames."""

    STEP = 1024  # samples of one frame of AAC

    def __init__(self, sound: Sound, target: Any, codec: str) -> None:
        self._samples, self._rate = sound.samples, sound.rate
        self._begin, self._done, self._target = round(sound.start * sound.rate), 0, target
        self._output: Any = target.add_stream(codec, rate=sound.rate)
        self._output.layout = "mono"

    def until(self, time: float) -> None:
        """Encode the sound up to a second after a time in s."""
        while self._output is not None and self._done < len(self._samples):
            if (self._begin + self._done) / self._rate > time + 1:
                return
            part = self._samples[self._done : self._done + self.STEP]
            whole = np.rint(np.clip(part, -1, 1) * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._begin + self._done
            frame.time_base = Fraction(1, self._rate)
            self._target.mux(self._output.encode(frame))
            self._done += self.STEP
        if time == float("inf") and self._output is not None:
            self._target.mux(self._output.encode(None))
            self._output = None


class _Sound:
    """A copier of sound from one film to another, synchronous with the frames."""

    def __init__(self, source: str | os.PathLike[str], target: Any) -> None:
        self._input: Any = av.open(str(source))
        self._output: Any = None
        if not self._input.streams.audio:
            return
        stream = self._input.streams.audio[0]
        self._origin = (self._input.start_time or 0) / av.time_base
        self._packets = self._input.demux(stream)
        self._target = target
        self._copied = stream.codec_context.name in COPIED
        if self._copied:
            self._output = target.add_stream_from_template(stream)
        else:
            self._output = target.add_stream("aac", rate=stream.rate or 48_000)
        self._held: Any = None

    def until(self, time: float) -> None:
        """Copy the sound up to a time in s."""
        while self._output is not None:
            packet = self._held or next(self._packets, None)
            self._held = None
            if packet is None:
                self._output = None
                return
            if packet.pts is not None and float(packet.pts * packet.time_base) > time + 1:
                self._held = packet
                return
            self._carry(packet)

    def _carry(self, packet: Any) -> None:
        if not self._copied:
            with suppress(av.error.InvalidDataError):
                for frame in packet.decode():
                    frame.pts -= round(self._origin / frame.time_base)
                    self._target.mux(self._output.encode(frame))
            if not packet.size:
                self._target.mux(self._output.encode(None))
            return
        if packet.pts is None or not packet.size:
            return
        shift = round(self._origin / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        packet.stream = self._output
        self._target.mux(packet)


def partial(path: Path) -> Path:
    """Return the path of an incomplete film."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")
