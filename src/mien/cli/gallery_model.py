"""Commands that change the model of a gallery: embed beside, try, compare, switch, roll back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import (
    GALLERY,
    AsTable,
    DetectorName,
    GalleryPath,
    Purpose,
    Who,
    opened,
    sources_of,
    workers,
)
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.errors import GalleryError
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mien.gallery import GuardedGallery
    from mien.gallery.renewal import ModelChange
    from mien.service import Identified
    from mien.types import Decision

model = typer.Typer(
    no_args_is_help=True,
    help="Change the embedder of a gallery; the present one answers until the switch.",
)


@model.command()
def begin(
    embedder: Annotated[str, typer.Argument(help="Card of the new embedder.")],
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Begin to change the embedder of a gallery; searches stay as they are.

    Example: mien gallery model begin dlib-resnet29 --gallery family.mien
    """
    from mien.gallery import open_gallery
    from mien.service.galleries import contract_of

    contract = contract_of(embedder)
    with open_gallery(gallery, None, who=who) as known:
        known.begin_model(contract)
        _print(gallery, known)


@model.command()
def embed(
    images: Annotated[
        list[Path] | None,
        typer.Option("--images", help="Folder to search for images that were moved; repeatable."),
    ] = None,
    gallery: GalleryPath = GALLERY,
    detector: DetectorName = DETECTOR,
    who: Who = None,
) -> None:
    """Embed the images of all templates with the other embedder; each is checked by its SHA-256.

    The same command continues a run that was stopped, and takes in what was enrolled meanwhile.

    Example: mien gallery model embed --images archive/ --gallery family.mien
    """
    from mien.gallery import open_gallery
    from mien.service.model_change import REASONS, embed_beside
    from mien.service.runs import Run

    left = 0
    with open_gallery(gallery, None, who=who) as known, progress() as on_step:
        change = _under_way(known)
        names = range(change.templates - change.embedded)
        card = _card(change.other)
        pipeline = opened(detector, card, "cpu", False, workers=workers(names))
        for one in embed_beside(known, pipeline, images=images or (), run=Run(on_step)):
            if one.reason:
                left += 1
                complain(
                    f"{one.source}: template {one.template} of {one.person} is left, {one.reason}. "
                    f"{REASONS[one.reason]}"
                )
        _print(gallery, known)
    if left:
        raise GalleryError(
            f"{left} templates have no vector of '{change.other}' yet. Before the switch, embed "
            "them, or remove them by their numbers: mien gallery remove"
        )


