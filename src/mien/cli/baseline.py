"""Commands about a person's face at rest: baseline fit, baseline show."""

import math
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.analyze import Known, Sources, opened_analyzer
from mien.cli.options import (
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    EmbedderName,
    sources_of,
)
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.zoo import DETECTOR, EMBEDDER

app = typer.Typer(no_args_is_help=True, help="A person's face at rest, to be used again.")


@app.command()
def fit(
    sources: Sources,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, .json.")],
    person: Annotated[
        str | None, typer.Option(help="Whose; default: who is measured most often.")
    ] = None,
    gallery: Known = None,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    calibration: CalibrationPath = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Find somebody's face at rest in films or pictures, and keep it for mien analyze.

    The file holds a vector of the face, so that it is never used for somebody else.

    Example: mien baseline fit interview.mp4 --out ada.json
    """
    from mien.film import fit_baseline
    from mien.tables import require

    require()
    with (
        opened_analyzer(
            gallery,
            heads="none",
            detector=detector,
            people=True,
            embedder=embedder,
            calibration=calibration,
            device=device,
            commercial_only=commercial_only,
        ) as opening,
        progress() as on_step,
    ):
        baseline, who = fit_baseline(
            sources_of(sources), opening.kit, person=person, on_step=on_step
        )
    baseline.save(out)
    if baseline.vector is None:
        complain("no look was clear enough to compare, so the file does not say whose it is.")
    if table:
        rows = [[name, baseline.centre[name], baseline.spread[name]] for name in baseline.centre]
        print_table(["at rest", "reads>", "spread>"], rows, f"{who}, {baseline.frames} frames")
        return
    print_json_line(
        {
            "file": out,
            "who": who,
            "mode": baseline.mode,
            "frames": baseline.frames,
            "seconds": round(baseline.seconds, 3),
            "contract": baseline.contract,
        }
    )


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="What mien baseline fit wrote.")],
    table: AsTable = False,
) -> None:
    """Tell what a person's face reads at rest, and what that was fitted to; no vector is shown.

    Example: mien baseline show ada.json --table
    """
    from mien.behaviour import Baseline
    from mien.landmarks import UNITS

    baseline = Baseline.load(file)
    if table:
        rows = [[n, baseline.centre[n], baseline.spread[n], unit] for n, unit in UNITS.items()]
        title = f"{file.name}: {baseline.mode}, {baseline.frames} frames"
        print_table(["at rest", "reads>", "spread>", "unit"], rows, title)
        return
    told = {name: [baseline.centre[name], baseline.spread[name]] for name in UNITS}
    print_json_line(
        {
            "file": file,
            "mode": baseline.mode,
            "frames": baseline.frames,
            "seconds": round(baseline.seconds, 3),
            "contract": baseline.contract,
            "measures": {
                name: [round(v, 4) if math.isfinite(v) else None for v in pair]
                for name, pair in told.items()
            },
        }
    )
