"""Command that times each step on this machine: bench."""

from typing import Annotated

import typer

from mien.cli.options import (
    AsTable,
    CommercialOnly,
    DetectorName,
    DeviceName,
    EmbedderName,
    opened,
    pictures,
)
from mien.cli.terminal import print_json_line, print_table, progress
from mien.zoo import DETECTOR, EMBEDDER


def bench(
    images: Annotated[
        list[str] | None, typer.Argument(help="Images to use; default: the portraits of the demo.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Number of runs per image.")] = 10,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Time each step of identification: milliseconds per step and faces per second.

    Example: mien bench holiday/ --repeats 20 --table
    """
    import statistics

    from mien.evaluate.demo import portraits
    from mien.media import read_image

    names = pictures(images) if images else [str(path) for path in portraits().values()]
    pipeline = opened(detector, embedder, device, commercial_only)
    loaded = [read_image(name) for name in names]
    for image in loaded:
        pipeline(image)  # warm-up: the first run allocates memory
    times: dict[str, list[float]] = {}
    faces = 0
    with progress() as on_step:
        for turn in range(repeats):
            for image in loaded:
                answer = pipeline(image)
                faces += len(answer.faces)
                for step, seconds in (
                    *answer.seconds.items(),
                    ("all", sum(answer.seconds.values())),
                ):
                    times.setdefault(step, []).append(1000 * seconds)
            on_step("bench", turn + 1, repeats)
    speed = 1000 * faces / sum(times["all"])
    if not table:
        steps = {
            step: {
                "median": round(statistics.median(t), 2),
                "min": round(min(t), 2),
                "max": round(max(t), 2),
            }
            for step, t in times.items()
        }
        facts = {"pictures": len(names), "faces_per_second": round(speed, 1)}
        print_json_line({**facts, "milliseconds": steps, "models": pipeline.models})
        return
    rows = [[s, statistics.median(t), min(t), max(t)] for s, t in times.items()]
    print_table(["step", "ms, median>", "fastest>", "slowest>"], rows, f"{len(names)} images")
    typer.echo(f"{speed:.1f} faces per second on {pipeline.models['detect'].split(' on ')[-1]}")
