"""Command that measures the disparity of gender predictors, for audits only: eval disparity."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.eval.options import AsTable, Label, Report, basis_of, print_findings
from mien.cli.options import check_report
from mien.cli.terminal import progress
from mien.errors import MienError, extra

if TYPE_CHECKING:
    from mien.evaluate.fairness.grid import Run


def disparity(
    grid: Annotated[
        Path, typer.Argument(help="Grid file (.toml): pairs, data sets, seeds.", exists=True)
    ],
    source: Annotated[
        Path,
        typer.Option(
            help="CSV with path, gender, dataset (optional: person, race, age); or a folder with "
            "--layout.",
            exists=True,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder that stores one file per network.")],
    layout: Annotated[
        Literal["utkface", "fairface", "agedb"] | None,
        typer.Option(help="Layout of the folder, if the source is a folder.", show_default=False),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(help="CSV file of all predictions, for other tools.", show_default=False),
    ] = None,
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    r"""Measure performance by group for a grid of models, losses and data sets.

    Missing networks are trained first. The extra `train` must be installed:
    pip install 'mien\[train]'. The same command continues a stopped run.

    Example: mien eval disparity grid.toml --source faces.csv --out nets/
    """
    from mien.datasets import LABELS
    from mien.evaluate.fairness.disparity_report import disparity as measure
    from mien.evaluate.fairness.grid import parted, read_grid, run_grid, write_csv
    from mien.evaluate.fairness.labelled_faces import faces_in, faces_of

    check_report(report)
    plan = read_grid(grid)
    if source.is_dir() and not layout:
        raise MienError("The source is a folder: add --layout, or give a CSV list of the images.")
    with progress() as on_step:
        if layout:
            faces = faces_of(LABELS[layout](source), plan.datasets, plan.size, on_step)
        else:
            faces = faces_in(source, source.parent, plan.size, on_step)
        results = run_grid(plan, *parted(plan, faces), out, _trainer(), on_step)
    if rows:
        write_csv(results, rows)
    print_findings(measure(results, data=data or plan.name, basis=basis_of(None)), report, table)


def _trainer() -> "Run":
    """Import the training of mien.systems.gender_disparity; name the extra if torch is missing."""
    with extra("train", "Training"):
        from mien.systems.gender_disparity.train import run
    return run
