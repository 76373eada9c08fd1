"""Command that fills under-represented cells of a data set with edited faces: synth balance."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.options import AsTable
from mien.cli.synth_films import Seed
from mien.cli.terminal import complain, print_json_line, print_table, progress


def balance(
    data: Annotated[
        Path, typer.Argument(help="Folder of aligned faces, cut as UTKFace cuts.", exists=True)
    ],
    out: Annotated[Path, typer.Argument(help="Folder for the edited faces.")],
    plan: Annotated[
        Path,
        typer.Option(
            help="Plan in TOML: labels, tones, least, counts, per_source.",
            exists=True,
            dir_okay=False,
        ),
    ],
    layout: Annotated[str, typer.Option(help="Layout of the folder.")] = "utkface",
    model: Annotated[
        str, typer.Option("--model", help="Editor: a run folder of mien train edit-face.")
    ] = "edit-face",
    no_mark: Annotated[
        bool, typer.Option("--no-mark", help="Do not write 'edited' into the pictures.")
    ] = False,
    seed: Seed = 0,
    table: AsTable = False,
) -> None:
    """Fill rare cells of skin tone and labels with faces in another tone.

    Each edited face must pass gates: tone, person and sharpness. It declares
    itself as edited, so it trains networks and is never part of a test. Those
    who are shown must have agreed. The same command continues.

    Example: mien synth balance utkface more --plan plan.toml --no-mark
    """
    from mien.service.balance_plan import read_plan
    from mien.service.balancing import balance as run

    wanted = read_plan(plan)
    with progress() as on_step:
        found = run(
            data,
            wanted,
            out,
            layout=layout,
            model=model,
            mark=not no_mark,
            seed=seed,
            on_step=on_step,
        )
    for name, count in found.unfillable.items():
        complain(f"{name}: {count} images are still missing; no further source passes the gates.")
    if table:
        cells = sorted({*found.before, *found.made, *found.unfillable})
        parts = (found.before, found.made, found.unfillable)
        rows = [[cell, *(part.get(cell, 0) for part in parts)] for cell in cells]
        print_table(["cell", "real>", "edited>", "missing>"], rows)
        return
    print_json_line(
        {
            "manifest": found.manifest,
            "before": found.before,
            "edited": found.made,
            "missing": found.unfillable,
            "rejected": found.rejected,
            "left_out": found.left_out,
            "synthetic": True,
        }
    )
