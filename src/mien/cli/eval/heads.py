"""mien eval on heads that answer about one face: expression, age, batch-leak."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mien.cli.eval.images import Folder, Labels, some
from mien.cli.eval.options import (
    AsTable,
    Finder,
    Label,
    Processor,
    Report,
    basis_of,
    require_place,
    tell,
)
from mien.cli.options import opened
from mien.cli.terminal import progress
from mien.errors import MienError
from mien.zoo import DETECTOR

Head = Annotated[str, typer.Option("--model", help="Card of the head that is tried.")]
Part = Annotated[
    str,
    typer.Option(help="Only this split, such as validation; default: all.", show_default=False),
]
Cut = Annotated[
    Literal["aligned", "whole", "crops"],
    typer.Option(
        help="aligned: find and align the face; whole: pictures are cut already; crops: cut, but "
        "aligned where a face is found."
    ),
]
Names = Annotated[
    Path | None,
    typer.Option(
        help="Only pictures whose names stand in this file, one a line, such as a training's "
        "test.txt.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Most = Annotated[
    int, typer.Option(help="Look at so many pictures only, evenly chosen; 0: all.", min=0)
]
AGES = (0.0, 13.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 117.0)  # edges of the bands, years
OLDEST = 116.0


def expression(
    folder: Folder,
    model: Head,
    layout: Annotated[Labels, typer.Option(help="Layout of the data set.")] = "folders",
    split: Part = "",
    cut: Cut = "aligned",
    names: Names = None,
    most: Most = 0,
    detector: Finder = DETECTOR,
    device: Processor = "cpu",
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Does a head name expressions as raters do? Accuracy, F1, calibration, each person.

    Pictures of a class that the head does not have are left out, and counted.

    Example: mien eval expression fer2013/ --layout fer2013 --split validation --cut whole
    --model expression-convcut
    """
    _measure("expression", folder, (model, layout, split, cut, names, most), (detector, device),
             (data, report, table), {})  # fmt: skip


def age(
    folder: Folder,
    model: Head,
    layout: Annotated[Labels, typer.Option(help="Layout of the data set.")] = "utkface",
    split: Part = "",
    cut: Cut = "aligned",
    names: Names = None,
    most: Most = 0,
    detector: Finder = DETECTOR,
    device: Processor = "cpu",
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """How far is an age off? Mean absolute error with its interval, by band of age.

    Example: mien eval age utkface/ --model age-fahr --cut crops --report age.html
    """
    _measure("age", folder, (model, layout, split, cut, names, most), (detector, device),
             (data, report, table), {"limits": (0.0, OLDEST), "bands": AGES})  # fmt: skip


def _measure(
    task: str,
    folder: Path,
    asked: tuple[str, Labels, str, Any, Path | None, int],
    models: tuple[str, str],
    told: tuple[str, Path | None, bool],
    more: dict[str, Any],
) -> None:
    from mien.cli.terminal import complain
    from mien.datasets import LABELS
    from mien.evaluate.attributes.attributes import attributes, predict_labels
    from mien.zoo import load

    model, layout, split, cut, names, most = asked
    data, report, table = told
    require_place(report)
    pipeline = opened(models[0], None, models[1], commercial_only=False)
    head = load(model, device=models[1])
    pictures = [p for p in LABELS[layout](folder) if task in p.labels]
    if split and not any(p.split == split for p in pictures):
        there = ", ".join(sorted({p.split or "(none)" for p in pictures}))
        raise MienError(f"{folder} has no split '{split}' with labels of {task}; it has {there}.")
    pictures = [p for p in pictures if split in ("", p.split)]
    if names:
        chosen = set(names.read_text("utf-8").splitlines())
        named = [p for p in pictures if p.path.name in chosen]
        if not named and pictures:
            raise MienError(
                f"None of the {len(pictures)} pictures of {folder} stands in {names}; its lines "
                f"must be names of files, such as {pictures[0].path.name}."
            )
        pictures = named
    labels: tuple[str, ...] = tuple(getattr(head, "classes", ()))
    if labels:
        known = [p for p in pictures if p.labels[task] in labels]
        if len(known) < len(pictures):
            complain(f"{len(pictures) - len(known)} pictures of other classes are left out.")
        pictures = known
    with progress() as on_step:
        answers = predict_labels(some(pictures, most), task, pipeline, head, on_step,
                           cut=cut)  # fmt: skip
    basis = basis_of(None if cut == "whole" else pipeline,
                     ("Read by", f"{model}@{head.digest}"))  # fmt: skip
    name = data or f"{folder.resolve().name}{f', {split}' if split else ''}"
    tell(
        attributes(answers, task=task, data=name, labels=labels, basis=basis, **more), report, table
    )


def batch_leak(
    model: Head,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Class folders of faces; default: noise.", exists=True, show_default=False
        ),
    ] = None,
    most: Most = 64,
    device: Processor = "cpu",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Check whether the faces of a batch mix; the same as: mien audit batch-leakage.

    Example: mien eval batch-leak --model expression-convcut --table
    """
    from dataclasses import replace

    from mien.contracts import Scope
    from mien.service import audit

    require_place(report)
    with progress() as on_step:
        found = audit(
            "batch-leakage",
            model,
            folder,
            most=most,
            scope=Scope("mien eval batch-leak"),
            cut=True,
            device=device,
            on_step=on_step,
        )
    tell(replace(found, basis=(*found.basis, *basis_of(None))), report, table)
