"""Commands that group photos by person: cluster, and the edits of groups."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import (
    GALLERY,
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    EmbedderName,
    GalleryPath,
    TurnsChoice,
    opened,
    pictures,
)
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.zoo import DETECTOR, EMBEDDER

app = typer.Typer(no_args_is_help=True, help="Groups of faces that mien cluster made.")
GROUPS = Path("groups.mien")
GroupsPath = Annotated[Path, typer.Option("--groups", help="File that holds the groups.")]
Which = Annotated[str, typer.Argument(help="Number or name of a group.")]
Faces = Annotated[list[int], typer.Argument(help="Numbers of faces.")]


def cluster(
    photos: Annotated[list[str], typer.Argument(help="Folders, photos or patterns.")],
    groups: GroupsPath = GROUPS,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    report: Annotated[Path | None, typer.Option(help="HTML file with thumbnails.")] = None,
    calibration: CalibrationPath = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Group the faces of photos by person, without naming anybody.

    A photo is looked at once: a second run is quick, and after Ctrl-C or a crash the same command
    goes on where it stopped. Numbers and names of groups stay from run to run; put right what is
    wrong with: mien groups

    Example: mien cluster holiday/ --report people.html
    """
    from mien.albums.groups import Groups
    from mien.service.photo_groups import group_photos

    names = [Path(name) for name in pictures(photos)]
    pipeline = opened(detector, embedder, device, commercial_only, turns, calibration=calibration)
    pipeline.calibrated()  # says so now if there is none
    contract = pipeline.embedder.contract if pipeline.embedder else ""
    with Groups(groups, made_by=(contract, detector), read_only=False) as file:
        with progress() as on_step:
            change, failed = group_photos(names, pipeline, file, on_step)
        for sentence in failed.values():
            complain(sentence)
        found, faceless = file.groups(), [*file.faceless(), *_told(failed)]
        if report:
            _report(report, found, faceless, groups)
    _show(found, table, faceless)
    complain(
        f"{len(names):,} photos, {change.faces:,} faces, {change.groups:,} groups; {change.added:,}"
        f" groups are new, {change.moved:,} faces moved, {change.renamed:,} got another name"
    )
    if failed:
        raise typer.Exit(1)


@app.command("list")
def list_groups(groups: GroupsPath = GROUPS, table: AsTable = False) -> None:
    """List all groups and their faces, largest first.

    Example: mien groups list --table
    """
    with _file(groups, read_only=True) as file:
        found = file.groups()
    _show(found, table)


@app.command()
def rename(group: Which, name: str, groups: GroupsPath = GROUPS) -> None:
    """Name a group; its faces are this person from now on.

    Example: mien groups rename 3 Ada
    """
    from mien.albums import edits

    with _file(groups) as file:
        number = edits.find(file, group)
        edits.rename(file, number, name)
    print_json_line({"group": number, "name": name.strip()})


@app.command()
def merge(source: Which, into: Which, groups: GroupsPath = GROUPS) -> None:
    """Say that two groups are one person; the second one's number and name stay.

    Example: mien groups merge 7 Ada
    """
    from mien.albums import edits

    with _file(groups) as file:
        first, second = edits.find(file, source), edits.find(file, into)
        edits.merge(file, first, second)
    print_json_line({"group": second, "merged": first})


@app.command()
def split(group: Which, faces: Faces, groups: GroupsPath = GROUPS) -> None:
    """Say that some faces of a group are one other person; they get a new group.

    Example: mien groups split 3 41 52
    """
    from mien.albums import edits

    with _file(groups) as file:
        number = edits.find(file, group)
        new = edits.split(file, number, faces)
    print_json_line({"group": new, "faces": faces, "split_from": number})


@app.command("not")
def exclude(group: Which, faces: Faces, groups: GroupsPath = GROUPS) -> None:
    """Say that faces are not the person of a group; the next run looks where they belong.

    Example: mien groups not Ada 41
    """
    from mien.albums import edits

    with _file(groups) as file:
        number = edits.find(file, group)
        edits.exclude(file, number, faces)
    print_json_line({"group": number, "not": faces})


@app.command()
def put(group: Which, faces: Faces, groups: GroupsPath = GROUPS) -> None:
    """Say that faces are the person of a group.

    Example: mien groups put Ada 60
    """
    from mien.albums import edits

    with _file(groups) as file:
        number = edits.find(file, group)
        edits.put(file, faces, number)
    print_json_line({"group": number, "faces": faces})


@app.command()
def undo(groups: GroupsPath = GROUPS) -> None:
    """Take back the latest edit that was not taken back yet.

    Example: mien groups undo
    """
    from mien.albums import edits

    with _file(groups) as file:
        print_json_line({"undone": edits.undo(file)})


@app.command()
def journal(groups: GroupsPath = GROUPS, table: AsTable = False) -> None:
    """Show what runs and people did to the groups, oldest first.

    Example: mien groups journal --table
    """
    from mien.albums import edits

    with _file(groups, read_only=True) as file:
        lines = edits.journal(file)
    if table:
        print_table(
            ["line>", "when", "what", "taken back"],
            [[one.id, one.at, one.edit, one.undone] for one in lines],
        )
        return
    for one in lines:
        print_json_line({"line": one.id, "at": one.at, "edit": one.edit, "undone": one.undone})


@app.command()
def enroll(group: Which, groups: GroupsPath = GROUPS, gallery: GalleryPath = GALLERY) -> None:
    """Enrol the faces of a named group in a gallery, so that identify knows the person.

    Example: mien groups enroll Ada --gallery family.mien
    """
    from mien.albums import edits
    from mien.gallery import open_gallery

    with (
        _file(groups, read_only=True) as file,
        open_gallery(gallery, file.contract, create=True) as known,
    ):
        numbers = edits.enroll(file, edits.find(file, group), known)
    print_json_line({"group": group, "gallery": gallery, "templates": len(set(numbers))})


def _file(path: Path, *, read_only: bool = False) -> Any:
    from mien.albums.groups import Groups

    return Groups(path, made_by=None, read_only=read_only)


def _told(failed: dict[Path, str]) -> list[tuple[str, str]]:
    return [(str(path), sentence) for path, sentence in failed.items()]


def _report(path: Path, found: Any, faceless: list[tuple[str, str]], groups: Path) -> None:
    from mien.report.groups import write_groups

    with progress() as on_step:
        write_groups(path, found, faceless=faceless, file=str(groups), on_step=on_step)
    complain(f"report written: {path}")


def _show(found: Any, table: bool, faceless: Sequence[tuple[str, str]] = ()) -> None:
    if table:
        rows = [
            [one.id, one.name, len(one.faces), Path(one.faces[0].paths[0]).name] for one in found
        ]
        print_table(["group", "name", "faces>", "first photo"], rows)
        return
    from mien.service.schema import group_row

    for one in found:
        print_json_line(group_row(one))
    for path, reason in faceless:
        print_json_line({"image": path, "reason": reason})
