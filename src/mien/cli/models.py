"""Commands about models: which there are, what their licences allow, and their weights on disk."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.zoo import FileSet

app = typer.Typer(no_args_is_help=True, help="Models: list, fetch, check, and their licences.")

Names = Annotated[list[str] | None, typer.Argument(help="Names of models.", show_default=False)]
ForEyes = Annotated[bool, typer.Option("--table", help="A table for eyes instead of JSON lines.")]
Commercial = Annotated[
    bool, typer.Option("--commercial-only", help="Only weights that allow commercial use.")
]
Folder = Annotated[
    Path | None,
    typer.Option(
        help="Take the files from this folder; never ask the network.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]


@app.command("list")
def list_models(
    task: Annotated[str | None, typer.Option(help="Only models of this task.")] = None,
    commercial_only: Commercial = False,
    table: ForEyes = False,
) -> None:
    """List the models that can be loaded, one a line; `fetched` says whether they are on disk.

    Example: mien models list --task detect --table
    """
    from mien.zoo import cards, is_fetched, outside

    chosen = cards(task).values()
    faults = outside().faults
    rows: list[dict[str, Any]] = [
        {
            "name": card.name,
            "task": card.task,
            "kind": card.kind,
            "licence": card.licence,
            "commercial": card.commercial,
            "size": card.size,
            "fetched": is_fetched(card),
        }
        for card in chosen
        if card.commercial is True or not commercial_only
    ]
    for fault in faults:
        complain(f"'{fault.name}' of {fault.distribution} cannot be used: {fault.reason}")
    if table:
        headings = ("model", "task", "licence", "commercial", "MB>", "fetched")
        keys = ("name", "task", "licence", "commercial", "size", "fetched")
        for row in rows:
            row["size"] = f"{row['size'] / 1e6:.1f}"
        broken = [[fault.name, "FAULTY", *[None] * 4] for fault in faults]
        print_table(headings, [[row[key] for key in keys] for row in rows] + broken)
        return
    for row in rows:
        print_json_line(row)
    for fault in faults:
        print_json_line({"name": fault.name, "from": fault.distribution, "fault": fault.reason})


@app.command()
def show(name: str, table: ForEyes = False) -> None:
    """Show all facts of one model: sources, hashes, licence, options, measured results.

    Example: mien models show mtcnn --table
    """
    from mien.zoo import find, folder, is_fetched

    card = find(name)
    facts: dict[str, Any] = asdict(card)
    facts |= {"digest": card.digest, "fetched": is_fetched(card), "folder": folder(card)}
    if not table:
        print_json_line(facts)
        return
    files, package = facts.pop("files"), facts.pop("package") or {}
    facts |= {key: package.get(key) for key in ("archive", "archive_sha256")}
    rows = [[key, value] for key, value in facts.items() if value not in (None, (), {}, "")]
    for file in files:
        rows += [["file", file["ready"]], ["  source", file["source"]]]
        rows += [["  SHA-256", file["sha256"]], ["  bytes", file["size"]]]
    print_table(("", ""), rows, title=card.name)


@app.command()
def pull(
    names: Names = None,
    everything: Annotated[bool, typer.Option("--all", help="All models.")] = False,
    from_dir: Folder = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Gather the files in this folder, to carry to a machine without network.",
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    commercial_only: Commercial = False,
) -> None:
    """Fetch the weights of models now instead of at first use; print where they are.

    Example: mien models pull mtcnn dlib-resnet29-int8

    For a machine without network, gather here and use there:

    Example: mien models pull mtcnn --into stick

    Example: mien models pull mtcnn --from-dir stick
    """
    if from_dir and into:
        raise typer.BadParameter("--into gathers and --from-dir uses; give one of them.")
    chosen = _chosen(names, everything, commercial_only)
    failed = 0
    for card in chosen:
        try:
            _pull_one(card, from_dir, into)
        except MienError as error:
            if len(chosen) == 1:
                raise
            complain(str(error))  # the others may still arrive
            failed += 1
    if failed:
        complain(f"{failed} of {len(chosen)} models could not be fetched; the lines above say why.")
        raise typer.Exit(1)


def _pull_one(card: "FileSet", from_dir: Path | None, into: Path | None) -> None:
    from mien.zoo import bundle, fetch

    with progress(in_bytes=True) as on_step:
        if into:
            paths = bundle(card, into, on_step=on_step)
        else:
            paths = fetch(card, from_dir=from_dir, on_step=on_step)
    print_json_line({"name": card.name, "digest": card.digest, "files": paths})


def _chosen(names: list[str] | None, everything: bool, commercial_only: bool) -> list["FileSet"]:
    """The cards, or sample pictures, that a user asked for by name; or all cards."""
    from mien.zoo import Card, cards, find, require_commercial, samples

    if bool(names) == everything:
        raise typer.BadParameter("Name models, or give --all; `mien models list` shows them.")
    if everything:
        allowed = (card for card in cards().values() if card.commercial is True)
        return list(allowed if commercial_only else cards().values())
    chosen = [samples().get(name) or find(name) for name in names or []]
    for card in chosen:
        if commercial_only and isinstance(card, Card):
            require_commercial(card)
    return chosen


@app.command()
def verify(names: Names = None) -> None:
    """Hash the weights on disk again; exit with 1 if any is damaged.

    Example: mien models verify
    """
    from mien.zoo import cards, damage, find, is_fetched, is_stored

    chosen = [find(name) for name in names] if names else list(cards().values())
    broken = 0
    for card in chosen:
        there = is_stored(card) or is_fetched(card)
        if not there and not names:
            continue  # never fetched, so there is nothing that could be damaged
        why = damage(card) if there else None
        status = ("damaged" if why else "whole") if there else "absent"
        print_json_line({"name": card.name, "digest": card.digest, "status": status, "why": why})
        broken += why is not None
    if broken:
        complain(
            f"{broken} of {len(chosen)} models are damaged; delete the folders named above, then "
            "run `mien models pull` with their names."
        )
        raise typer.Exit(1)


@app.command()
def ledger(
    commercial_only: Commercial = False,
    table: ForEyes = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="A table for a document.")] = False,
) -> None:
    """Tell for each file of weights its licence, what it was trained on and where it is from.

    Example: mien models ledger --commercial-only --table
    """
    from mien import zoo

    rows = zoo.ledger(commercial_only=commercial_only)
    if markdown:
        typer.echo(zoo.ledger_markdown(rows))
    elif table:
        typer.echo(zoo.ledger_text(rows))
    else:
        for row in rows:
            print_json_line(asdict(row))
