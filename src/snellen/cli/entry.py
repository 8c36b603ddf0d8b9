"""The entry point and its verbs. Nothing heavy is imported before a verb needs it, so that --help stays quick.

Exit codes: 0 done, 1 a finding of severity error (or of that of --fail-on) or a run that fails verification, 2 wrong
use, 3 failed jobs or images that could not be read, 130 interrupted.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from snellen.cli.check import check
from snellen.cli.compare import compare
from snellen.cli.data import app as data_app
from snellen.cli.evaluate import evaluate
from snellen.cli.finding import finding
from snellen.cli.import_keras import import_model
from snellen.cli.init import init
from snellen.cli.list_names import list_names
from snellen.cli.predict import predict
from snellen.cli.report import report
from snellen.cli.run import run
from snellen.cli.show import show
from snellen.cli.verify import verify
from snellen.plain import say

GARBAGE_OBJECTS = 50_000
"""New objects between two garbage collections: Python's default of 700 takes a quarter of the time of a short run,
because torch and similar libraries make a million permanent objects."""

KEEPING = (["run"], ["report"])
"""Verbs that continue where they were stopped."""

app = typer.Typer(name="snellen", no_args_is_help=True, pretty_exceptions_enable=False)
VERBS: dict[str, Callable[..., Any]] = {
    "run": run,
    "show": show,
    "report": report,
    "check": check,
    "init": init,
    "list": list_names,
    "predict": predict,
    "evaluate": evaluate,
    "import": import_model,
    "verify": verify,
    "compare": compare,
    "finding": finding,
}
EXAMPLES: dict[str, tuple[str, ...]] = {
    "run": ("snellen run digits", "snellen run my.yaml --set train.epochs=3 --out runs/short --open"),
    "show": ("snellen show runs/digits", "snellen show runs/digits --format latex"),
    "report": ("snellen report runs/digits", "snellen report runs/digits --only units --open"),
    "check": ("snellen check my.yaml",),
    "init": ("snellen init photos/", "snellen init train.csv --out my.yaml", "snellen init --from digits"),
    "list": ("snellen list layers", "snellen list studies"),
    "predict": ("snellen predict runs/digits image.png", "snellen predict runs/digits test.csv --csv answers.csv"),
    "evaluate": ("snellen evaluate runs/digits photos/",),
    "import": ("snellen import model.keras --classes cat,dog,frog",),
    "verify": ("snellen verify runs/digits",),
    "compare": ("snellen compare runs/digits runs/short",),
    "finding": ("snellen finding SNL110", "snellen finding"),
}
"""Commands as a user would type them, at the end of the help of each verb."""

for name, verb in VERBS.items():
    app.command(name, epilog="\n\n".join(["Examples:", *EXAMPLES[name]]))(verb)
app.add_typer(data_app, name="data")


def _print_version(given: bool) -> None:
    if given:
        from snellen import __version__

        say(f"snellen {__version__}")
        raise typer.Exit


@app.callback()
def snellen(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Train, compare and explain classifiers of small images.

    Begin with `snellen run digits`, or with `snellen init PATH` for your own images.
    """


def main() -> None:
    """The entry point: every SnellenError is one readable block and an exit code."""
    from snellen.errors import SnellenError

    gc.set_threshold(GARBAGE_OBJECTS)
    atexit.register(gc.freeze)  # otherwise all objects are searched once more at exit
    _escape_unprintable()
    try:
        app()
    except SnellenError as error:
        say(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _print_interrupted()
        sys.exit(130)
    except SystemExit as ended:
        if ended.code == 130:  # typer made it of Ctrl-C
            _print_interrupted()
        raise


def _print_interrupted() -> None:
    kept = " Finished work is kept: run the same command to go on." if sys.argv[1:2] in KEEPING else ""
    say(f"Interrupted.{kept}", file=sys.stderr)


def _escape_unprintable() -> None:
    """Characters that are not in the terminal's encoding, as on Windows, are printed escaped instead of raising an
    error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
