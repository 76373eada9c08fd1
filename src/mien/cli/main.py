"""Thin: read arguments, call the library, print. Model code is imported when a command runs."""

import sys
from collections.abc import Callable

import typer

from mien.cli import (
    analyze,
    baseline,
    cluster,
    faces,
    gallery,
    identity,
    makers,
    models,
    survival,
    synth,
    systems,
    watch,
)
from mien.cli.bench import bench
from mien.cli.calibrate import calibrate
from mien.cli.demo import demo
from mien.cli.doctor import doctor
from mien.cli.eval import commands as evaluate
from mien.cli.explain import explain
from mien.cli.terminal import STOPPED, complain
from mien.errors import MienError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Who is in this picture, and how far can the answer be trusted.",
    epilog="Answers are JSON lines on stdout, everything else is on stderr. Start with: mien demo",
)
PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "People": (
        identity.enroll,
        identity.identify,
        identity.verify,
        watch.watch,
        watch.events,
        cluster.cluster,
    ),
    "Faces": (faces.detect, faces.quality, faces.embed, analyze.analyze),
    "Research": (systems.train, explain, makers.make, makers.audit),
    "This installation": (demo, doctor, bench, calibrate),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(baseline.app, name="baseline", rich_help_panel="Faces")
app.add_typer(gallery.app, name="gallery", rich_help_panel="People")
app.add_typer(cluster.app, name="groups", rich_help_panel="People")
app.add_typer(evaluate.app, name="eval", rich_help_panel="Evaluation")
app.add_typer(synth.app, name="synth", rich_help_panel="Evaluation")
app.add_typer(systems.app, name="systems", rich_help_panel="Research")
app.add_typer(survival.app, name="survival", rich_help_panel="Research")
app.add_typer(models.app, name="models", rich_help_panel="This installation")


def main() -> None:
    """Run a command; a mien error becomes one line on stderr and exit code 1."""
    try:
        app()
    except MienError as error:
        complain(str(error))
        sys.exit(1)
    except OSError as error:  # a folder that cannot be written, a disk that is full
        complain(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.")
        sys.exit(1)
    except SystemExit as end:
        if end.code == STOPPED:
            complain("stopped; what is done is kept, and the same command goes on from there.")
        raise
