"""Command that runs the demo: one table on the terminal, one HTML page."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import CommercialOnly, DeviceName, opened
from mien.cli.terminal import print_table, progress
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from mien.evaluate.demo import Result
    from mien.photo import Pipeline
    from mien.report import Entry

TITLE = "Who is in these pictures?"
GLANCE = "At a glance"  # what a newcomer sees first: a match each, a stranger, and no face
FIRST = ("as it is", "passer-by", "stranger: Hopper", "cat")
HONEST = (
    "All images of a person are derived from the photo that was enrolled. The demo shows that "
    "degraded images pass all steps; it does not measure accuracy on people."
)
COLUMNS = ("picture", "expected", "answer", "score>", "limit>", "prob.>", "ok")


def demo(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder to write: new, empty, or from an earlier demo."),
    ] = Path("demo"),
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Enrol two people and identify them in degraded images; print a table.

    The demo writes an HTML page too. The first run fetches the default models.
    The exit code is 1 if a result differs from the expected one.

    Example: mien demo --out demo
    """
    from mien.evaluate.demo import claim, run_demo

    claim(out)
    started = time.perf_counter()
    pipeline = opened(DETECTOR, EMBEDDER, device, commercial_only)
    with progress() as on_step:
        results = run_demo(out, pipeline, on_step)
    print_table(COLUMNS, [_row(result) for result in results])
    page = out / "report.html"
    _report(page, results, pipeline)
    failed = [result for result in results if not result.passed]
    _sum_up(results, failed)
    typer.echo(f"It took {time.perf_counter() - started:.1f} s. Open {page} to see the images.")
    if failed:
        raise typer.Exit(1)


def _row(result: "Result") -> list[Any]:
    """Return one row of the table, at most 80 characters wide."""
    trial = result.trial
    surname = {name: name.rpartition(" ")[2] for name in (*trial.expected, *result.got)}
    score, limit = (
        None if number is None else f"{number:.1f}" for number in (result.score, result.threshold)
    )
    sure = None if result.probability is None else f"{result.probability:.3f}"
    names = ", ".join(surname[name] for name in result.got)
    if result.outcome == "review":
        names += " (review)"
    return [
        trial.variant,
        ", ".join(sorted(surname[name] for name in trial.expected)) or "no face",
        names or f"no face: {result.answer.reason}",
        score,
        limit,
        sure,
        result.passed,
    ]


def _sum_up(results: "list[Result]", failed: "list[Result]") -> None:
    reviews = sum(result.passed and result.outcome == "review" for result in results)
    typer.echo(
        f"\n{len(results)} images: {len(results) - len(failed)} as expected, "
        f"{reviews} of them only for review; {len(failed)} not as expected."
    )
    for result in failed:
        got = ", ".join(result.got) or f"no face ({result.answer.reason})"
        wanted = ", ".join(result.trial.expected) or "no face"
        typer.echo(f"  {result.trial.path}: {got} instead of {wanted}")
    typer.echo(HONEST)


def _report(page: Path, results: "list[Result]", pipeline: "Pipeline") -> None:
    from mien.report import write_answers

    lead = (
        "mien was shown one photo of Grace Hopper and one of Eileen Collins. It then had to say "
        f"who is in {len(results)} images: a name, nobody it knows, or no face. {HONEST}"
    )
    first = [result for result in results if result.trial.variant in FIRST]
    first.sort(key=lambda result: FIRST.index(result.trial.variant))
    entries = [_entry(result, GLANCE) for result in first]
    entries += [_entry(result, result.trial.group) for result in results if result not in first]
    write_answers(page, entries, pipeline, title=TITLE, lead=lead)


def _entry(result: "Result", group: str) -> "Entry":
    from mien.media import read_image
    from mien.report import entry

    trial = result.trial
    return entry(
        trial.path.stem,
        read_image(trial.path),
        result.answer,
        group=group,
        note=trial.story,
        expected=", ".join(trial.expected) or "no face",
        passed=result.passed,
    )
