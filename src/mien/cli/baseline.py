"""Commands about a person's neutral face: baseline fit, baseline show."""

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

app = typer.Typer(
    no_args_is_help=True, help="Fit and show baselines: the measures of a person's neutral face."
)


@app.command()
def fit(
    sources: Sources,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, .json.")],
    person: Annotated[
        str | None, typer.Option(help="Name of the person; default: the one with the most frames.")
    ] = None,
    gallery: Known = None,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    calibration: CalibrationPath = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Fit the baseline of one person to films or images, for use in mien analyze.

    The file stores an embedding of the face, to detect another person.

    Example: mien baseline fit interview.mp4 --out ada.json
    """
    from mien.behaviour import smiles
    from mien.film import fit_baseline
    from mien.film.baselines import SMILING
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
            sources_of(sources), opening.analyzer, person=person, on_step=on_step
        )
    baseline.save(out)
    if smiles(baseline):
        complain(f"{SMILING}; use a clip or photos with a neutral face.")
    if baseline.vector is None:
        complain("no face was clear enough to embed, so the file cannot check the person.")
    if table:
        rows = [[name, baseline.centre[name], baseline.spread[name]] for name in baseline.centre]
        print_table(["neutral", "reads>", "spread>"], rows, f"{who}, {baseline.frames} frames")
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
    file: Annotated[Path, typer.Argument(help="Baseline file from mien baseline fit.")],
    table: AsTable = False,
) -> None:
    """Show a baseline: neutral measures, spread and the number of frames.

    Example: mien baseline show ada.json --table
    """
    from mien.behaviour import Baseline
    from mien.landmarks import UNITS

    baseline = Baseline.load(file)
    if table:
        rows = [[n, baseline.centre[n], baseline.spread[n], unit] for n, unit in UNITS.items()]
        title = f"{file.name}: {baseline.mode}, {baseline.frames} frames"
        print_table(["neutral", "reads>", "spread>", "unit"], rows, title)
        return
    measures = {name: [baseline.centre[name], baseline.spread[name]] for name in UNITS}
    print_json_line(
        {
            "file": file,
            "mode": baseline.mode,
            "frames": baseline.frames,
            "seconds": round(baseline.seconds, 3),
            "contract": baseline.contract,
            "measures": {
                name: [round(v, 4) if math.isfinite(v) else None for v in pair]
                for name, pair in measures.items()
            },
        }
    )
