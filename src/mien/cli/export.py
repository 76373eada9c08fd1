"""Commands about answers: export to other programs, the schema."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.terminal import complain, print_table
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.export import Wish

Exports = Annotated[
    list[str] | None,
    typer.Option(
        "--export", help="FORMAT=PLACE, repeatable: csv, xmp, coco, edl ...; see: mien export"
    ),
]
Rate = Annotated[
    float | None, typer.Option("--rate", help="Films: frames per second; default: of the film.")
]


def export(
    answer: Annotated[
        Path | None, typer.Argument(help="Saved answer: JSON lines of mien identify or watch.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(help="FORMAT=PLACE; repeatable. Without: list the formats.")
    ] = None,
    rate: Rate = None,
) -> None:
    """Export a saved answer to other programs: digiKam, Lightroom, CVAT, editors ...

    Start it in the folder in which mien identify ran: paths are relative to it.
    The originals are changed by the format xmp-embedded alone.

    Example: mien export party.jsonl --to xmp --to csv=party.csv
    """
    from mien.export import FORMATS, read_answers

    if not answer or not to:
        if answer or to:
            raise MienError("An export needs a saved answer and at least one --to FORMAT=PLACE.")
        print_table(["format", "place", "writes"], [[n, w, t] for n, (t, w) in FORMATS.items()])
        return
    wishes = wishes_of(to)
    write_exports(read_answers(answer), wishes, rate)


def schema() -> None:
    """Print the JSON Schema of the lines of mien identify.

    Example: mien schema > answer.schema.json
    """
    import json

    from mien.service.schema import answer_schema

    typer.echo(json.dumps(answer_schema(), indent=1, ensure_ascii=False))


def wishes_of(texts: Sequence[str] | None) -> "list[Wish]":
    """Parse the values of --export or --to, before any work is done."""
    if not texts:
        return []
    from mien.export import Wish

    return [Wish.of(text) for text in texts]


def write_exports(
    rows: Iterable[dict[str, Any]], wishes: "Sequence[Wish]", rate: float | None
) -> None:
    """Write the exports and report them on stderr.

    Raises:
        MienError: something was left out; the rest is complete.
    """
    from mien.export import export as run

    failed = 0
    for done in run(rows, wishes, rate=rate):
        for sentence in (*done.ledger.notes, *done.ledger.failed):
            complain(sentence)
        failed += len(done.ledger.failed)
        where = done.wish.place or "beside the photos"
        where = "in the photos" if done.wish.format == "xmp-embedded" else where
        complain(f"exported: {done.count:,} as {done.wish.format}, {where}")
    if failed:
        raise MienError(f"{failed} could not be exported; the others are complete.")
