"""Commands that evaluate heads: mien eval attributes, expression, age, task, clips, batch-leak."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.eval.images import Folder, Labels
from mien.cli.eval.options import (
    AsTable,
    Finder,
    Label,
    Processor,
    Report,
    basis_of,
    print_findings,
)
from mien.cli.options import check_report, opened
from mien.cli.terminal import progress
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from mien.evaluate.attributes.card_task import LabelledData
    from mien.zoo import Eval

Head = Annotated[
    str, typer.Option("--model", help="Card of the head, or a run folder of a training.")
]
Part = Annotated[
    str,
    typer.Option(help="Split to use, such as validation; default: all.", show_default=False),
]
Cut = Annotated[
    Literal["aligned", "whole", "crops"],
    typer.Option(
        help="aligned = find and align the face; whole = images are cut already; crops = cut, but "
        "aligned if a face is found."
    ),
]
Names = Annotated[
    Path | None,
    typer.Option(
        help="Use only images named in this file, one per line, such as a training's test.txt.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Most = Annotated[
    int, typer.Option(help="Evaluate at most N images, evenly spaced (0 = all).", min=0)
]
AGES = (0.0, 13.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 117.0)  # edges of the bands, years
OLDEST = 116.0


def attributes(
    source: Annotated[
        Path,
        typer.Argument(
            help="CSV with columns truth and predicted; or root of a --layout.", exists=True
        ),
    ],
    task: Annotated[str, typer.Option(help="Label to predict, such as expression.")] = "",
    layout: Annotated[
        Labels | None,
        typer.Option(help="Layout of the labelled images for --model.", show_default=False),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="Card of the head, or a run folder of a training.", show_default=False),
    ] = "",
    split: Part = "",
    cut: Cut = "aligned",
    names: Names = None,
    most: Most = 0,
    low: Annotated[float | None, typer.Option(help="Lower limit of the true value.")] = None,
    high: Annotated[float | None, typer.Option(help="Upper limit of the true value.")] = None,
    detector: Finder = DETECTOR,
    device: Processor = "cpu",
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate a head against labelled images: accuracy, calibration, error.

    Labels are classes or numbers.

    Example: mien eval attributes answers.csv --task expression --table
    """
    from mien.errors import MienError
    from mien.evaluate.attributes.attributes import attributes as measure
    from mien.evaluate.attributes.card_task import LabelledData
    from mien.evaluate.attributes.predictions import answers_in
    from mien.zoo import Eval

    check_report(report)
    limits = None if low is None or high is None else (low, high)
    if source.is_file():
        label = data or source.resolve().name
        found = measure(answers_in(source), task=task or "answers", data=label, limits=limits,
                        basis=basis_of(None))  # fmt: skip
        print_findings(found, report, table)
        return
    if not (layout and model and task):
        raise MienError(
            "A folder needs --layout, --task and --model; or give a CSV of predictions."
        )
    asked = Eval(protocol="numbers" if limits else "classes", layout=layout, limits=limits)
    labelled = LabelledData(folder=source, split=split, cut=cut, names=names, most=most,
                            label=data)  # fmt: skip
    _measure(model, asked, task, labelled, (detector, device), (report, table))


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
    """Evaluate an expression head against labels of raters.

    Results: accuracy, F1, calibration, and accuracy per person. Images of a
    class that the head does not have are excluded and counted.

    Example: mien eval expression fer2013/ --layout fer2013 --cut whole
    --model expression-convcut
    """
    from mien.evaluate.attributes.card_task import LabelledData
    from mien.zoo import Eval, find

    known = find(model).eval
    asked = Eval(protocol="classes", layout=layout, classes=known.classes if known else ())
    source = LabelledData(folder=folder, split=split, cut=cut, names=names, most=most, label=data)
    _measure(model, asked, "expression", source, (detector, device), (report, table))


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
    """Evaluate an age head: mean absolute error with its interval, by age band.

    Example: mien eval age utkface/ --model age-fahr --cut crops --report age.html
    """
    from mien.evaluate.attributes.card_task import LabelledData
    from mien.zoo import Eval

    asked = Eval(protocol="numbers", layout=layout, limits=(0.0, OLDEST), bands=AGES)
    source = LabelledData(folder=folder, split=split, cut=cut, names=names, most=most, label=data)
    _measure(model, asked, "age", source, (detector, device), (report, table))


