"""Input of the sound of a film, in blocks, on the clock of its frames."""

import os
from collections.abc import Iterator

import av
import av.error
import numpy as np

from mien.errors import FilmError
from mien.types import Floats


def read_sound(
    source: str | os.PathLike[str], *, rate: int = 16_000, block: float = 1.0
) -> Iterator[tuple[float, Floats]]:
    """Read the sound of a film or recording, one channel, one block at a time.

    Args:
        source: a file that FFmpeg opens.
        rate: samples per second; speech models need 16,000.
        block: seconds per block; one block is in memory.

    Yields:
        Time of the first sample in seconds (0:00 is the start in a player, as for frames), and
        (N,) float32 in [-1, 1]. Gaps without sound are filled with silence, so that blocks are
        contiguous.

    Raises:
        FilmError: the file does not exist, or has no sound.
    """
    try:
        container = av.open(str(source))
    except (OSError, av.error.FFmpegError) as error:
        raise FilmError(f"{source} cannot be opened for its sound ({error}).") from error
    with container:
        if not container.streams.audio:
            raise FilmError(f"'{source}' has no sound; give a file with an audio stream.")
        yield from _blocks(_samples(container, rate), rate, round(rate * block))


def _samples(container: av.container.InputContainer, rate: int) -> Iterator[tuple[float, Floats]]:
    stream = container.streams.audio[0]
    origin = (container.start_time or 0) / av.time_base
    mono = av.AudioResampler(format="flt", layout="mono", rate=rate)
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError):
            continue  # its gap is filled with silence
        for frame in frames:
            for piece in mono.resample(frame):
                if piece.pts is not None and piece.time_base is not None:
                    yield float(piece.pts * piece.time_base) - origin, piece.to_ndarray()[0]


def _filled(pieces: Iterator[tuple[float, Floats]], rate: int) -> Iterator[tuple[float, Floats]]:
    """Yield the pieces with silence in the gaps, at most one second per piece."""
    ends: float | None = None
    for time, samples in pieces:
        ends = time if ends is None else ends
        while (gap := round((time - ends) * rate)) > rate // 100:  # less is rounding of timestamps
            yield ends, np.zeros(min(gap, rate), np.float32)
            ends += min(gap, rate) / rate
        yield ends, samples
        ends += len(samples) / rate


def _blocks(
    pieces: Iterator[tuple[float, Floats]], rate: int, size: int
) -> Iterator[tuple[float, Floats]]:
    held: list[Floats] = []
    begun, count = 0.0, 0
    for time, samples in _filled(pieces, rate):
        begun = begun if count else time
        held.append(samples)
        count += len(samples)
        while count >= size:
            whole = np.concatenate(held)
            yield begun, whole[:size]
            held, count, begun = [whole[size:]], count - size, begun + size / rate
    if count:
        yield begun, np.concatenate(held)
