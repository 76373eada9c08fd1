"""Measure memory during a long film: it must not grow with the film.

    python benchmarks/film_memory.py CLIP --minutes 60

The clip is repeated, packet by packet, to the requested length; `identify_film` processes
it as the command does, with its segment log on disk. Resident memory is read every minute of
film. It varies by 25 MB with the number of faces in a batch, so the mean of minutes 5 to
10 is compared with that of the last five.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import av

from mien.film import identify_film
from mien.photo import open_pipeline

WARM = range(5, 11)  # minutes


def repeated(clip: Path, out: Path, minutes: float) -> None:
    """Copy the packets of a clip until the film is long enough."""
    with av.open(str(out), "w") as target:
        stream = None
        offset = 0
        while True:
            with av.open(str(clip)) as source:
                pictures = source.streams.video[0]
                stream = stream or target.add_stream_from_template(pictures)
                first, end = None, 0
                for packet in source.demux(pictures):
                    if packet.dts is None or packet.pts is None:
                        continue
                    first = packet.dts if first is None else first
                    packet.pts += offset - first
                    packet.dts += offset - first
                    end = max(end, packet.pts + (packet.duration or 0))
                    packet.stream = stream
                    target.mux(packet)
                offset = end
                if float(offset * pictures.time_base) >= 60 * minutes:
                    return


def resident() -> float:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Print memory by minute and the growth after the warm-up."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("clip", type=Path)
    words.add_argument("--minutes", type=float, default=60)
    words.add_argument("--every", type=float, default=0.1)
    chosen = words.parse_args()
    seen: dict[int, float] = {}

    def on_step(name: str, done: int, total: int) -> None:
        minute = done // 60
        if minute not in seen:
            seen[minute] = resident()
            print(f"{minute:3d} min  {seen[minute]:7.1f} MB", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "long.mp4"
        repeated(chosen.clip, film, chosen.minutes)
        journal = Path(folder) / "long.segments"
        answer = identify_film(
            film, open_pipeline(), every=chosen.every, journal=journal, on_step=on_step
        )
        size = journal.stat().st_size / 1e6
    warm = statistics.mean(seen[minute] for minute in WARM)
    last = statistics.mean([seen[minute] for minute in sorted(seen)[-5:]])
    print(f"{len(answer.tracks):,} tracks, {len(answer.people):,} people, journal {size:.1f} MB")
    print(f"minutes 5 to 10: {warm:.1f} MB, the last five: {last:.1f} MB, {last - warm:+.1f} MB")
    print(f"after the answer {resident():.1f} MB")


if __name__ == "__main__":
    main()