def task(
    name: Annotated[
        str,
        typer.Argument(
            help="Card of the head (see: mien models list), or a run folder of a training."
        ),
    ],
    folder: Folder,
    layout: Annotated[
        str, typer.Option(help="Layout of the data set; default: the card's.", show_default=False)
    ] = "",
    split: Annotated[
        str | None,
        typer.Option(help="Split to use; default: the card's.", show_default=False),
    ] = None,
    cut: Annotated[
        Literal["aligned", "whole", "crops"] | None,
        typer.Option(help="Framing of the images; default: the card's.", show_default=False),
    ] = None,
    names: Names = None,
    most: Most = 0,
    detector: Finder = DETECTOR,
    device: Processor = "cpu",
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate a head by the protocol of its card: layout, classes, bands.

    Example: mien eval task expression fer2013/ --split validation --table
    """
    from mien.errors import MienError
    from mien.evaluate.attributes.card_task import LabelledData
    from mien.zoo import find

    card = find(name)
    if card.eval is None:
        raise MienError(
            f"The card of '{name}' has no [eval] section, so no protocol is defined. See the page "
            f"of the system: mien systems show {name}"
        )
    source = LabelledData(folder=folder, layout=layout, split=split, cut=cut, names=names,
                          most=most, label=data)  # fmt: skip
    _measure(name, card.eval, card.task, source, (detector, device), (report, table))


def clips(
    folder: Folder,
    model: Head,
    layout: Annotated[
        str, typer.Option(help="dfew, ferv39k or clips; default: the card's.", show_default=False)
    ] = "",
    split: Part = "",
    names: Names = None,
    most: Most = 0,
    device: Processor = "cpu",
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate a clip head on folders of frames: accuracy, UAR, F1, divergence from votes.

    UAR is the balanced accuracy. The divergence (KL) is measured where raters' votes are known.

    Example: mien eval clips DFEW/ --model expression-midas --layout dfew --split test --table
    """
    from mien.errors import MienError
    from mien.evaluate.attributes.card_task import LabelledData
    from mien.zoo import find

    card = find(model)
    if card.kind != "clip-head" or card.eval is None:
        raise MienError(
            f"'{model}' is a {card.kind} and cannot be evaluated on clips; name a clip head whose "
            "card has [eval]. List them with: mien models list"
        )
    source = LabelledData(folder=folder, layout=layout, split=split, names=names, most=most,
                          label=data)  # fmt: skip
    _measure(model, card.eval, card.task, source, (DETECTOR, device), (report, table))


def _measure(
    model: str,
    asked: "Eval",
    task: str,
    source: "LabelledData",
    models: tuple[str, str],
    output: tuple[Path | None, bool],
) -> None:
    from mien.evaluate.attributes.card_task import evaluate_card_task
    from mien.zoo import load

    report, table = output
    check_report(report)
    clips = asked.protocol == "clips"
    pipeline = None if clips else opened(models[0], None, models[1], commercial_only=False)
    head = load(model, device=models[1])
    whole = clips or (source.cut or asked.cut) == "whole"
    basis = basis_of(None if whole else pipeline, ("Read by", f"{model}@{head.digest}"))
    with progress() as on_step:
        found = evaluate_card_task(asked, task, head, source, pipeline, basis=basis,
                                   on_step=on_step)  # fmt: skip
    print_findings(found, report, table)


def batch_leak(
    model: Head,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder with one folder of faces per class; default: noise.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    most: Most = 64,
    device: Processor = "cpu",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Test whether faces of one batch influence each other.

    This is the same audit as: mien audit batch-leakage

    Example: mien eval batch-leak --model expression-convcut --table
    """
    from dataclasses import replace

    from mien.contracts import Scope
    from mien.service import audit

    check_report(report)
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
    print_findings(replace(found, basis=(*found.basis, *basis_of(None))), report, table)
