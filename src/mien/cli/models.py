"""Commands about models: list, facts, licences, and weights on disk."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.zoo import FileSet

app = typer.Typer(
    no_args_is_help=True, help="List, fetch, verify and add models; show their licences."
)

Names = Annotated[list[str] | None, typer.Argument(help="Names of models.", show_default=False)]
AsTable = Annotated[
    bool, typer.Option("--table", help="Print a human-readable table instead of JSON lines.")
]
Commercial = Annotated[
    bool, typer.Option("--commercial-only", help="Use only weights that permit commercial use.")
]
Folder = Annotated[
    Path | None,
    typer.Option(
        help="Take the files from this folder, without network access.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]


@app.command("list")
def list_models(
    task: Annotated[str | None, typer.Option(help="List only models of this task.")] = None,
    commercial_only: Commercial = False,
    table: AsTable = False,
) -> None:
    """List the models, one per line; `fetched` marks those on disk.

    Example: mien models list --task detect --table
    """
    from mien.zoo import cards, faults, is_fetched

    chosen = cards(task).values()
    broken = faults()
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
    for fault in broken:
        complain(f"'{fault.name}' of {fault.distribution} cannot be used: {fault.reason}")
    if table:
        headings = ("model", "task", "licence", "commercial", "MB>", "fetched")
        keys = ("name", "task", "licence", "commercial", "size", "fetched")
        for row in rows:
            row["size"] = f"{row['size'] / 1e6:.1f}"
        faulty = [[fault.name, "FAULTY", *[None] * 4] for fault in broken]
        print_table(headings, [[row[key] for key in keys] for row in rows] + faulty)
        return
    for row in rows:
        print_json_line(row)
    for fault in broken:
        print_json_line({"name": fault.name, "from": fault.distribution, "fault": fault.reason})


@app.command()
def show(name: str, table: AsTable = False) -> None:
    """Show one model: sources, hashes, licence, options, measured results.

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
    everything: Annotated[bool, typer.Option("--all", help="Select all models.")] = False,
    from_dir: Folder = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Collect the files in this folder, for a machine without network.",
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    commercial_only: Commercial = False,
) -> None:
    """Fetch the weights of models now instead of at first use; print their paths.

    Example: mien models pull mtcnn dlib-resnet29-int8

    For a machine without network, collect the files here and use them there:

    Example: mien models pull mtcnn --into stick

    Example: mien models pull mtcnn --from-dir stick
    """
    if from_dir and into:
        raise typer.BadParameter("--into and --from-dir exclude each other: give one of them.")
    chosen = _chosen(names, everything, commercial_only)
    failed = 0
    for card in chosen:
        try:
            _pull_one(card, from_dir, into)
        except MienError as error:
            if len(chosen) == 1:
                raise
            complain(str(error))  # the other downloads continue
            failed += 1
    if failed:
        complain(
            f"{failed} of {len(chosen)} models could not be fetched; the lines above give the "
            "reasons."
        )
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
    """Return the named cards or sample sets; or all cards."""
    from mien.zoo import Card, cards, find, require_commercial, samples

    if bool(names) == everything:
        raise typer.BadParameter("No model is named: give names from `mien models list`, or --all.")
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
    """Verify the hashes of weights on disk; exit with code 1 if any differs.

    Example: mien models verify
    """
    from mien.zoo import cards, damage, find, is_fetched, is_stored

    chosen = [find(name) for name in names] if names else list(cards().values())
    broken = 0
    for card in chosen:
        there = is_stored(card) or is_fetched(card)
        if not there and not names:
            continue  # not fetched, so there is nothing to verify
        why = damage(card) if there else None
        status = ("damaged" if why else "whole") if there else "absent"
        print_json_line({"name": card.name, "digest": card.digest, "status": status, "why": why})
        broken += why is not None
    if broken:
        complain(
            f"{broken} of {len(chosen)} models are damaged. Delete the folders named above, then "
            "run "
            "`mien models pull` with their names."
        )
        raise typer.Exit(1)


@app.command()
def add(
    run: Annotated[
        Path, typer.Argument(help="Run folder of a training.", exists=True, file_okay=False)
    ],
    name: Annotated[
        str, typer.Option(help="Name of the model; default: that of its card.", show_default=False)
    ] = "",
) -> None:
    """Add the model of a training, so that its name can be used like that of any other.

    The folder is copied; without adding it, use its path instead of a name.

    Example: mien models add runs/expression --name smile-2
    """
    from mien.zoo import add_run, load

    load(str(run.absolute()))  # weights that were changed, or do not fit their card, are refused
    card = add_run(run, name)
    print_json_line({"name": card.name, "digest": card.digest, "folder": card.run})


@app.command()
def remove(name: str) -> None:
    """Remove a model that was added from a run folder; the run folder is not touched.

    Example: mien models remove smile-2
    """
    from mien.zoo import remove_run

    print_json_line({"name": name, "removed": remove_run(name)})


@app.command()
def ledger(
    commercial_only: Commercial = False,
    table: AsTable = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """List licence, training data and source of each file of weights.

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
