"""Command that compares two images: verify."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import (
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    EmbedderName,
    ExitCode,
    LivenessAction,
    LivenessAt,
    LivenessHead,
    Prior,
    SmallestFace,
    TurnsChoice,
    opened,
    source_of,
)
from mien.cli.terminal import NO_MATCH, complain, print_json_line, print_table
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from mien.types import Decision


def verify(
    first: Annotated[str, typer.Argument(help="First image, which shows one face.")],
    second: Annotated[str, typer.Argument(help="Second image, which shows one face.")],
    fmr: Annotated[float, typer.Option(help="False match rate to work at, such as 0.001.")] = 1e-3,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
    calibration: CalibrationPath = None,
    prior: Prior = 0.5,
    liveness: LivenessAction = "off",
    liveness_head: LivenessHead = None,
    liveness_at: LivenessAt = None,
    exit_code: ExitCode = False,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Decide whether two images show one person: match, review or unknown.

    With --exit-code the code is 0 for a match, 3 otherwise.

    Example: mien verify passport.jpg selfie.jpg --fmr 1e-4
    """
    from mien.liveness.check import refusal
    from mien.service import verify as run_verification
    from mien.service.schema import verified_row

    pipeline = opened(
        detector,
        embedder,
        device,
        commercial_only,
        turns,
        smallest=smallest,
        prior=prior,
        calibration=calibration,
        liveness=liveness,
        liveness_head=liveness_head,
        liveness_at=liveness_at,
    )
    decision = run_verification(source_of(first), source_of(second), pipeline, fmr=fmr)
    if decision.liveness and decision.liveness.outcome != "live":
        complain(f"{second}: {refusal(decision.liveness)}")
    if table:
        _print_verified(decision)
    else:
        print_json_line(verified_row(first, second, decision))
    if exit_code and decision.outcome != "match":
        raise typer.Exit(NO_MATCH)


def _print_verified(decision: "Decision") -> None:
    basis = decision.basis
    assert basis is not None
    rows: list[list[Any]] = [
        ["answer", decision.outcome],
        ["score", f"{decision.score:.2f}"],
        ["threshold", f"{basis.threshold:.2f} (95 %: {basis.low:.2f} to {basis.high:.2f})"],
        ["probability", f"{decision.probability:.4f} (prior: {decision.prior:g})"],
        ["requested", f"FMR {basis.fmr:g}" + (", extrapolated" if basis.extrapolated else "")],
        ["calibration", basis.calibration],
        ["measured on", basis.data],
    ]
    if found := decision.liveness:
        score = "no score" if found.score is None else f"{found.score:.3f}"
        needed = f"{score}, above {found.threshold:.3f} needed"
        rows.append(["liveness", f"{found.outcome} ({needed}: {found.point} of {found.model})"])
    print_table(["", ""], rows)
    typer.echo(decision.reason)
