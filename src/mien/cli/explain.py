"""Command that shows which parts of a face an output depends on: explain."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mien.cli.options import DetectorName, DeviceName, open_picture, opened
from mien.cli.terminal import print_json_line, progress
from mien.errors import MienError
from mien.zoo import DETECTOR

SIDE = 384  # px of each half of the image


def explain(
    image: Annotated[str, typer.Argument(help="An image; - reads stdin.")],
    model: Annotated[str, typer.Option(help="Card of a chip head, or a run folder of a training.")],
    out: Annotated[Path, typer.Option(help="Image to write (.png).", dir_okay=False)],
    label: Annotated[
        str, typer.Option(help="Label of the output to explain; default: the largest value.")
    ] = "",
    way: Annotated[
        Literal["occlusion", "rise"],
        typer.Option(help="occlusion = one window after the other; rise = random parts."),
    ] = "occlusion",
    cut: Annotated[
        Literal["aligned", "whole"],
        typer.Option(help="aligned = find and align the face; whole = the image is cut already."),
    ] = "aligned",
    detector: DetectorName = DETECTOR,
    device: DeviceName = "cpu",
) -> None:
    """Show which parts of a face raise (red) or lower (blue) an output of a head.

    A probability is explained in logits. A part has a colour only if covering
    it and showing it alone agree; without a measurable effect there is no map.
    The map describes the head, whether it is right or wrong, and not the person.

    Example: mien explain portrait.jpg --model expression-convcut --out why.png
    """
    import numpy as np

    from mien.align import align
    from mien.evaluate.attributes.explain import explain as measure
    from mien.media import heat, heat_scale, stretched, write_image
    from mien.zoo import load

    if out.suffix.lower() != ".png" or not out.parent.is_dir():
        raise MienError(f"'{out}' cannot be written: expected a .png file in an existing folder.")
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
    raises, lowers = float(found.map.max()), float(-found.map.min())
    title = f"{found.label} {found.value:.3g}, {model}, {way}"
    scale = heat_scale(2 * SIDE, title, max(raises, lowers), found.unit)
    write_image(out, np.vstack([np.hstack(sides), scale]))
    print_json_line({
        "image": image, "model": f"{model}@{head.digest}", "label": found.label,
        "value": round(found.value, 4), "way": way, "unit": found.unit,
        "raises": round(raises, 4), "lowers": round(-lowers, 4), "noise": round(found.noise, 4),
        "out": out,
    })  # fmt: skip
