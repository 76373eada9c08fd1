"""mien eval disparity: a grid of small gender predictors, for audits only."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.eval.options import AsTable, Label, Report, basis_of, require_place, tell
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
            help="CSV with path, gender, dataset (person, race, age); or folder of --layout.",
            exists=True,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder that keeps one file a network.")],
    layout: Annotated[
        Literal["utkface", "fairface", "agedb"] | None,
        typer.Option(help="Of a folder, in its original layout.", show_default=False),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(help="CSV of every answer, for other tools.", show_default=False),
    ] = None,
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Whom does which model, loss or data set serve worse? Trains what is missing, then tells.

    Needs torch (pip install mien[train]). A run that is stopped goes on where it stopped.

    Example: mien eval disparity grid.toml --source faces.csv --out nets/ --report grid.html
    """
    from mien.datasets import LABELS
    from mien.evaluate.fairness.disparity_report import disparity as measure
    from mien.evaluate.fairness.grid import parted, read_grid, run_grid, write_csv
    from mien.evaluate.fairness.labelled_faces import faces_in, faces_of

    require_place(report)
    plan = read_grid(grid)
    if source.is_dir() and not layout:
        raise MienError("A folder needs --layout; a list of any pictures can be written as CSV.")
    with progress() as on_step:
        if layout:
            faces = faces_of(LABELS[layout](source), plan.datasets, plan.size, on_step)
        else:
            faces = faces_in(source, source.parent, plan.size, on_step)
        results = run_grid(plan, *parted(plan, faces), out, _trainer(), on_step)
    if rows:
        write_csv(results, rows)
    tell(measure(results, data=data or plan.name, basis=basis_of(None)), report, table)


def _trainer() -> "Run":
    """The training of mien.systems.gender_disparity; an error in words without torch."""
    with extra("train", "Training"):
        from mien.systems.gender_disparity.train import run
    return run
