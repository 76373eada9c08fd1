"""Command that writes generated images of people with few images: synth augment."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import AsTable
from mien.cli.terminal import complain, print_json_line, print_table, progress

if TYPE_CHECKING:
    from mien.service.augmenting import Augmented

SHOWN = 96  # images on the contact sheet


def augment(
    people: Annotated[Path, typer.Argument(help="Images, one folder per person.", exists=True)],
    out: Annotated[
        Path, typer.Option(help="Folder for the generated images; an incomplete one is continued.")
    ],
    model: Annotated[
        str, typer.Option("--model", help="Run folder of: mien train gan-augment.")
    ] = "gan-augment",
    per_id: Annotated[int, typer.Option("--per-id", min=1, help="Images of each person.")] = 40,
    size: Annotated[
        int, typer.Option(min=32, max=512, help="px of a side; beyond 32 only enlarged.")
    ] = 128,
    no_mark: Annotated[
        bool, typer.Option("--no-mark", help="Do not write 'synthetic' into the pictures.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the noise.")] = 0,
    table: AsTable = False,
) -> None:
    """Generate more images of people with few images, to train recognisers.

    A face is written if it is found, shows the person and is no copy. Each file
    declares itself as synthetic: it is never enrolled and never part of a test.
    It is personal data of the person shown. The same command continues.

    Example: mien synth augment family --model runs/gan-augment --out more
    """
    from mien.service.augmenting import AugmentPlan
    from mien.service.augmenting import augment as run
    from mien.zoo import load

    plan = AugmentPlan(per_id, size, not no_mark, seed)
    with progress() as on_step:
        found = run(people, out, plan, generator=load(model), on_step=on_step)
    _report(found)
    sheet = _sheet(out, found.manifest)
    if table:
        rows = [[name, count, found.missing.get(name, 0)] for name, count in found.made.items()]
        print_table(["person", "generated>", "missing>"], rows)
        return
    print_json_line({"manifest": found.manifest, "sheet": sheet, "generated": found.made,
                     "missing": found.missing, "refused": found.refused,
                     "left_out": found.left_out, "synthetic": True})  # fmt: skip


def _report(found: "Augmented") -> None:
    """Warn about people for whom the result is poor."""
    for first, second in found.matching_people:
        complain(f"{first} and {second} may be one person: their faces match.")
    if found.single:
        complain(
            f"{len(found.single)} people have one image ({', '.join(found.single[:5])}): the "
            "generator has never seen how they vary."
        )
    if found.missing:
        refused = ", ".join(f"{why} {count}" for why, count in found.refused.items())
        complain(
            f"{sum(found.missing.values())} images of {len(found.missing)} people are missing, "
            f"since no further generated face passed the gates (refused: {refused})."
        )


def _sheet(out: Path, manifest: Path) -> Path:
    """Write thumbnails of some images, evenly spaced, beside the manifest."""
    from mien.media import read_image
    from mien.report.contact import cell, write_contact
    from mien.report.made_sheet import MADE

    rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    some = rows[:: max(1, len(rows) // SHOWN)][:SHOWN]
    cells = [cell(read_image(out / row["file"]), row["person"], row["file"]) for row in some]
    lead = f"{len(cells)} of {len(rows)} generated images."
    path = out / "sheet.html"
    write_contact(path, cells, title="Generated images", lead=lead, caution=MADE)
    return path
