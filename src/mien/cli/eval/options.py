"""Options of the mien eval commands, and the output of findings."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import opened
from mien.cli.terminal import complain, print_json_line, print_table
from mien.types import OnStep

if TYPE_CHECKING:
    from mien.decision import Calibration
    from mien.evaluate.verification.trial_set import Compared
    from mien.evaluate.verification.trial_sources import Source
    from mien.evaluate.verification.vectors import Failure
    from mien.metrics.findings import Cell, Findings, Kind
    from mien.photo import Pipeline

Basis = tuple[tuple[str, str], ...]
MENTIONED = 5  # failures that are listed one by one

Place = Annotated[
    Path,
    typer.Argument(
        help="Folder of people or of the files of --pairs; root of a --layout; or CSV of "
        "similarities.",
        exists=True,
    ),
]
Pairs = Annotated[
    Path | None,
    typer.Option(
        "--pairs",
        help="CSV with file_a, file_b, same (optional: fold, group, person_a, person_b); or LFW's "
        "list.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Layout = Annotated[
    str,
    typer.Option(
        help="Layout: lfw, cfp-fp, cfp-ff, calfw, cplfw, rfw, ijb-b, ijb-c or bin (agedb_30.bin).",
        show_default=False,
    ),
]
Folds = Annotated[str, typer.Option(help="Folds to use, such as 4 or 0-3.", show_default=False)]
Everybody = Annotated[
    bool,
    typer.Option("--all", help="Compare every image with every other image, not only the pairs."),
]
Finder = Annotated[str, typer.Option("--detector", help="Card of the detector.")]
Embedder = Annotated[str, typer.Option("--embedder", help="Card of the embedder.")]
Processor = Annotated[str, typer.Option("--device", help="Device: cpu, cuda, ... No fallback.")]
Thresholds = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        help="Calibration file with the thresholds to test; default: shipped.",
        show_default=False,
    ),
]
Label = Annotated[
    str,
    typer.Option("--data", help="Description of the images, for the record.", show_default=False),
]
Vectors = Annotated[
    Path | None,
    typer.Option(
        help="File (.npz) that stores the embeddings for later runs.",
        show_default=False,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report", help="HTML file with plots; NAME.json is written beside it.", show_default=False
    ),
]
AsTable = Annotated[
    bool, typer.Option("--table", help="Print human-readable tables instead of JSON.")
]
Table = Annotated[
    Path, typer.Argument(help="CSV table with one header line.", exists=True, dir_okay=False)
]


Made = Annotated[
    bool,
    typer.Option(
        "--made", help="Count images that declare themselves as synthetic, edited or restored."
    ),
]


def print_findings(findings: "Findings", report: Path | None, table: bool) -> None:
    """Print findings, and write the report if one is requested."""
    from mien.metrics.findings import plain

    if report:
        from mien.report import write_findings

        write_findings(report, findings)
    for warning in findings.warnings:
        complain(warning)
    if table:
        _print(findings)
        return
    row = plain(findings)
    row.pop("plots")  # the page and its JSON file hold the curves
    print_json_line(row)


def _print(findings: "Findings") -> None:
    typer.echo(f"{findings.title} {findings.lead}\n")
    if findings.risk:
        typer.echo(f"Risk: {findings.risk.level}. {findings.risk.reason}\n")
    facts = findings.headline
    print_table(("", "95 % interval>"), [[f.name, _cell_text(f.value, f.kind)] for f in facts])
    for one in findings.tables:
        typer.echo(f"\n{one.title}. {one.caption}")
        heads = [name + ("" if kind == "text" else ">") for name, kind in one.columns]
        print_table(
            heads, [[*map(_cell_text, row, (k for _, k in one.columns))] for row in one.rows]
        )


def _cell_text(cell: "Cell", kind: "Kind") -> str:
    """Return a cell with its interval as text."""
    from mien.report.findings import interval, shown

    beside = interval(cell, kind).removesuffix(" %")
    return shown(cell, kind) + (f" ({beside})" if beside else "")


def basis_of(pipeline: "Pipeline | None", *more: tuple[str, str]) -> Basis:
    """Return the models with digests, and the command line; state that made images count."""
    from mien.evaluate.originals import made_are_accepted

    rows = list(more)
    if made_are_accepted():
        rows.append(("Images", "those declared as synthetic, edited or restored count (--made)"))
    if pipeline:
        words = {"detect": "Faces found by", "embed": "Embedded by"}
        rows += [(words.get(step, step), model) for step, model in pipeline.models.items()]
    return (*rows, ("Command", command()))


def command() -> str:
    """Return the command line without absolute folders."""
    words = [Path(w).name if Path(w).is_absolute() else w for w in sys.argv[1:]]
    return shlex.join(["mien", *words])


@contextmanager
def work_folder() -> Iterator[Path]:
    """Create a temporary folder for images that are unpacked from one file."""
    with TemporaryDirectory(prefix="mien-") as folder:
        yield Path(folder)


def compared_by(
    source: "Source",
    models: tuple[str, str, str],
    vectors: Path | None,
    calibration: Path | None,
    on_step: OnStep,
) -> "tuple[Compared, Basis, Calibration | None]":
    """Compare the images of a source; return comparisons, basis and calibration."""
    from mien.evaluate.verification.trial_sources import compared_of, scores_of

    if source.scored:
        return scores_of(source), basis_of(None), None
    pipeline = opened(models[0], models[1], models[2], commercial_only=False)
    known = thresholds(pipeline, calibration)
    with work_folder() as work:
        compared, failures = compared_of(
            source, pipeline, work, vectors=vectors, calibration=known, on_step=on_step
        )
    complain_about(failures)
    return compared, basis_of(pipeline), known


def thresholds(pipeline: "Pipeline", path: Path | None) -> "Calibration | None":
    """Return the named or the shipped calibration; None if these models have none."""
    from mien.decision import CalibrationError, find_calibration

    assert pipeline.embedder is not None
    contract, detector = pipeline.embedder.contract, pipeline.detector.name
    if path:
        return find_calibration(contract, detector, path=path)
    try:
        return find_calibration(contract, detector)
    except CalibrationError:
        complain(
            f"No calibration exists for {contract} with {detector}; thresholds are not tested."
        )
        return None


def complain_about(failures: "Sequence[Failure]") -> None:
    """Report the first failures one by one, and count the rest."""
    for failure in failures[:MENTIONED]:
        complain(f"failed: {failure.reason}")
    if len(failures) > MENTIONED:
        complain(f"failed: {len(failures) - MENTIONED} more images without a usable face.")
