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
def prove(name: Name, data: Data = None, out: Out = None) -> None:
    """Run the experiment of a system; write its table into the system's page.

    Example: mien systems prove expression-midas --out runs/proof
    """
    from mien.zoo import find_system

    system = find_system(name)
    with extra("train", "Training"):
        from mien.train.commands import prove_system

        place = out or Path("runs") / f"{system.card.name}-proof"
        with progress() as on_step:
            results = prove_system(system, data, place, on_step)
    typer.echo(results)
    complain(f"results written: {system.page}")
