"""Command that evaluates presentation attack detection: mien eval pad."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.eval.options import (
    AsTable,
    Basis,
    Finder,
    Label,
    Processor,
    Report,
    basis_of,
    print_findings,
)
from mien.cli.options import LivenessAt, LivenessHead, check_report, opened
from mien.cli.terminal import complain, progress
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien.datasets import Attempt
    from mien.evaluate.attempts import Scored
    from mien.evaluate.liveness import Presentation
    from mien.photo import Pipeline


def pad(
    source: Annotated[
        Path,
        typer.Argument(
            help="CSV of scores; or a folder of pictures and films, with --layout.", exists=True
        ),
    ],
    layout: Annotated[
        str,
        typer.Option(
            help="Layout of the folder: nuaa, or attempts (attempts.csv with path, species, "
            "subject; optional person, domain, group, use, depth, infrared).",
            show_default=False,
        ),
    ] = "",
    head: LivenessHead = None,
    at: LivenessAt = None,
    matcher: Annotated[
        bool,
        typer.Option("--matcher", help="Also compare faces: IAPAR and RIAPAR of the whole system."),
    ] = False,
    fmr: Annotated[float, typer.Option(help="False match rate of the matcher.")] = 1e-3,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Threshold that a live score must exceed; set on other data. Default: that of "
            "--liveness-at.",
            show_default=False,
        ),
    ] = None,
    apcer: Annotated[
        float, typer.Option(help="Target APCER; rows with use=set define the threshold.")
    ] = 0.05,
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
    detector: Finder = DETECTOR,
    device: Processor = "cpu",
) -> None:
    """Evaluate presentation attack detection by species (ISO/IEC 30107-3).

    A CSV has species (bona-fide for real people), subject, score (higher = more
    likely bona fide; empty = no response); optional: accepted (0 or 1), domain,
    use (set or test), group. With --layout, a liveness head scores the files.

    Example: mien eval pad nuaa/ --layout nuaa --liveness-at bpcer5 --table
    """
    from mien.evaluate.liveness import liveness, presentations_in

    check_report(report)
    presentations: Sequence[Presentation]
    if layout or source.is_dir():
        attempts = _attempts(source, layout or "attempts")
        embedder = EMBEDDER if matcher else None
        how = {"liveness": "warn", "liveness_head": head, "liveness_at": at}
        pipeline = opened(detector, embedder, device, commercial_only=False, **how)  # type: ignore[arg-type]
        found, basis = _scored(attempts, pipeline, matcher, fmr)
        presentations = found.presentations
        if threshold is None and not any(one.setting for one in presentations):
            threshold = found.threshold
    else:
        presentations, basis = presentations_in(source), basis_of(None)
    findings = liveness(
        presentations,
        threshold=threshold,
        rate=apcer,
        data=data or source.name,
        basis=basis,
    )
    print_findings(findings, report, table)


def _attempts(source: Path, layout: str) -> "list[Attempt]":
    from mien.datasets import ATTEMPTS

    if layout not in ATTEMPTS:
        raise typer.BadParameter(
            f"Layout '{layout}' is unknown: expected one of {', '.join(ATTEMPTS)}."
        )
    return ATTEMPTS[layout](source)


def _scored(
    attempts: "list[Attempt]", pipeline: "Pipeline", matcher: bool, fmr: float
) -> "tuple[Scored, Basis]":
    from mien.evaluate.attempts import score_attempts

    pipeline.quality = matcher  # a matcher refuses faces of low quality
    with progress() as on_step:
        found = score_attempts(attempts, pipeline, matcher=matcher, fmr=fmr, on_step=on_step)
    for reason, count in sorted(found.silent.items()):
        complain(f"{count} presentations got no response: {reason}.")
    assert pipeline.liveness is not None
    point = f"{pipeline.liveness.point}, above {found.threshold:.4g}"
    parts = ", ".join(f"{name} {count:,}" for name, count in sorted(found.modalities.items()))
    more = [("Operating point", point), ("Scores rest on", parts or "nothing")]
    if matcher:
        more.append(("References", f"first live picture of each of {found.references} people"))
    return found, basis_of(pipeline, *more)
