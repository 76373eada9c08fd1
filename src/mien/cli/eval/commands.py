"""Commands that evaluate recognition: mien eval verify, identify, compare."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.eval import disparity, heads, images, longitudinal, pad
from mien.cli.eval.options import (
    AsTable,
    Embedder,
    Everybody,
    Finder,
    Folds,
    Label,
    Layout,
    Made,
    Pairs,
    Place,
    Processor,
    Report,
    Thresholds,
    Vectors,
    basis_of,
    compared_by,
    complain_about,
    print_findings,
    thresholds,
    work_folder,
)
from mien.cli.options import check_report, opened
from mien.cli.terminal import progress
from mien.zoo import DETECTOR, EMBEDDER

app = typer.Typer(
    no_args_is_help=True,
    help="Evaluate models: error rates with intervals, by group and over time.",
)


@app.callback()
def accepted(made: Made = False) -> None:
    """Take the options of all evaluations."""
    from mien.evaluate.originals import accept_made

    accept_made(made)


Seen = Annotated[
    Path | None,
    typer.Option(
        help="File of names, one per line, of people in the training data; an overlap is an error.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]


@app.command()
def verify(
    source: Place,
    pairs: Pairs = None,
    layout: Layout = "",
    folds: Folds = "",
    everybody: Everybody = False,
    seen: Seen = None,
    detector: Finder = DETECTOR,
    embedder: Embedder = EMBEDDER,
    device: Processor = "cpu",
    calibration: Thresholds = None,
    data: Label = "",
    vectors: Vectors = None,
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate verification (1:1): FMR, FNMR, DET curve, likelihood ratios.

    An image without a usable face counts as an error.

    Example: mien eval verify lfw/ --layout lfw --report lfw.html
    """
    from mien.datasets.trial_pairs import require_strangers
    from mien.evaluate.verification.trial_sources import Source
    from mien.evaluate.verification.verify import verify as measure

    check_report(report)
    named = Source(source, pairs, layout, folds, everybody)
    with progress() as on_step:
        compared, basis, known = compared_by(
            named, (detector, embedder, device), vectors, calibration, on_step
        )
    if seen:
        require_strangers(seen.read_text("utf-8").splitlines(), compared.names, "this test")
    label = data or source.resolve().name
    print_findings(measure(compared, data=label, basis=basis, calibration=known), report, table)


@app.command()
def identify(
    source: Place,
    pairs: Pairs = None,
    layout: Layout = "",
    folds: Folds = "",
    gallery: Annotated[
        list[int] | None,
        typer.Option(help="People per gallery; may be given several times.", show_default=False),
    ] = None,
    outside: Annotated[
        float, typer.Option(help="Share of the people who are not enrolled.", min=0.01, max=0.99)
    ] = 0.4,
    seed: Annotated[int, typer.Option(help="Random seed for the choice of enrolled people.")] = 0,
    detector: Finder = DETECTOR,
    embedder: Embedder = EMBEDDER,
    device: Processor = "cpu",
    calibration: Thresholds = None,
    data: Label = "",
    vectors: Vectors = None,
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate identification (1:N), closed and open set, at several gallery sizes.

    Example: mien eval identify people/ --gallery 100 --report search.html
    """
    from mien.evaluate.identification.identify import identify as measure
    from mien.evaluate.identification.identify import search
    from mien.evaluate.verification.trial_sources import Source, people_of
    from mien.evaluate.verification.vectors import embed_pictures

    check_report(report)
    pipeline = opened(detector, embedder, device, commercial_only=False)
    with work_folder() as work, progress() as on_step:
        pictures = people_of(Source(source, pairs, layout, folds), work)
        found, failures = embed_pictures(pictures, pipeline, vectors=vectors, on_step=on_step)
    complain_about(failures)
    known = thresholds(pipeline, calibration)
    galleries = search(
        found, failures, gallery or (), outside=outside, seed=seed, calibration=known
    )
    findings = measure(
        galleries,
        data=data or source.resolve().name,
        pictures=len(pictures),
        failed=len(failures),
        basis=basis_of(pipeline),
        calibration=known,
    )
    print_findings(findings, report, table)


@app.command()
def compare(
    source: Place,
    first: Annotated[str, typer.Option("--a", help="Card of the first embedder.")],
    second: Annotated[str, typer.Option("--b", help="Card of the second embedder.")],
    pairs: Pairs = None,
    layout: Layout = "",
    folds: Folds = "",
    everybody: Everybody = False,
    fmr: Annotated[float, typer.Option(help="False match rate at which both are compared.")] = 0.01,
    detector: Finder = DETECTOR,
    device: Processor = "cpu",
    data: Label = "",
    vectors: Annotated[
        Path | None,
        typer.Option(help="Folder that stores the embeddings of both.", show_default=False),
    ] = None,
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Compare two embedders on the same pairs by a bootstrap over people.

    Example: mien eval compare people/ --a dlib-resnet29 --b dlib-resnet29-int8
    """
    from mien.evaluate.verification.matcher_comparison import compare as measure
    from mien.evaluate.verification.trial_sources import Source

    check_report(report)
    sides = []
    with progress() as on_step:
        for name in (first, second):
            kept = vectors / f"{name}.npz" if vectors else None
            named = Source(source, pairs, layout, folds, everybody)
            sides.append(compared_by(named, (detector, name, device), kept, None, on_step))
    (one, basis, _), (other, more, _) = sides
    models = tuple(row for row in more if row not in basis)
    label = data or source.resolve().name
    findings = measure(one, other, (first, second), fmr=fmr, data=label, basis=(*models, *basis))
    print_findings(findings, report, table)


for each in (
    images.detect,
    images.quality,
    images.groups,
    heads.attributes,
    heads.task,
    heads.clips,
    heads.expression,
    heads.age,
    heads.batch_leak,
    pad.pad,
    longitudinal.longitudinal,
    disparity.disparity,
):
    app.command()(each)
