"""Commands about research systems: train, systems list, show and prove."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.errors import extra

app = typer.Typer(no_args_is_help=True, help="List, show and prove research systems.")
Name = Annotated[str, typer.Argument(help="Name of the system; see: mien systems list")]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Data set in its original layout; default: synthetic data, if supported.",
        exists=True,
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="Run folder; default: runs/NAME.", file_okay=False, show_default=False),
]
AsTable = Annotated[
    bool, typer.Option("--table", help="Print a human-readable table instead of JSON lines.")
]


def train(
    name: Name,
    data: Data = None,
    out: Out = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE; may be given several times.", show_default=False),
    ] = None,
    list_only: Annotated[
        bool, typer.Option("--list", help="Print the settings and their defaults, and stop.")
    ] = False,
    table: AsTable = False,
) -> None:
    r"""Train a system and print its results; the run folder is then a model.

    Its path can be given wherever a head is named: mien analyze photo.jpg --heads
    runs/NAME. The same command continues a run that was stopped. The extra `train` must be
    installed: pip install 'mien\[train]'. To use several processors, run:
    torchrun --nproc-per-node 4 -m mien train NAME

    Example: mien train expression-convcut --out runs/convcut --set epochs=5
    """
    from mien.zoo import find_system

    system = find_system(name)
    with extra("train", "Training"):
        from mien.train.commands import options_of, train_system

        if list_only:
            rows = [(o.key, o.kind, o.default, o.about) for o in options_of(system)]
            heads = ("key", "kind", "default", "about")
            if table:
                print_table(heads, rows)
            else:
                for row in rows:
                    print_json_line(dict(zip(heads, row, strict=True)))
            return
        place = out or Path("runs") / system.card.name
        with progress() as on_step:
            results = train_system(system, settings or (), data, place, on_step)
    print_json_line({"system": system.card.name, "out": place, **results})


@app.command("list")
def list_systems(table: AsTable = False) -> None:
    """List the systems, one per line: task, kind, and available steps.

    Example: mien systems list --table
    """
    from mien.zoo import systems

    rows = [
        {
            "name": name,
            "task": system.card.task,
            "kind": system.card.kind,
            "train": system.has("train"),
            "proof": system.has("proof"),
            "paper": system.card.paper,
        }
        for name, system in systems().items()
    ]
    if table:
        print_table(("system", "task", "kind", "train", "proof", "paper"),
                    [list(row.values()) for row in rows])  # fmt: skip
        return
    for row in rows:
        print_json_line(row)


@app.command()
def show(name: Name) -> None:
    """Print the page of a system: outputs, results, failures, and prohibited uses.

    Example: mien systems show gender-disparity
    """
    from mien.zoo import find_system

    typer.echo(find_system(name).page.read_text("utf-8").rstrip())


@app.command()
def prove(
    name: Name,
    data: Data = None,
    out: Out = None,
    part: Annotated[
        list[str] | None,
        typer.Option(help="Run this part only; may be given several times.", show_default=False),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One seed, reduced settings; nothing is written.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes, with one thread each.", min=1)] = 1,
    write: Annotated[
        Path | None,
        typer.Option(
            help="Page for the tables; default: the system's own, if it can be written.",
            dir_okay=False,
            exists=True,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run the experiment of a system: print its tables, then write them into its page.

    Finished trainings are kept in the run folder and read again if settings, code and data are
    the same. Parts whose data are not named keep their place in the page.

    Example: mien systems prove expression-midas --quick
    """
    from mien.zoo import find_system

    system = find_system(name)
    with extra("train", "Training"):
        from mien.train.proof_page import check_page, own_page, write_page
        from mien.train.proofs import parts_of, run_proof

        page = None if quick else write or own_page(system)
        if page:
            check_page(page)  # before the work, not after it
        place = out or Path("runs") / f"{system.card.name}-proof"
        with progress() as on_step:
            proof = run_proof(system, data, place, on_step, only=part or (), quick=quick, jobs=jobs)
        typer.echo("\n\n".join(proof.texts.values()))
        for one in proof.left_out:
            complain(f"left out, since its data are not named with --data: {one}")
        if proof.recomputed:
            complain(
                f"{len(proof.recomputed)} results in {place} belonged to other code, settings or "
                "data and were computed again"
            )
        if page is None:
            elsewhere = "its page is not in a source tree; name a file with --write"
            why = "a quick run" if quick else elsewhere
            complain(f"nothing written: {why}")
            return
        write_page(page, proof.texts, [one.name for one in parts_of(system)])
    complain(f"results written: {page}")
