"""Commands that list and take back changes of people."""

from typing import Annotated

import typer

from mien.cli.options import GALLERY, AsTable, GalleryPath, Who
from mien.cli.terminal import print_json_line, print_table

Undoable = Annotated[
    bool, typer.Option("--undoable", help="Keep what undoes it for 30 days: mien gallery undo.")
]


def steps(gallery: GalleryPath = GALLERY, who: Who = None, table: AsTable = False) -> None:
    """List the changes of people of the last 30 days that can be undone, newest first.

    These are changes on the page or by the REST server, and those of the commands with --undoable.
    An erasure cannot be undone.

    Example: mien gallery steps --gallery family.mien --table
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        found = known.steps()
    if table:
        rows = [
            [one.id, one.act, one.person, one.before, len(one.templates), f"{one.until:%Y-%m-%d}"]
            for one in found
        ]
        print_table(["step>", "change", "person", "before", "templates>", "until"], rows)
        return
    for one in found:
        row = {"step": one.id, "act": one.act, "person": one.person, "before": one.before}
        row |= {"templates": list(one.templates), "at": str(one.at), "until": str(one.until)}
        print_json_line(row)


def undo(
    step: Annotated[int, typer.Argument(help="Number of the step; see: mien gallery steps")],
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Take back a change of people of the last 30 days.

    Example: mien gallery undo 12 --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        print_json_line({"undone": step, "person": known.undo(step)})
