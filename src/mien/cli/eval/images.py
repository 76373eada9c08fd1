"""Commands that evaluate on labelled images: mien eval detect, quality, groups."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from mien.cli.eval.options import (
    AsTable,
    Embedder,
    Finder,
    Folds,
    Label,
    Pairs,
    Place,
    Processor,
    Report,
    Vectors,
    basis_of,
    compared_by,
    complain_about,
    print_findings,
    work_folder,
)
from mien.cli.options import TurnsChoice, check_report, opened
from mien.cli.terminal import progress
from mien.zoo import DETECTOR, EMBEDDER

Item = TypeVar("Item")
Labels = Literal[
    "utkface", "agedb", "fairface", "fer2013", "ferplus", "rafdb", "affectnet", "ckplus", "folders",
    "taiwan", "cacd", "fgnet", "morph", "appa-real", "imdb-wiki", "stills", "presentations",
]  # fmt: skip
Folder = Annotated[Path, typer.Argument(help="Folder of the images.", exists=True)]


def detect(
    folder: Folder,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="Boxes: wider_face_val_bbx_gt.txt, CSV (image, left, top, right, bottom) or VOC "
            "folder.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    layout: Annotated[
        Literal["wider", "csv", "voc"] | None,
        typer.Option(help="Format of --boxes; default: from its name.", show_default=False),
    ] = None,
    overlap: Annotated[
        float,
        typer.Option(
            help="Intersection over union from which a face counts as found.", min=0.1, max=1
        ),
    ] = 0.5,
    most: Annotated[
        int, typer.Option(help="Evaluate at most N images, evenly spaced (0 = all).", min=0)
    ] = 0,
    turns: TurnsChoice = "when-needed",
    detector: Finder = DETECTOR,
    device: Processor = "cpu",
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate a detector against boxes.

    Without --boxes, each image must show exactly one face.

    Example: mien eval detect WIDER_val/images --boxes wider_face_val_bbx_gt.txt
    """
    from mien.datasets import BOXES
    from mien.evaluate.detection import detect_boxes, detect_single
    from mien.media import find_images

    check_report(report)
    pipeline = opened(detector, None, device, commercial_only=False)
    label, basis = data or folder.resolve().name, basis_of(pipeline)
    with progress() as on_step:
        if boxes:
            guess = "csv" if boxes.suffix == ".csv" else "wider"
            kind = layout or ("voc" if boxes.is_dir() else guess)
            pictures = some(BOXES[kind](boxes, folder), most)
            findings = detect_boxes(
                pictures, pipeline.detector, data=label, turns=turns, overlap=overlap,
                basis=basis, on_step=on_step,
            )  # fmt: skip
        else:
            findings = detect_single(
                some(find_images([folder]), most), pipeline.detector, data=label, turns=turns,
                basis=basis, on_step=on_step,
            )  # fmt: skip
    print_findings(findings, report, table)


def quality(
    source: Place,
    pairs: Pairs = None,
    layout: Annotated[
        str, typer.Option(help="Layout of the data set, as in eval verify.", show_default=False)
    ] = "",
    folds: Folds = "",
    detector: Finder = DETECTOR,
    embedder: Embedder = EMBEDDER,
    device: Processor = "cpu",
    data: Label = "",
    vectors: Vectors = None,
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate quality components by error-versus-discard curves.

    Example: mien eval quality lfw/ --layout lfw --report quality.html
    """
    from mien.evaluate.verification.error_vs_discard import discard, judge_pictures, one_person
    from mien.evaluate.verification.trial_sources import Source, people_of
    from mien.evaluate.verification.vectors import embed_pictures

    check_report(report)
    pipeline = opened(detector, embedder, device, commercial_only=False)
    with work_folder() as work, progress() as on_step:
        pictures = people_of(Source(source, pairs, layout, folds), work)
        found, failures = embed_pictures(pictures, pipeline, vectors=vectors, on_step=on_step)
        judged = judge_pictures(list(found), pipeline, on_step)
    complain_about(failures)
    findings = discard(
        one_person(pictures), found, judged, data=data or source.resolve().name,
        basis=basis_of(pipeline),
    )  # fmt: skip
    print_findings(findings, report, table)


def groups(
    source: Place,
    layout: Annotated[
        Labels | None,
        typer.Option(
            help="Layout of labelled images, to measure failure to acquire.", show_default=False
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Label to group by; may be given several times.", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with person, group, to measure error rates by group.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    pairs: Pairs = None,
    fmr: Annotated[
        float, typer.Option(help="Operating point (false match rate) at which groups are compared.")
    ] = 1e-3,
    least: Annotated[
        int, typer.Option(help="Minimum number of people per group for a verdict.", min=3)
    ] = 30,
    most: Annotated[
        int, typer.Option(help="Evaluate at most N images, evenly spaced (0 = all).", min=0)
    ] = 0,
    detector: Finder = DETECTOR,
    embedder: Embedder = EMBEDDER,
    device: Processor = "cpu",
    data: Label = "",
    vectors: Vectors = None,
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate performance by group.

    You supply the labels; none is inferred from an image.

    Example: mien eval groups utkface/ --layout utkface --by race --by gender
    """
    from mien.datasets import LABELS
    from mien.evaluate.fairness.groups import (
        assess_pictures,
        failures_by_group,
        rates_by_group,
        with_groups,
    )
    from mien.evaluate.verification.trial_sources import Source
    from mien.evaluate.verification.verify import rate_name

    check_report(report)
    label = data or source.resolve().name
    if layout:
        pipeline = opened(detector, None, device, commercial_only=False)
        with progress() as on_step:
            observed = assess_pictures(some(LABELS[layout](source), most), pipeline, on_step)
        tasks = by or ["gender", "age", "race"]
        findings = failures_by_group(
            observed, tasks, data=label, basis=basis_of(pipeline), least=least
        )
        print_findings(findings, report, table)
        return
    with progress() as on_step:
        compared, basis, known = compared_by(
            Source(source, pairs, everybody=labels is not None), (detector, embedder, device),
            vectors, None, on_step,
        )  # fmt: skip
    if labels:
        compared = with_groups(compared, labels)
    bar = known.at_fmr(fmr).score if known else compared.trials.threshold(fmr)
    name = rate_name(fmr) + ("" if known else " (set here)")
    print_findings(
        rates_by_group(compared, bar, name, data=label, basis=basis, least=least), report, table
    )


def some(pictures: list[Item], most: int) -> list[Item]:
    """Return at most `most` evenly spaced items."""
    return pictures[:: -(-len(pictures) // most)] if most and len(pictures) > most else pictures
