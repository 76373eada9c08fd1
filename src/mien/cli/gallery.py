"""Commands for galleries: list, show, rename, merge, forget, export, import, check."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import GALLERY, AsTable, GalleryPath
from mien.cli.terminal import print_json_line, print_table
from mien.errors import GalleryError

app = typer.Typer(
    no_args_is_help=True, help="List, edit, export and check the people of a gallery."
)
Name = Annotated[str, typer.Argument(help="Name of a person.")]


@app.command("list")
def list_people(gallery: GalleryPath = GALLERY, table: AsTable = False) -> None:
    """List the people of a gallery.

    Example: mien gallery list --gallery family.mien --table
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True) as known:
        people = known.people()
    if table:
        rows = [[one.name, one.templates, f"{one.added:%Y-%m-%d}"] for one in people]
        print_table(["person", "templates>", "since"], rows, f"{gallery}: {len(people)} people")
        return
    for one in people:
        print_json_line({"person": one.name, "templates": one.templates, "added": str(one.added)})


@app.command()
def show(person: Name, gallery: GalleryPath = GALLERY, table: AsTable = False) -> None:
    """Show all templates and refused images of one person.

    Example: mien gallery show Ada --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True) as known:
        templates = known.templates(person)
        refused = [one for one in known.refusals() if one.person == person]
        contract = known.embedder
    if table:
        rows = [[one.id, one.source, f"{one.added:%Y-%m-%d}"] for one in templates]
        rows += [["refused", one.source, one.reason] for one in refused]
        print_table(["template", "image", "since / why"], rows, person)
        return
    print_json_line(
        {
            "person": person,
            "embedder": contract,
            "templates": [
                {"id": t.id, "source": t.source, "added": str(t.added), "quality": t.quality}
                for t in templates
            ],
            "refused": [{"source": one.source, "reason": one.reason} for one in refused],
        }
    )


@app.command()
def rename(old: Name, new: Name, gallery: GalleryPath = GALLERY) -> None:
    """Rename a person.

    Example: mien gallery rename "Ada King" "Ada Lovelace" --gallery family.mien
    """
    _change(gallery, lambda known: known.rename(old, new))


@app.command()
def merge(source: Name, into: Name, gallery: GalleryPath = GALLERY) -> None:
    """Move all templates of one person to another, and delete the first name.

    Example: mien gallery merge "A. King" Ada --gallery family.mien
    """
    _change(gallery, lambda known: known.merge(source, into))


@app.command()
def forget(
    people: Annotated[list[str], typer.Argument(help="Names of people.")],
    gallery: GalleryPath = GALLERY,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Erase people: names, templates, sources, notes, and their bytes in the file.

    Example: mien gallery forget Ada --gallery family.mien --yes
    """
    if not yes:
        typer.confirm(f"Erase {', '.join(people)} from {gallery} for good?", abort=True, err=True)
    _change(gallery, lambda known: known.forget(*people))


@app.command("export")
def export_people(
    target: Annotated[Path, typer.Argument(help="File to write.")], gallery: GalleryPath = GALLERY
) -> None:
    """Export a gallery to one portable file: embeddings, names, sources; no images.

    Example: mien gallery export family-2026.zip --gallery family.mien
    """
    from mien.gallery import export_gallery, open_gallery

    with open_gallery(gallery, None, read_only=True) as known:
        export_gallery(known, target)
        print_json_line({"out": target, "people": len(known.people()), "templates": len(known)})


@app.command("import")
def import_people(
    source: Annotated[Path, typer.Argument(help="File from mien gallery export.")],
    gallery: GalleryPath = GALLERY,
    merge_names: Annotated[
        bool, typer.Option("--merge", help="Treat equal names as one person; default: refuse.")
    ] = False,
) -> None:
    """Import an exported file into a gallery: all of its people or none.

    Example: mien gallery import family-2026.zip --gallery all.mien --merge
    """
    from mien.gallery import embedder_of, import_gallery, open_gallery

    with open_gallery(gallery, embedder_of(source), create=True) as known:
        done = import_gallery(source, known, conflicts="merge" if merge_names else "refuse")
    print_json_line({"gallery": gallery, **_fields(done)})


@app.command()
def scrub(gallery: GalleryPath = GALLERY) -> None:
    """Overwrite deleted data that remain in the file; forget reports them.

    Example: mien gallery scrub --gallery family.mien
    """
    _change(gallery, lambda known: known.scrub())


@app.command()
def check(gallery: GalleryPath = GALLERY) -> None:
    """Verify all stored data that have a checksum.

    Example: mien gallery check --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True) as known:
        faults = known.check()
        print_json_line({"gallery": gallery, "templates": len(known), "faults": faults})
    if faults:
        raise GalleryError(f"{gallery} is damaged: {faults[0]}")


def _change(gallery: str, change: Any) -> None:
    from mien.gallery import open_gallery

    with open_gallery(gallery, None) as known:
        receipt = change(known)
    print_json_line({"gallery": gallery, **_fields(receipt)})
    if not receipt.complete:
        raise GalleryError(f"{receipt.reason}")


def _fields(record: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(record)
