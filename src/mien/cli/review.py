"""Commands for what people decide about a gallery: its quarantine, and facts about people."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import GALLERY, AsTable, DetectorName, GalleryPath, Who
from mien.cli.terminal import print_json_line, print_table
from mien.errors import GalleryError
from mien.zoo import DETECTOR

quarantine = typer.Typer(
    no_args_is_help=True,
    help="Decide about templates that no search finds before they are accepted.",
)
facts = typer.Typer(
    no_args_is_help=True, help="State who is one person and who is not; list and retract facts."
)
Numbers = Annotated[
    list[int] | None, typer.Argument(help="Numbers; see: mien gallery quarantine list")
]
Group = Annotated[
    str | None, typer.Option(help="All of a group, of mien enroll --learn; instead of numbers.")
]
Person = Annotated[str, typer.Argument(help="Name of a person.")]


@quarantine.command("list")
def list_held(
    person: Annotated[str | None, typer.Option(help="Only of this person.")] = None,
    group: Annotated[str | None, typer.Option(help="Only of this group.")] = None,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
    table: AsTable = False,
) -> None:
    """List the templates in quarantine, with the templates that they were compared with.

    Example: mien gallery quarantine list --gallery family.mien --table
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        held = known.quarantined(person, group)
    if table:
        rows = [
            [one.id, one.template.person, one.template.source, doubt.code, against(doubt)]
            for one in held
            for doubt in one.doubts
        ]
        print_table(["number>", "person", "image", "doubt", "compared with"], rows)
        return
    for one in held:
        row = {"id": one.id, "person": one.template.person, "source": one.template.source}
        print_json_line({**row, "group": one.group, "doubts": [asdict(d) for d in one.doubts]})


def against(doubt: Any) -> str:
    """Return the other side of a doubt."""
    if doubt.person is None:
        return ""
    source = f", {doubt.source}" if doubt.source else ""
    return doubt.person if doubt.template is None else f"{doubt.person} {doubt.template}{source}"


@quarantine.command()
def accept(
    numbers: Numbers = None,
    group: Group = None,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Enrol templates of the quarantine.

    Example: mien gallery quarantine accept 12 --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        chosen = chosen_of(known, numbers, group)
        for number, template in zip(chosen, known.accept(*chosen), strict=True):
            print_json_line({"id": number, "outcome": "enrolled", "template": template})


@quarantine.command()
def reject(
    numbers: Numbers = None,
    group: Group = None,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Erase templates of the quarantine; their images are not processed again.

    Example: mien gallery quarantine reject 12 --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        chosen = chosen_of(known, numbers, group)
        receipt = known.reject(*chosen)
    print_json_line({"rejected": chosen, "complete": receipt.complete, "reason": receipt.reason})


@quarantine.command("rollback")
def roll_back(
    group: Annotated[str, typer.Argument(help="Group of mien enroll --learn.")],
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Erase all templates of a group, also those that were accepted.

    Example: mien gallery quarantine rollback november --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        receipt = known.roll_back(group)
    row = {"group": group, "templates": receipt.templates, "complete": receipt.complete}
    print_json_line({**row, "reason": receipt.reason})


def chosen_of(known: Any, numbers: list[int] | None, group: str | None) -> list[int]:
    """Return the numbers that a command is about."""
    if (group is None) == (not numbers):
        raise GalleryError("Give the numbers of templates in quarantine, or --group NAME.")
    return numbers or [one.id for one in known.quarantined(group=group)]


@facts.command("list")
def list_facts(gallery: GalleryPath = GALLERY, who: Who = None, table: AsTable = False) -> None:
    """List what is stated about people.

    Example: mien gallery facts list --gallery family.mien --table
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        found = known.statements()
    if table:
        rows = [[one.id, one.person, one.kind, one.other or one.source or ""] for one in found]
        print_table(["number>", "person", "fact", "of"], rows)
        return
    for one in found:
        print_json_line(asdict(one))


@facts.command()
def same(person: Person, other: Person, gallery: GalleryPath = GALLERY, who: Who = None) -> None:
    """State that two people are one: a search returns the better of both.

    Example: mien gallery facts same "A. King" Ada --gallery family.mien
    """
    _relate(gallery, who, person, other, same=True)


@facts.command()
def different(
    person: Person, other: Person, gallery: GalleryPath = GALLERY, who: Who = None
) -> None:
    """State that two people are not one, such as twins: they are no conflict and no duplicate.

    Example: mien gallery facts different Ada Eve --gallery family.mien
    """
    _relate(gallery, who, person, other, same=False)


@facts.command("not")
def deny(
    person: Person,
    image: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Image of one face of another one.")
    ],
    gallery: GalleryPath = GALLERY,
    detector: DetectorName = DETECTOR,
    who: Who = None,
) -> None:
    """State that the face of an image is not this person, who was returned wrongly.

    A face that is more similar to that image than to the person is not found. The face of the image
    is stored, so a governed gallery refuses this.

    Example: mien gallery facts not Ada wrong.jpg --gallery family.mien
    """
    from mien.cli.options import embedder_for, opened
    from mien.gallery import open_gallery
    from mien.media import read_image

    pipeline = opened(detector, embedder_for(None, gallery), "cpu", False, "when-needed")
    face = pipeline.only_face(read_image(image))
    assert face.embedding is not None
    with open_gallery(gallery, face.embedder, who=who) as known:
        number = known.deny(person, face.embedding, str(image))
    print_json_line({"fact": number, "person": person, "kind": "denied", "source": image})


@facts.command()
def retract(
    numbers: Annotated[list[int], typer.Argument(help="Numbers; see: mien gallery facts list")],
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Erase facts by their numbers.

    Example: mien gallery facts retract 7 --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        receipt = known.retract(*numbers)
    print_json_line({"retracted": numbers, "complete": receipt.complete, "reason": receipt.reason})


def _relate(gallery: str, who: str | None, person: str, other: str, *, same: bool) -> None:
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        number = known.relate(person, other, same=same)
    kind = "same" if same else "different"
    print_json_line({"fact": number, "person": person, "kind": kind, "other": other})
