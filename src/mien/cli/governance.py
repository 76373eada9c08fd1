"""Commands for the rules of a gallery: its journal."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import GALLERY, AsTable, GalleryPath
from mien.cli.terminal import print_json_line, print_table
from mien.errors import GalleryError

journal = typer.Typer(
    no_args_is_help=True, help="Show and verify the journal of a gallery: who did what, and when."
)
Anchor = Annotated[
    Path | None, typer.Option(help="File from journal anchor, which the journal must contain.")
]


@journal.command("show")
def show_journal(
    gallery: GalleryPath = GALLERY,
    act: Annotated[
        str | None, typer.Option(help="Only entries of this act, such as search or forget.")
    ] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Only the last N entries.")] = None,
    table: AsTable = False,
) -> None:
    """Show the entries of the journal; people and templates are numbers.

    Example: mien gallery journal show --gallery family.mien --last 20 --table
    """
    from collections import deque
    from dataclasses import asdict

    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True) as known:
        found = (one for one in known.journal.entries() if act in (None, one.act))
        entries = deque(found, last)
    if not table:
        for one in entries:
            print_json_line({**asdict(one), "digest": one.digest})
        return
    print_table(
        ["entry>", "time", "who", "act", "outcome", "purpose", "people", "templates"],
        [
            [
                one.number,
                one.time[:19].replace("T", " "),
                one.who,
                one.act,
                one.outcome,
                one.purpose,
                _listed(one.people),
                _listed(one.templates),
            ]
            for one in entries
        ],
        f"Journal of {gallery}",
    )


@journal.command("verify")
def verify_journal(gallery: GalleryPath = GALLERY, anchor: Anchor = None) -> None:
    """Find entries that were edited, cut, added or moved; exit with 1 if there are any.

    Without an anchor, a journal that was rewritten as a whole is not found.

    Example: mien gallery journal verify --gallery family.mien --anchor head.json
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery, read_anchor

    known_head = read_anchor(_bytes(anchor), str(anchor)) if anchor else None
    with open_gallery(gallery, None, read_only=True) as known:
        faults = known.journal.verify(known_head)
        row: dict[str, Any] = {"gallery": gallery, "intact": not faults}
        if not faults:
            row |= asdict(known.journal.head())
    print_json_line({**row, "faults": [asdict(fault) for fault in faults]})
    if faults:
        raise GalleryError(f"The journal of {gallery} was changed: {faults[0].problem}")


@journal.command("anchor")
def anchor_journal(
    target: Annotated[Path, typer.Argument(help="File to write; keep it elsewhere.")],
    gallery: GalleryPath = GALLERY,
) -> None:
    """Write the head of the journal to a file, with which it can be verified later.

    Example: mien gallery journal anchor head-2026-11.json --gallery family.mien
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery, write_anchor
    from mien.media import write_bytes

    with open_gallery(gallery, None, read_only=True) as known:
        head = known.journal.head()
    write_bytes(target, write_anchor(head))
    print_json_line({"out": target, **asdict(head)})


def _listed(numbers: Any) -> str:
    return " ".join(map(str, numbers))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GalleryError(f"{path} cannot be read ({error.strerror}).") from error
