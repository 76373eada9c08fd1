"""Command that evaluates stability over time: mien eval longitudinal."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mien.cli.eval.options import (
    AsTable,
    Embedder,
    Finder,
    Label,
    Processor,
    Report,
    Vectors,
    basis_of,
    complain_about,
    print_findings,
    thresholds,
)
from mien.cli.options import check_report, opened
from mien.cli.terminal import progress
from mien.zoo import DETECTOR, EMBEDDER


def longitudinal(
    source: Annotated[
        Path,
        typer.Argument(
            help="CSV of scores; or folder with subject/YYYY-MM-DD/NN.png.", exists=True
        ),
    ],
    layout: Annotated[
        Literal["dated", "fgnet", "agedb", "morph"],
        typer.Option(help="Layout of a folder: dates as folders, or ages in file names."),
    ] = "dated",
    algorithm: Annotated[
        str, typer.Option(help="Algorithm of the table to use.", show_default=False)
    ] = "",
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Threshold for FNMR over time; default for images: the shipped fmr1e-3.",
            show_default=False,
        ),
    ] = None,
    references: Annotated[
        int, typer.Option(help="Captures of the first visit that are the reference.", min=1)
    ] = 2,
    fisher: Annotated[
        bool, typer.Option("--fisher", help="Use Fisher's z of the scores, for scores near 1.")
    ] = False,
    detector: Finder = DETECTOR,
    embedder: Embedder = EMBEDDER,
    device: Processor = "cpu",
    data: Label = "",
    vectors: Vectors = None,
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate stability over time: day-to-day noise against drift over years.

    Columns of a table: subject, algorithm, sensor, day (2024-05-31), capture_no,
    ref_id, score (similarity); optional: ref_day, same (0 = another person),
    sha256, covariates.

    Example: mien eval longitudinal scores.csv --threshold 0.93 --table
    """
    from mien.evaluate.longitudinal.longitudinal import longitudinal as measure
    from mien.evaluate.longitudinal.longitudinal_records import (
        aged_pictures,
        captures_in,
        compared_over_time,
        dated_pictures,
    )
    from mien.evaluate.verification.vectors import embed_pictures

    check_report(report)
    failed, basis = 0, basis_of(None)
    if source.is_file():
        captures = captures_in(source)
    else:
        dated = dated_pictures(source) if layout == "dated" else aged_pictures(source, layout)
        pipeline = opened(detector, embedder, device, commercial_only=False)
        with progress() as on_step:
            found, failures = embed_pictures(
                [d.picture for d in dated], pipeline, vectors=vectors, on_step=on_step
            )
        complain_about(failures)
        basis, known = basis_of(pipeline), thresholds(pipeline, None)
        captures, failed = compared_over_time(dated, found, embedder, references, known)
        if threshold is None and known and not fisher:
            threshold = known.at_fmr(1e-3).score
    findings = measure(
        captures,
        data=data or source.resolve().name,
        algorithm=algorithm,
        threshold=threshold,
        fisher=fisher,
        failed=failed,
        basis=basis,
    )
    print_findings(findings, report, table)
