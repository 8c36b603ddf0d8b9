"""The command line: one verb an arrow. Nothing heavy is imported before a verb needs it, so that --help stays quick.

Exit codes: 0 done, 1 a finding of severity error, 2 wrong use, 3 failed jobs, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snellen.data_cli import app as data_app
from snellen.plain import say

if TYPE_CHECKING:
    from snellen.run import FinishedRun

app = typer.Typer(
    name="snellen",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")


def _say_version(asked: bool) -> None:
    if asked:
        from snellen import __version__

        say(f"snellen {__version__}")
        raise typer.Exit


@app.callback()
def snellen(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Trains, compares and explains classifiers of small images, and says only what may be believed."""


StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A study file, or the name of a shipped study.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the study.")
]
Seed = Annotated[int | None, typer.Option(help="Seed of training: initial weights, order, dropout.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; recorded, and reused when a run goes on.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes that train at once; else one a thread.")]
DataFolder = Annotated[Path | None, typer.Option("--data-dir", help="Where data sets are looked for first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command()
def run(
    study: StudyName,
    set_: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="The run directory; runs/STUDY when not given.")] = None,
    seed: Seed = None,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Run a study: train what has no result yet, evaluate, write the report."""
    _expect_free(out or _run_folder(study, _overrides(set_, seed)))
    from snellen.console import console_for
    from snellen.progress import Terminal
    from snellen.run import Settings
    from snellen.run import run as run_study
    from snellen.study.document import open_document

    document = open_document(study)
    settings = Settings(out, device, threads, data_dir, workers)
    with Terminal(console_for(stderr=as_json)) as terminal:
        finished = run_study(document, document.study(_overrides(set_, seed)), settings, terminal)
    _show(finished, as_json)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory, such as runs/digits.")],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ANALYSIS", help="Make this analysis again first, from the pictures."),
    ] = None,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write the report of a run again, from its stored files alone."""
    _expect_free(run)
    from snellen.console import console_for
    from snellen.progress import Terminal
    from snellen.run import report as report_run

    with Terminal(console_for(stderr=as_json)) as terminal:
        finished = report_run(run, only or (), data_dir, terminal)
    _show(finished, as_json)


@app.command()
def check(
    study: Annotated[str | None, typer.Argument(metavar="STUDY", help="A study file or a shipped study.")] = None,
    set_: Overrides = None,
    seed: Seed = None,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    data_dir: DataFolder = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of study files and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate a study and show its plan and cost; trains nothing."""
    if schema:
        from snellen.study.schema import StudyFile

        say(json.dumps(StudyFile.model_json_schema(), indent=2))
        return
    if study is None:
        raise typer.BadParameter("STUDY is missing")
    from snellen.run import Settings
    from snellen.run.check import check_study
    from snellen.study.document import open_document

    document = open_document(study)
    checked = check_study(document.study(_overrides(set_, seed)), Settings(None, device, threads, data_dir, workers))
    if as_json:
        say(json.dumps(checked, indent=2))
        return
    from snellen.tables import print_check

    print_check(checked)


@app.command()
def init(
    path: Annotated[
        str | None,
        typer.Argument(metavar="PATH", help="Your data: a folder, a file or a known name. With --from: what to write."),
    ] = None,
    source: Annotated[str | None, typer.Option("--from", metavar="NAME", help="Copy this shipped study.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.yaml", help="What to write; called after the data when not given."),
    ] = None,
    data_dir: DataFolder = None,
) -> None:
    """Write a study to edit: one that fits your data and says why, or a copy of a shipped one."""
    from snellen.errors import unknown
    from snellen.study.document import shipped_studies

    if path is not None and source is None and not _is_study(path):
        _write_new(*_proposed(path, data_dir, out))
        return
    source, shipped = source or "digits", shipped_studies()
    if source not in shipped:
        raise unknown("study", source, shipped)
    _write_new(out or Path(path or f"{source}.yaml"), shipped[source])


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model bundle, or a run (its chosen model).")],
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Pictures, arrays, folders, data sets.")],
    score: Annotated[bool, typer.Option("--score", help="Compare with the labels; counts as opening them.")] = False,
    invert: Annotated[bool, typer.Option("--invert", help="Exchange black and white in the pictures first.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table as CSV.")] = None,
    device: Device = "cpu",
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Predict pictures with a trained model."""
    from snellen.deploy.pictures import open_pictures
    from snellen.deploy.polarity import inverted, polarity_warning
    from snellen.deploy.predict import answer, open_model, seen_warning
    from snellen.deploy.predict import score as score_answers
    from snellen.files.atomic import write_text
    from snellen.files.spreadsheet import as_csv
    from snellen.train.environment import choose_device

    loaded = open_model(model).on(choose_device(device))
    about, batches = loaded.description, list(open_pictures(paths, loaded.description.input, data_dir))
    turn = partial(inverted, pixel_range=about.input.pixel_range)
    answers = answer(loaded, batches, turn) if invert else answer(loaded, batches)
    for warning in (polarity_warning(batches, about, invert), seen_warning(batches, loaded) if score else None):
        if warning:
            say(warning, file=sys.stderr)
    scored = score_answers(answers, loaded) if score else None
    table = answers.table()
    if csv:
        write_text(csv, as_csv(table))
    if as_json:
        rows: dict[str, Any] = {"predictions": table.to_dicts()}
        say(json.dumps(rows | ({"score": vars(scored)} if scored else {})))
        return
    from snellen.tables import print_predictions

    print_predictions(table, scored, csv)


def _run_folder(study: str, overrides: list[str]) -> Path | None:
    """Where a study runs when nothing else is said; None where its name cannot be read yet."""
    from snellen.study.name import name_of

    name = name_of(study, overrides)
    return Path("runs") / name if name else None


def _expect_free(folder: Path | None) -> None:
    """Raises RunLocked, before anything slow is imported, when another process works in a run directory."""
    from snellen.files.locks import expect_free

    if folder is not None:
        expect_free(folder)


def _is_study(path: str) -> bool:
    return Path(path).suffix.lower() in (".yaml", ".yml")


def _proposed(source: str, data_dir: Path | None, out: Path | None) -> tuple[Path, str]:
    """The file for a study of a stranger's data, `out` where that is given, and its text."""
    from snellen.init.propose import propose, study_name
    from snellen.init.survey import survey

    found = survey(source, data_dir)
    file = out or Path(f"{study_name(found.dataset)}.yaml")
    text = propose(found.dataset, source, options=found.options, sizes=found.sizes, near=found.near, file=str(file))
    return file, text


def _write_new(path: Path, text: str) -> None:
    from snellen.errors import StudyError
    from snellen.files.atomic import write_text

    if path.exists():
        raise StudyError("the file is there already", where=str(path), hint="Name another file, or rename that one.")
    write_text(path, text)
    say(f"Wrote {path}. Edit it, then: snellen run {path}")


def main() -> None:
    """The entry point: every SnellenError is one readable block and an exit code."""
    from snellen.errors import SnellenError

    _speak_utf8()
    try:
        app()
    except SnellenError as error:
        say(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(130)
    except SystemExit as ended:
        if ended.code == 130:  # typer made it of Ctrl-C
            _say_interrupted()
        raise


def _say_interrupted() -> None:
    say("Interrupted. Finished work is kept: run the same command to go on.", file=sys.stderr)


def _speak_utf8() -> None:
    """Names of classes may not fit the terminal's encoding (Windows): they are shown escaped, never a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")


def _overrides(given: list[str] | None, seed: int | None) -> list[str]:
    return [*(given or []), *([f"seed={seed}"] if seed is not None else [])]


def _show(finished: FinishedRun, as_json: bool) -> None:
    """The findings and the path of the report; exits 1 for errors, 3 for failed jobs."""
    if as_json:
        say((finished.folder / "report.json").read_text(encoding="utf-8").rstrip("\n"))
    else:
        from snellen.tables import print_finished

        print_finished(finished)
    if finished.judgement.has_errors:
        raise typer.Exit(1)
    if finished.failed:
        raise typer.Exit(3)


if __name__ == "__main__":
    main()
