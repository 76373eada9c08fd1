"""mien explain: what in a face an answer rests on, as a picture."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mien.cli.options import DetectorName, DeviceName, open_picture, opened
from mien.cli.terminal import print_json_line, progress
from mien.errors import MienError
from mien.zoo import DETECTOR

SIDE = 384  # px of each half of the picture


def explain(
    image: Annotated[str, typer.Argument(help="A picture; - is stdin.")],
    model: Annotated[str, typer.Option(help="Card of a head that answers about one face.")],
    out: Annotated[Path, typer.Option(help="Picture to write (.png).", dir_okay=False)],
    label: Annotated[
        str, typer.Option(help="Which number of its answer; default: the largest.")
    ] = "",
    way: Annotated[
        Literal["occlusion", "rise"],
        typer.Option(help="occlusion: squares are covered in turn; rise: random halves."),
    ] = "occlusion",
    cut: Annotated[
        Literal["aligned", "whole"],
        typer.Option(help="aligned: find and align the face; whole: it is cut already."),
    ] = "aligned",
    detector: DetectorName = DETECTOR,
    device: DeviceName = "cpu",
) -> None:
    """Show what in a face raises (red) or lowers (blue) one number of a head's answer.

    It tells what the head uses, right or wrong; nothing about the person.

    Example: mien explain portrait.jpg --model expression-convcut --out why.png
    """
    import numpy as np

    from mien.align import align
    from mien.evaluate.attributes.explain import explain as measure
    from mien.media import heat, stretched, write_image
    from mien.zoo import load

    if out.suffix.lower() != ".png" or not out.parent.is_dir():
        raise MienError(f"{out} cannot be written: name a .png file in a folder that exists.")
    picture = open_picture(image)
    head = load(model, device=device)
    if cut == "whole":
        chip = stretched(picture, head.crop.size)
    else:
        pipeline = opened(detector, None, device, commercial_only=False)
        face = pipeline.only_face(picture, image)
        chip = align(picture, [face], head.crop)[0]
    with progress() as on_step:
        found = measure(head, chip, label=label, way=way, on_step=on_step)
    sides = [stretched(chip, SIDE), stretched(heat(chip, found.map), SIDE)]
    write_image(out, np.hstack(sides))
    print_json_line({
        "image": image, "model": f"{model}@{head.digest}", "label": found.label,
        "value": round(found.value, 4), "way": way, "raises": round(float(found.map.max()), 4),
        "lowers": round(float(found.map.min()), 4), "out": out,
    })  # fmt: skip
