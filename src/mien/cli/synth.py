"""Commands that render synthetic people, and check head models: synth."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import AsTable, DetectorName, EmbedderName
from mien.cli.synth_augment import augment
from mien.cli.synth_balance import balance
from mien.cli.synth_films import (
    Emotion,
    HeadName,
    Lossless,
    Parquet,
    Pitch,
    Rate,
    Say,
    Script,
    Seconds,
    Seed,
    Side,
    Text,
    Truth,
    Weights,
    Yaw,
    film_of,
    picture_of,
    weights_of,
)
from mien.cli.synth_groups import group
from mien.cli.synth_identities import audit, identities
from mien.cli.synth_puppets import draw_puppets, puppet
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.errors import MienError
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from mien.evaluate.rendered import Finder
    from mien.synth import Actor, HeadModel, Scene

app = typer.Typer(no_args_is_help=True, help="Render synthetic people with ground truth.")
app.command()(puppet)
app.command()(group)
app.command()(balance)
app.command()(augment)
app.command()(identities)
app.command()(audit)

Tone = Annotated[
    float | None, typer.Option("--tone", min=1, max=10, help="Skin tone on the Monk scale.")
]
Years = Annotated[
    float | None, typer.Option("--years", min=2, max=90, help="Age of the person in years.")
]


@app.command()
def image(
    out: Annotated[Path, typer.Argument(help="Image to write: .png or .jpg.")],
    head: HeadName = "builtin",
    seed: Seed = 0,
    weights: Weights = None,
    tone: Tone = None,
    years: Years = None,
    yaw: Yaw = 0.0,
    pitch: Pitch = 0.0,
    size: Side = 512,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Also write depth, labels and points as .npz.")
    ] = None,
) -> None:
    """Render an image of one synthetic person. The same seed reproduces it.

    Example: mien synth image smile.png --set AU6=0.6 --set AU12=1 --yaw 15
    """
    actor, scene = _sitting(head, seed, tone, years, yaw, pitch, size, weights)
    picture_of(actor, scene, out, truth)


@app.command()
def video(
    out: Annotated[Path, typer.Argument(help="Film to write: .mp4, .mov or .mkv.")],
    head: HeadName = "builtin",
    seed: Seed = 0,
    emotion: Emotion = "neutral",
    say: Say = "",
    text: Text = "",
    tone: Tone = None,
    years: Years = None,
    seconds: Seconds = 4.0,
    rate: Rate = 25.0,
    size: Side = 384,
    truth: Truth = "measures",
    lossless: Lossless = False,
    parquet: Parquet = False,
) -> None:
    """Render a film: an expression, blinks, gaze, speech, breathing and head motion.

    What is said is heard: phonemes, or words with --text, which needs eSpeak NG.
    Read the truth with mien.synth.read_truth.

    Example: mien synth video hello.mp4 --emotion joy --say "HH AH L OW"
    """
    actor, scene = _sitting(head, seed, tone, years, 0.0, 0.0, size, None)
    script = Script(emotion, say, seconds, rate, seed, text=text)
    film_of(actor, scene, script, out, truth, lossless, parquet)


@app.command()
def dataset(
    recipe: Annotated[
        str, typer.Argument(help="Recipe: identities, expressions, liveness, rppg ...")
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write; an incomplete one is continued.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Items.")] = 64,
    head: HeadName = "builtin",
    seed: Seed = 0,
    size: Side = 256,
    puppets: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            help="Folder of photographs to move, instead of rendering people.",
            show_default=False,
        ),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            help="Layout of that folder, which names the people: taiwan, utkface, ferplus ...",
            show_default=False,
        ),
    ] = "",
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Number of processes (0 = one per core).")
    ] = 0,
) -> None:
    """Render a data set with manifest, card and contact sheet.

    The same command continues a run that was stopped.

    Recipes: identities, liveness, age, weather, fairness, groups, crossings, and with
    --puppets too:
    expressions, au-intensity, gaze, micro-spotting, micro-pixels, vsr-words,
    vsr-sentences, rppg. Recipe cues renders one edit at a time.

    Example: mien synth dataset expressions faces --count 800 --seed 1
    """
    from mien.synth.data.dataset import Plan, cores, draw

    plan = Plan(recipe, count, seed, head, size)
    if puppets:
        manifest = draw_puppets(plan, puppets, layout, out, workers or cores())
    else:
        with progress() as on_step:
            manifest = draw(plan, out, workers=workers or cores(), on_step=on_step)
    sheet = _contact_sheet(out, manifest, recipe)
    print_json_line({"manifest": manifest, "items": count, "people": plan.people,
                     "sheet": sheet, "synthetic": True})  # fmt: skip


@app.command()
def check(
    head: HeadName = "builtin",
    people: Annotated[
        int,
        typer.Option("--people", min=3, help="Number of people to render for the acceptance test."),
    ] = 200,
    seed: Seed = 0,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    table: AsTable = False,
) -> None:
    """Check a head model: geometry, ground truth, and detection by real models.

    Example: mien synth check --head builtin --table
    """
    from mien.evaluate.rendered import check_head
    from mien.synth import open_head
    from mien.zoo import load

    rows = []
    with progress() as on_step:
        checks = check_head(
            open_head(head), load(detector), load("attention-mesh"), load(embedder),
            finders(), people=people, seed=seed, on_step=on_step,
        )  # fmt: skip
        for row in checks:
            passed = "yes" if row.passed else "NO"
            rows.append([row.check, row.what, row.value, row.bar, passed, row.note])
            if not table:
                print_json_line({**asdict(row), "passed": row.passed})
    if table:
        print_table(["check", "what", "value>", "bar>", "met", "note"], rows)
    missed = sum(row[4] == "NO" for row in rows)
    if missed:
        raise MienError(f"Head '{head}' fails {missed} of {len(rows)} acceptance criteria.")


@app.command("import-ict")
def import_ict(
    source: Annotated[
        Path, typer.Argument(exists=True, help="Folder FaceXModel, or an .npz file.")
    ],
    name: Annotated[str, typer.Option("--name", help="Name for the imported head.")] = "ict",
) -> None:
    """Import the light model of ICT-FaceKit (MIT licence).

    Example: mien synth import-ict ICT-FaceKit/FaceXModel
    """
    from mien.synth.head.ict import import_ict as read

    _keep(read(source), name)


Licence = Annotated[str, typer.Option("--licence", help="Licence under which you hold the file.")]


@app.command("import-flame")
def import_flame(
    source: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The .pkl file of FLAME.")
    ],
    licence: Licence,
    name: Annotated[str, typer.Option("--name", help="Name for the imported head.")] = "flame",
) -> None:
    """Import FLAME; code inside the file is not executed.

    Example: mien synth import-flame generic_model.pkl --licence CC-BY-4.0
    """
    from mien.synth.head.flame import import_flame as read

    _keep(read(source, licence), name)


@app.command("import-bfm")
def import_bfm(
    source: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The .mat or .h5 file.")
    ],
    licence: Licence,
    name: Annotated[str, typer.Option("--name", help="Name for the imported head.")] = "bfm",
) -> None:
    """Import the Basel Face Model (2009, 2017 or 2019).

    Example: mien synth import-bfm model2017-1_bfm_nomouth.h5 --licence "BFM 2017"
    """
    from mien.synth.head.bfm import import_bfm as read

    _keep(read(source, licence), name)


def _keep(head: "HeadModel", name: str) -> None:
    """Store an imported head and report its path."""
    from mien.synth.head.head_files import head_path, save_head

    path = head_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_head(head, path)
    print_json_line({"head": name, "file": path, "corners": len(head.template),
                     "triangles": len(head.triangles), "identity": len(head.identity),
                     "licence": head.licence})  # fmt: skip


def _sitting(
    head: str,
    seed: int,
    tone: float | None,
    years: float | None,
    yaw: float,
    pitch: float,
    size: int,
    weights: list[str] | None,
) -> tuple["Actor", "Scene"]:
    import numpy as np

    from mien.synth import Actor, Camera, Pose, Scene, aged, make_person, open_head, random_light

    model = open_head(head)
    person = make_person(seed, model, tone=tone)
    rng = np.random.default_rng([seed, 131])
    scene = Scene(
        weights=weights_of(weights or []),
        pose=Pose(yaw, pitch),
        camera=Camera(size, size),
        light=random_light(rng),
        room=int(rng.integers(1 << 30)),
        noise=0.6,
        seed=seed,
    )
    return Actor(model, aged(person, years) if years else person), scene


def finders() -> dict[str, "Finder"]:
    """Return the detectors whose weights are on disk; report the others."""
    from mien.evaluate.rendered import finder
    from mien.zoo import cards, is_fetched, load

    out, missing = {}, []
    for name, card in sorted(cards().items()):
        if card.task == "detect":
            if name == DETECTOR or is_fetched(card):
                out[name] = finder(load(name))
            else:
                missing.append(name)
    try:
        out["dlib-hog"] = _dlib_hog()
    except ImportError:
        missing.append("dlib-hog")
    if missing:
        complain(f"skipped, because not installed or not fetched: {', '.join(missing)}")
    return out


def _dlib_hog() -> "Finder":
    from importlib import import_module

    import numpy as np

    find: Any = import_module("dlib").get_frontal_face_detector()

    def boxes(image: Any) -> list[Any]:
        found = find(image, 1)
        return [np.array([r.left(), r.top(), r.right(), r.bottom()], np.float32) for r in found]

    return boxes


def _contact_sheet(out: Path, manifest: Path, recipe: str) -> Path:
    """Write thumbnails of the first items, beside the manifest."""
    import json

    from mien.report.contact import cell, write_contact

    cells = []
    lines = manifest.read_text("utf-8").splitlines()
    for line in lines[:96]:
        row = json.loads(line)
        note = ", ".join(f"{k} {v}" for k, v in row["labels"].items() if isinstance(v, str | float))
        picture = _first_picture(out, row["files"])
        cells.append(cell(picture, f"{row['number']}, {row['split']}", note[:90]))
    path = out / "sheet.html"
    lead = f"{len(cells)} of {len(lines)} items, in manifest order."
    write_contact(path, cells, title=f"Recipe {recipe}", lead=lead)
    return path


def _first_picture(out: Path, files: dict[str, str]) -> Any:
    """The picture of an item, or a frame from the middle of its film."""
    from mien.media import open_film, read_image

    if "film" in files:
        with open_film(out / files["film"]) as film:
            return next(film.frames(start=(film.duration or 0) / 2)).image
    if "frames" in files:
        return read_image(sorted((out / files["frames"]).iterdir())[0])
    return read_image(out / files.get("spoilt", files["rgb"]))
