"""Command that adds people to a gallery: enroll."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import (
    GALLERY,
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    GalleryEmbedder,
    GalleryPath,
    LivenessAction,
    LivenessAt,
    LivenessHead,
    OnRay,
    SmallestFace,
    TurnsChoice,
    Who,
    embedder_for,
    opened,
    warn_of_size,
    workers,
)
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.zoo import DETECTOR


def enroll(
    source: Annotated[
        Path,
        typer.Argument(
            help="Folder with one folder per person or Name.jpg files; or a CSV with person,path."
        ),
    ],
    gallery: GalleryPath = GALLERY,
    detector: DetectorName = DETECTOR,
    embedder: GalleryEmbedder = None,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
    allow_conflicts: Annotated[
        bool, typer.Option(help="Accept faces and names that are like those of another person.")
    ] = False,
    retry: Annotated[
        bool, typer.Option(help="Process images again that were refused before.")
    ] = False,
    regions: Annotated[
        bool,
        typer.Option("--regions", help="Take names and faces from XMP, as digiKam writes them."),
    ] = False,
    review: Annotated[
        bool,
        typer.Option("--review", help="Keep doubtful templates in quarantine, for a decision."),
    ] = False,
    learn: Annotated[
        str | None,
        typer.Option(help="Keep all templates in quarantine, as a group of this name."),
    ] = None,
    calibration: CalibrationPath = None,
    liveness: LivenessAction = "off",
    liveness_head: LivenessHead = None,
    liveness_at: LivenessAt = None,
    who: Who = None,
    table: AsTable = False,
    ray: OnRay = None,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Add people to a gallery; report each refused image with its reason.

    With --review, templates with doubts wait in quarantine: mien gallery quarantine list.

    Each result is stored before the next image is processed. The same command
    continues a run that was stopped.

    Example: mien enroll family/ --gallery family.mien
    """
    from mien.liveness.check import refusal
    from mien.service import Run, items_in, region_items
    from mien.service import enroll as run
    from mien.service.galleries import target
    from mien.service.schema import enrolled_row

    items = (region_items if regions else items_in)(source, skipped=complain)
    embedder = embedder_for(embedder, gallery)
    pipeline = opened(
        detector,
        embedder,
        device,
        commercial_only,
        turns,
        smallest=smallest,
        workers=workers(items),
        cluster=ray,
        calibration=calibration,
        liveness=liveness,
        liveness_head=liveness_head,
        liveness_at=liveness_at,
    )
    counts: Counter[str] = Counter()
    rows = []
    with target(gallery, pipeline, who=who) as known, progress() as on_step:
        how: Any = {"allow_conflicts": allow_conflicts, "retry": retry}
        how |= {"review": review, "learn": learn}
        for result in run(items, pipeline, known, **how, run=Run(on_step)):
            counts[result.outcome] += 1
            item = result.item
            if result.outcome in ("refused", "quarantined"):
                rows.append([item.person, item.path.name, result.reason])
                reason = f"{result.outcome}, {result.reason}. {result.detail or ''}"
                complain(f"{item.path}: {reason}".rstrip())
            elif result.liveness and result.liveness.outcome != "live":
                complain(f"{item.path}: enrolled, but: {refusal(result.liveness)}")
            if not table:
                print_json_line(enrolled_row(result))
        warn_of_size(known, detector, calibration)
    if table:
        print_table(["person", "refused image", "reason"], rows)
        keys = ["enrolled", "already", "refused"] + ["quarantined"] * (review or learn is not None)
        summary = ", ".join(f"{counts[key]:,} {key}" for key in keys)
        typer.echo(f"{len(items):,} images: {summary}. Gallery: {gallery}")
