"""The command line: parse arguments, call the library, print. Imports of models are deferred."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from mien.cli import (
    analyze,
    audits,
    baseline,
    cluster,
    export,
    faces,
    gallery,
    liveness,
    makers,
    models,
    serve,
    survival,
    synth,
    systems,
    watch,
)
from mien.cli.ask import ask
from mien.cli.bench import bench
from mien.cli.calibrate import calibrate
from mien.cli.demo import demo
from mien.cli.doctor import doctor
from mien.cli.enroll import enroll
from mien.cli.eval import commands as evaluate
from mien.cli.explain import explain
from mien.cli.identify import identify
from mien.cli.scene import scene
from mien.cli.terminal import STOPPED, complain
from mien.cli.verify import verify
from mien.errors import MienError

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},  # subcommands inherit them
    pretty_exceptions_enable=False,
    help="Face recognition, quality, liveness and behaviour, with stated error rates.",
    epilog="Results are JSON lines on stdout; all else goes to stderr. Start with: mien demo",
)


def show_version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"mien {version('mien')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options of the program itself."""


PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "People": (
        enroll,
        identify,
        verify,
        export.export,
        export.schema,
        watch.watch,
        watch.events,
        cluster.cluster,
    ),
    "Faces": (faces.detect, faces.quality, faces.embed, liveness.liveness, analyze.analyze),
    "Research": (
        systems.train,
        explain,
        scene,
        ask,
        makers.make,
        makers.restore,
        makers.enhance,
        makers.edit,
    ),
    "This installation": (demo, doctor, bench, calibrate),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(audits.app, name="audit", rich_help_panel="Research")
app.add_typer(baseline.app, name="baseline", rich_help_panel="Faces")
app.add_typer(gallery.app, name="gallery", rich_help_panel="People")
app.add_typer(cluster.app, name="groups", rich_help_panel="People")
app.add_typer(serve.app, name="serve", rich_help_panel="People")
app.add_typer(evaluate.app, name="eval", rich_help_panel="Evaluation")
app.add_typer(synth.app, name="synth", rich_help_panel="Evaluation")
app.add_typer(systems.app, name="systems", rich_help_panel="Research")
app.add_typer(survival.app, name="survival", rich_help_panel="Research")
app.add_typer(models.app, name="models", rich_help_panel="This installation")


def main() -> None:
    """Run a command; print an error of mien as one line on stderr, with exit code 1."""
    try:
        app(prog_name="mien")  # also for python -m mien
    except MienError as error:
        complain(str(error))
        sys.exit(1)
    except OSError as error:  # such as a read-only folder or a full disk
        complain(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.")
        sys.exit(1)
    except SystemExit as end:
        if end.code == STOPPED:
            complain("stopped; finished work is kept, and the same command continues it.")
        raise
