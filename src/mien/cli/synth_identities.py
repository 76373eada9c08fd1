"""Commands that render virtual people, and audit them: synth identities, synth audit."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.eval.options import Embedder, Finder, Report, command, print_findings
from mien.cli.options import AsTable, check_report
from mien.cli.synth_films import HeadName, Seed
from mien.cli.terminal import complain, print_json_line, progress
from mien.zoo import DETECTOR, EMBEDDER


def identities(
    out: Annotated[Path, typer.Argument(help="Folder to write; an incomplete one is continued.")],
    people: Annotated[int, typer.Option("--n", min=2, help="Virtual people.")] = 100,
    each: Annotated[int, typer.Option("--per-id", min=1, help="Images of each person.")] = 20,
    styles: Annotated[
        str,
        typer.Option(
            help="Pose, mouth and light: subject (own range), pooled (one for all) or none."
        ),
    ] = "subject",
    size: Annotated[int, typer.Option(min=32, max=2048, help="px of a side.")] = 128,
    head: HeadName = "builtin",
    seed: Seed = 0,
) -> None:
    """Render virtual people, each with many images in a style range of their own.

    Nobody was photographed. A person who is more similar to an earlier one
    than to itself in other styles is refused. Each file declares itself as
    synthetic. The same command continues a run that was stopped.

    Example: mien synth identities people --n 300 --per-id 20
    """
    from typing import cast

    from mien.service.virtual_people import VirtualPlan, draw_identities
    from mien.synth.data.styles import StyleKind

    plan = VirtualPlan(people, each, cast(StyleKind, styles), size, seed, head)
    with progress() as on_step:
        found = draw_identities(plan, out, on_step=on_step)
    if found.people < people:
        complain(
            f"{found.people} of {people} people are rendered: {found.refused} others resemble "
            "somebody. Another head model may give more people (--head)."
        )
    print_json_line({"manifest": found.manifest, "people": found.people, "images": found.images,
                     "refused": found.refused, "synthetic": True})  # fmt: skip


def audit(
    made: Annotated[
        Path, typer.Argument(help="Synthetic images, one folder per person.", exists=True)
    ],
    against: Annotated[
        Path,
        typer.Option(
            "--against", help="Real people: those that a generator learnt from.", exists=True
        ),
    ],
    layout: Annotated[
        str,
        typer.Option(
            help="Layout of the real people, such as taiwan; default: one folder per person.",
            show_default=False,
        ),
    ] = "",
    most: Annotated[
        int, typer.Option(help="Use at most N images of each set (0 = all).", min=0)
    ] = 0,
    embedder: Embedder = EMBEDDER,
    detector: Finder = DETECTOR,
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Audit synthetic people: consistency, diversity, and leakage of real people.

    Name the real people from whom a generator learnt. Its images must stay
    below the 5th percentile of genuine comparisons of these people.

    Example: mien synth audit people --against family/ --table
    """
    from dataclasses import replace

    from mien.evaluate.virtual_people import audit_people
    from mien.zoo import load

    check_report(report)
    with progress() as on_step:
        found = audit_people(
            made, against, load(embedder), load(detector), layout=layout, most=most,
            on_step=on_step,
        )  # fmt: skip
    print_findings(replace(found, basis=(*found.basis, ("Command", command()))), report, table)
