"""Command that checks whether faces are live: mien liveness."""

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.faces import stop_if_failed
from mien.cli.options import (
    AsTable,
    CommercialOnly,
    DetectorName,
    DeviceName,
    ExitCode,
    LivenessAt,
    LivenessHead,
    Pictures,
    check_report,
    opened,
    source_of,
    sources_of,
    workers,
)
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.errors import MienError
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from mien.behaviour.challenge import ChallengeResult
    from mien.liveness import Motion
    from mien.photo import Pipeline
    from mien.service.liveness import LivenessResult
    from mien.types import Liveness

ATTACK, NO_RESPONSE, UNREAD = 3, 4, 5  # exit codes with --exit-code; 1 and 2 are errors of the run


def liveness(
    sources: Pictures,
    head: LivenessHead = None,
    at: LivenessAt = None,
    depth: Annotated[
        str | None,
        typer.Option(help="Depth picture of the one image: 16-bit PNG of mm, .npy, .npz."),
    ] = None,
    infrared: Annotated[
        str | None, typer.Option(help="Infrared picture of the one image, aligned with it.")
    ] = None,
    challenge: Annotated[
        int,
        typer.Option(
            help="Cameras and films: ask for N random moves: turn, blink, smile.", min=0, max=10
        ),
    ] = 0,
    limit: Annotated[float, typer.Option(help="Seconds for each move of the challenge.")] = 4.0,
    seconds: Annotated[
        float | None, typer.Option(help="Cameras: stop after N seconds.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML file with the images and what was measured.")
    ] = None,
    detector: DetectorName = DETECTOR,
    exit_code: ExitCode = False,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Check whether faces are live, or shown on paper or on a screen.

    The head that answered and its operating point are part of each answer.
    With --exit-code the code is 0 if all faces are live, 3 if one is not, 4 if
    there is no face or no score, 5 if entries could not be read.

    With --depth or --infrared the head must use them, such as liveness-mmda. What
    the score rests on is part of the answer (modalities).

    Example: mien liveness selfie.jpg --liveness-at bpcer5 --table
    """
    from mien.media import is_live
    from mien.service import check_camera, check_liveness
    from mien.service.schema import checked_row

    check_report(report)
    live = len(sources) == 1 and (challenge > 0 or is_live(sources[0]))
    if challenge and not live:
        raise MienError("--challenge needs exactly one camera, stream or film.")
    names = sources if live else sources_of(sources)
    how: dict[str, Any] = {"liveness": "warn", "liveness_head": head, "liveness_at": at}
    pipeline = opened(detector, None, device, commercial_only, workers=workers(names), **how)
    pipeline.quality = False
    results: list[LivenessResult] = []
    if depth or infrared:
        results.append(_frame(names, live, pipeline, depth, infrared))
        if not table:
            print_json_line(checked_row(results[0]))
    elif live:
        more: dict[str, Any] = {"seconds": seconds, "ask": complain, "notify": complain}
        more["chips"] = report is not None
        if challenge:
            more |= _challenge(challenge, limit, device)
        results.append(check_camera(names[0], pipeline, **more))
        if not table:
            print_json_line(checked_row(results[0]))
    else:
        with progress() as on_step:
            from mien.service import Run

            items = [source_of(name) for name in names]
            kept = report is not None
            for result in check_liveness(items, pipeline, chips=kept, run=Run(on_step)):
                results.append(result)
                if result.error:
                    complain(result.error)
                if not table:
                    print_json_line(checked_row(result))
    if table:
        _print(results)
    if report:
        _write(report, results, pipeline)
    if exit_code:
        raise typer.Exit(code(results))
    stop_if_failed(sum(bool(one.error) for one in results))


def _frame(
    names: list[str], live: bool, pipeline: "Pipeline", depth: str | None, infrared: str | None
) -> "LivenessResult":
    from mien.liveness import read_companions
    from mien.media import is_film
    from mien.service import check_frame

    if live or len(names) != 1 or is_film(names[0]):
        raise MienError("--depth and --infrared need exactly one image.")
    return check_frame(names[0], read_companions(depth, infrared), pipeline)


def _challenge(count: int, limit: float, device: str) -> dict[str, Any]:
    from mien.behaviour.challenge import Challenge, draw_moves
    from mien.zoo import load

    landmarker = load("attention-mesh", device=device)
    return {"challenge": Challenge(draw_moves(count), limit=limit), "landmarker": landmarker}


def code(results: "list[LivenessResult]") -> int:
    """Return the exit code for --exit-code."""
    if any(one.error for one in results):
        return UNREAD
    outcomes = {one.outcome for one in results}
    if "attack" in outcomes:
        return ATTACK
    return NO_RESPONSE if "no-response" in outcomes else 0


def _print(results: "list[LivenessResult]") -> None:
    columns = ["source", "face", "answer", "score>", "needed>", "point", "frames>"]
    rows: list[list[Any]] = []
    for one in results:
        name = Path(one.source).name
        none = "unreadable" if one.error else f"no face ({one.reason})"
        faces = [[name, number, *_cells(found)] for number, found in enumerate(one.found, 1)]
        rows += faces or [[name, None, none, *[None] * 4]]
    print_table(columns, rows)
    models = sorted({found.model.split("@")[0] for one in results for found in one.found})
    if models:
        typer.echo(f"Head: {', '.join(models)}.")
    for found in (found for one in results for found in one.found):
        if found.modalities[1:] or found.ignored:
            left = f"; left out: {', '.join(found.ignored)}" if found.ignored else ""
            typer.echo(f"The score rests on {', '.join(found.modalities)}{left}.")
    for one in results:
        for number, track in enumerate(one.tracks, 1):
            line = f"{Path(one.source).name}, face {number}: {motion_text(track.motion)}."
            typer.echo(fill(line, 79, subsequent_indent="  "))
        if one.challenge:
            typer.echo(challenge_text(one.challenge))


def _cells(found: "Liveness") -> list[Any]:
    answer = found.outcome if found.reason is None else f"no response ({found.reason})"
    if found.signs and found.score is not None:
        answer += f" ({found.signs[0]})"
    score = None if found.score is None else f"{found.score:.3f}"
    return [answer, score, f"{found.threshold:.3f}", found.point, found.frames]


def motion_text(motion: "Motion") -> str:
    """Return the measures of a face over time as a line of text."""
    from mien.liveness.motion import MEASURES

    values = [
        f"{title} {form(getattr(motion, name))}"
        for name, (title, form) in MEASURES.items()
        if getattr(motion, name) is not None
    ]
    return "; ".join([*motion.signs, *values]) or "no motion was measured"


def challenge_text(result: "ChallengeResult") -> str:
    """Return the result of a challenge as a line of text."""
    steps = ", ".join(
        f"{one.move} " + ("not followed" if one.seconds is None else f"after {one.seconds:.1f} s")
        for one in result.steps
    )
    verdict = "passed" if result.passed else f"not passed ({result.reason})"
    return f"Challenge {verdict}: {steps}."


def _write(report: Path, results: "list[LivenessResult]", pipeline: "Pipeline") -> None:
    from mien.report import entry, write_answers
    from mien.report.liveness import write_liveness

    assert pipeline.liveness is not None
    head, point = pipeline.liveness.head.name, pipeline.liveness.point
    lead = (
        f"Checked by {head} at {point}. A score states how live a face appears to that head; "
        "heads were measured on printed photographs only."
    )
    films = [one for one in results if one.answer is None and not one.error]
    if films and any(one.answer for one in results):
        raise MienError("A report has images or films, not both; check them one after the other.")
    if films:
        write_liveness(report, results, lead=lead)
    else:
        entries = [entry(one.source, one.image, one.answer, one.error or "") for one in results]
        write_answers(report, entries, pipeline, title="Liveness report", lead=lead)
    complain(f"report written: {report}")
