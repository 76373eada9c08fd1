"""Commands that group photos by person: cluster, and the edits of groups."""

from collections.abc import Sequence
from contextlib import nullcontext
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
    SmallestFace,
    TurnsChoice,
    check_report,
    opened,
    pictures,
    workers,
)
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.zoo import DETECTOR, EMBEDDER

app = typer.Typer(no_args_is_help=True, help="Show and edit the groups of faces from mien cluster.")
GROUPS = Path("groups.mien")
GroupsPath = Annotated[Path, typer.Option("--groups", help="File that holds the groups.")]
Which = Annotated[str, typer.Argument(help="Number or name of the group.")]
Faces = Annotated[list[int], typer.Argument(help="Numbers of faces.")]


def cluster(
    photos: Annotated[list[str], typer.Argument(help="Folders, images or patterns.")],
    groups: GroupsPath = GROUPS,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
    mixed: Annotated[
        float,
        typer.Option(help="Permitted share of groups that mix two people.", min=1e-6, max=0.5),
    ] = 0.05,
    gallery: Annotated[
        str | None,
        typer.Option(help="Gallery whose facts about people count: mien gallery facts"),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="HTML file with thumbnails.")] = None,
    calibration: CalibrationPath = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Group the faces of photos by person; no gallery is needed.

    Each photo is processed once, so a second run is quick. The same command
    continues a run that was stopped. Groups keep their numbers and names.
    Groups that may be one person, and that a person must decide on, are listed
    at the end. Correct wrong groups with: mien groups

    Example: mien cluster holiday/ --report people.html
    """
    from mien.albums.groups import Groups
    from mien.gallery import open_gallery
    from mien.service.photo_groups import group_photos

    names = [Path(name) for name in pictures(photos)]
    pipeline = opened(
        detector,
        embedder,
        device,
        commercial_only,
        turns,
        smallest=smallest,
        workers=workers(names),
        calibration=calibration,
    )
    pipeline.calibrated()  # raises an error now if there is none
    check_report(report)
    contract = pipeline.embedder.contract if pipeline.embedder else ""
    asked = open_gallery(gallery, None, read_only=True) if gallery else nullcontext()
    with Groups(groups, made_by=(contract, detector), read_only=False) as file, asked as known:
        with progress() as on_step:
            how: Any = {"mixed": mixed, "gallery": known}
            change, failed = group_photos(names, pipeline, file, on_step, **how)
        for sentence in failed.values():
            complain(sentence)
        found, faceless = file.groups(), [*file.faceless(), *_failure_rows(failed)]
        if report:
            _report(report, found, faceless, groups)
    _show(found, table, faceless)
    _show_undecided(change.undecided, table)
    complain(
        f"{len(names):,} photos, {change.faces:,} faces, {change.groups:,} groups; {change.added:,}"
        f" groups are new, {change.moved:,} faces moved, {change.renamed:,} were renamed"
    )
    if failed:
        raise typer.Exit(1)


@app.command("list")
def list_groups(groups: GroupsPath = GROUPS, table: AsTable = False) -> None:
    """List all groups and their faces, largest group first.

    Example: mien groups list --table
    """
    with _file(groups, read_only=True) as file:
        found = file.groups()
    _show(found, table)


@app.command()
def rename(group: Which, name: str, groups: GroupsPath = GROUPS) -> None:
    """Name a group, so that its faces belong to this person.

    Example: mien groups rename 3 Ada
    """
    from mien.albums import edits

    with _file(groups) as file:
        number = edits.find(file, group)
        edits.rename(file, number, name)
    print_json_line({"group": number, "name": name.strip()})


@app.command()
def merge(source: Which, into: Which, groups: GroupsPath = GROUPS) -> None:
    """Merge two groups of one person; the number and name of the second remain.

    Example: mien groups merge 7 Ada
    """
    from mien.albums import edits

    with _file(groups) as file:
        first, second = edits.find(file, source), edits.find(file, into)
        edits.merge(file, first, second)
    print_json_line({"group": second, "merged": first})


@app.command()
def split(group: Which, faces: Faces, groups: GroupsPath = GROUPS) -> None:
    """Move some faces of a group to a new group, as one other person.

    Example: mien groups split 3 41 52
    """
    from mien.albums import edits

    with _file(groups) as file:
        number = edits.find(file, group)
        new = edits.split(file, number, faces)
    print_json_line({"group": new, "faces": faces, "split_from": number})


@app.command("not")
def exclude(group: Which, faces: Faces, groups: GroupsPath = GROUPS) -> None:
    """Remove faces from a group; the next run assigns them anew.

    Example: mien groups not Ada 41
    """
    from mien.albums import edits

    with _file(groups) as file:
        number = edits.find(file, group)
        edits.exclude(file, number, faces)
    print_json_line({"group": number, "not": faces})


@app.command()
def put(group: Which, faces: Faces, groups: GroupsPath = GROUPS) -> None:
    """Assign faces to a group.

    Example: mien groups put Ada 60
    """
    from mien.albums import edits

    with _file(groups) as file:
        number = edits.find(file, group)
        edits.put(file, faces, number)
    print_json_line({"group": number, "faces": faces})


@app.command()
def undo(groups: GroupsPath = GROUPS) -> None:
    """Undo the latest edit that is not undone yet.

    Example: mien groups undo
    """
    from mien.albums import edits

    with _file(groups) as file:
        print_json_line({"undone": edits.undo(file)})


@app.command()
def journal(groups: GroupsPath = GROUPS, table: AsTable = False) -> None:
    """Show the log of runs and edits, oldest first.

    Example: mien groups journal --table
    """
    from mien.albums import edits

    with _file(groups, read_only=True) as file:
        lines = edits.journal(file)
    if table:
        print_table(
            ["line>", "when", "what", "undone"],
            [[one.id, one.at, one.edit, one.undone] for one in lines],
        )
        return
    for one in lines:
        print_json_line({"line": one.id, "at": one.at, "edit": one.edit, "undone": one.undone})


@app.command()
def enroll(group: Which, groups: GroupsPath = GROUPS, gallery: GalleryPath = GALLERY) -> None:
    """Enrol the faces of a named group in a gallery as templates of the person.

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


def _failure_rows(failed: dict[Path, str]) -> list[tuple[str, str]]:
    return [(str(path), sentence) for path, sentence in failed.items()]


def _report(path: Path, found: Any, faceless: list[tuple[str, str]], groups: Path) -> None:
    from mien.report.groups import write_groups

    with progress() as on_step:
        write_groups(path, found, faceless=faceless, file=str(groups), on_step=on_step)
    complain(f"report written: {path}")


def _show_undecided(undecided: Sequence[tuple[int, int, float]], table: bool) -> None:
    """Print pairs of groups that may be one person."""
    if table:
        if undecided:
            rows = [[a, b, f"{score:.1f}"] for a, b, score in undecided]
            print_table(["perhaps one person>", "and>", "score>"], rows)
        return
    for a, b, score in undecided:
        print_json_line({"perhaps": [a, b], "score": round(score, 2)})


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