@model.command("try")
def try_model(
    off: Annotated[bool, typer.Option("--off", help="Stop the trial.")] = False,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Let all live searches of images also ask the new embedder, and count what differs.

    Answers stay those of the present embedder; each face takes the time of both.

    Example: mien gallery model try --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        known.try_model(not off)
        _print(gallery, known)


@model.command()
def compare(
    images: Annotated[
        list[str], typer.Argument(help="Images, films, folders or patterns (holiday/*.jpg).")
    ],
    gallery: GalleryPath = GALLERY,
    purpose: Purpose = None,
    detector: DetectorName = DETECTOR,
    who: Who = None,
    table: AsTable = False,
) -> None:
    """Search the faces of images and the people of films with both embedders; report what differs.

    Needs a trial (mien gallery model try), whose counts go on.

    Example: mien gallery model compare party/ --gallery family.mien --table
    """
    from mien.gallery import open_gallery
    from mien.photo.trial import compared_as
    from mien.service import identify

    names, rows = sources_of(images), []
    with open_gallery(gallery, None, who=who, purpose=purpose) as known:
        change = _under_way(known)
        if not change.trial:
            raise GalleryError(
                f"Gallery {gallery} tries no new embedder: mien gallery model try --gallery "
                f"{gallery}"
            )
        card = _card(change.present)
        pipeline = opened(detector, card, "cpu", False, workers=workers(names))
        pipeline.use(known)
        for one in identify(names, pipeline):
            if one.error:
                complain(one.error)
            for where, old in _decided(one):
                if old.trial is None:
                    continue
                code = compared_as(old, old.trial)
                if code in SAME:
                    continue
                row: dict[str, Any] = {"source": one.source, **where, "differs": code}
                row |= {"present": _shown(old), "new": _shown(old.trial)}
                rows.append([one.source, code, _named(old), _named(old.trial)])
                if not table:
                    print_json_line(row)
        if table:
            print_table(["source", "differs", "present", "new"], rows)
        else:
            _print(gallery, known)


@model.command()
def show(gallery: GalleryPath = GALLERY, who: Who = None, table: AsTable = False) -> None:
    """Show how far a change of the embedder is, and how often both embedders agree.

    Example: mien gallery model show --gallery family.mien --table
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        row = _row(gallery, known)
    if table:
        print_table(["", "value"], [list(pair) for pair in row.items()])
    else:
        print_json_line(row)


@model.command()
def switch(gallery: GalleryPath = GALLERY, who: Who = None) -> None:
    """Let the new embedder answer all searches from now on; refused while a template lacks it.

    Example: mien gallery model switch --gallery family.mien
    """
    _change(gallery, who, "switch_model")


@model.command()
def rollback(gallery: GalleryPath = GALLERY, who: Who = None) -> None:
    """Let the old embedder answer all searches again; possible until: mien gallery model end.

    Example: mien gallery model rollback --gallery family.mien
    """
    _change(gallery, who, "roll_back_model")


@model.command()
def end(gallery: GalleryPath = GALLERY, who: Who = None) -> None:
    """End the change: keep the embedder that answers now, and erase the vectors of the other.

    Example: mien gallery model end --gallery family.mien
    """
    _change(gallery, who, "end_model")


SAME = {f"{outcome}-{outcome}" for outcome in ("match", "review", "unknown")}


def _change(gallery: str, who: str | None, act: str) -> None:
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        receipt = getattr(known, act)()
        _print(gallery, known)
    if not receipt.complete:
        complain(str(receipt.reason))


def _decided(one: "Identified") -> "Iterator[tuple[dict[str, Any], Decision]]":
    """The decisions on the faces of an image or the people of a film, and where they are."""
    for face in one.answer.faces if one.answer else ():
        if face.decision:
            yield {"box": [round(float(x)) for x in face.box]}, face.decision
    for person in one.film.people if one.film else ():
        if person.decision:
            yield {"label": person.person}, person.decision


def _under_way(known: "GuardedGallery") -> "ModelChange":
    change = known.model_change()
    if change is None:
        raise GalleryError(
            f"The model of gallery {known.where} is not being changed; begin with: "
            "mien gallery model begin"
        )
    return change


def _card(contract: str) -> str:
    from mien.zoo import card_of_contract

    card = card_of_contract(contract)
    if card is None:
        raise GalleryError(f"'{contract}' is of no embedder of this machine; install it.")
    return card


def _print(gallery: str, known: "GuardedGallery") -> None:
    print_json_line(_row(gallery, known))


def _row(gallery: str, known: "GuardedGallery") -> dict[str, Any]:
    from mien.metrics.intervals import wilson

    change = known.model_change()
    row: dict[str, Any] = {"gallery": gallery, "model": known.embedder, "change": None}
    if change is None:
        return row
    row |= {"change": "switched" if change.switched else "begun", "other": change.other}
    row |= {"templates": change.templates, "embedded": change.embedded, "trial": change.trial}
    if change.faces:
        low, high = wilson(change.equal, change.faces)
        row |= {"since": change.since, "faces": change.faces, "equal": change.equal}
        row |= {"equal_share_95": [round(low, 4), round(high, 4)], "compared": change.compared}
    return row


def _shown(decision: "Decision") -> dict[str, Any]:
    score = None if decision.score is None else round(decision.score, 2)
    return {"outcome": decision.outcome, "person": decision.likely, "score": score}


def _named(decision: "Decision") -> str:
    return f"{decision.outcome} {decision.likely or ''}".strip()
