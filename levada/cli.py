"""The command line: verbs with shared options; results on stdout, the log on stderr."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import click
import typer
from levada_driver.errors import DriverError
from rich.console import Console
from rich.table import Table

from levada import __version__
from levada.errors import LevadaError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turns trained low-bit networks into verified FPGA dataflow accelerators.",
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_started = time.perf_counter()


def _log(line: str) -> None:
    Console(stderr=True, highlight=False).print(f"[dim]{time.perf_counter() - _started:6.1f} s[/]  {line}")


def _print(result: Any, as_json: bool, shown: Any) -> None:  # noqa: ANN401 - JSON values, rich renderables
    if as_json:
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        Console(width=None if sys.stdout.isatty() else 110).print(shown)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"levada {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Shared by all verbs."""


@app.command()
def build(
    model: Annotated[str, typer.Argument(help="A name of models/ (see `levada models`) or an .onnx file.")],
    board: Annotated[str, typer.Option(help="A folder of boards/ or the path of a board.toml.")] = "pynq-z2",
    flow: Annotated[str, typer.Option(help="A file of build_flows/ or the path of one.")] = "simulate",
    out: Annotated[Path | None, typer.Option(help="Folder of the result [build/MODEL-BOARD].")] = None,
    target_fps: Annotated[
        float | None, typer.Option(help="Frames a second [the model's own, else as fast as the board allows].")
    ] = None,
    clock_mhz: Annotated[float | None, typer.Option(help="Clock [the board's].")] = None,
    samples: Annotated[int, typer.Option(help="Frames compared at every level.")] = 1000,
    rtl_frames: Annotated[int, typer.Option(help="Frames of them simulated in RTL.")] = 100,
    data: Annotated[
        str | None, typer.Option(help="A data set of models/ (mnist), or an .npz with x and y.")
    ] = None,
    input: Annotated[  # noqa: A002 - the name of the option
        str | None,
        typer.Option(metavar="TYPE/D", help="The network's input is integers of TYPE divided by D: uint8/255."),
    ] = None,
    partition: Annotated[Path | None, typer.Option(help="A partition.toml to fold by.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of random frames and stalls.")] = 0,
    json_: Json = False,
) -> None:
    """Build an accelerator: fold, generate, verify by simulation, synthesize, pack."""
    from levada import report
    from levada.build import Options
    from levada.build import build as run

    options = Options(
        model, board, flow, out, target_fps, clock_mhz, samples, rtl_frames, data, input, partition, seed
    )
    folder, result = run(options, _log)
    _print(json.loads(result.model_dump_json()), json_, report.terminal(result))
    _log(f"in {folder}: report.html, report.json" + (", deploy/" if (folder / "deploy").is_dir() else ""))


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="The folder of a build, or its deploy/.")],
    frames: Annotated[int, typer.Option(help="Frames to simulate, repeating the samples.")] = 16,
    stalls: Annotated[float, typer.Option(help="Chance that a port pauses in a cycle, 0 to 0.9.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the stalls.")] = 0,
    trace: Annotated[Path | None, typer.Option(help="Write a waveform (.vcd) there; compiles anew.")] = None,
    json_: Json = False,
) -> None:
    """Run the RTL of a build again, without rebuilding."""
    from levada.resimulate import resimulate

    result = resimulate(folder, frames, stalls, seed, trace)
    table = Table(show_header=False, box=None)
    for key, value in result.items():
        table.add_row(key, str(value))
    _print(result, json_, table)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="The folder of a build.")],
    json_: Json = False,
) -> None:
    """Show the report of a build."""
    from levada import report as reports

    result = reports.load(folder)
    _print(json.loads(result.model_dump_json()), json_, reports.terminal(result))


@app.command()
def doctor(json_: Json = False) -> None:
    """List every tool the flows can use, found or not, and how to install it."""
    from levada import doctor as tools

    found = tools.tools()
    if json_:
        sys.stdout.write(tools.as_json(found) + "\n")
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(tools.table(found))
    lacking = tools.missing(found)
    if lacking:
        _log(f"missing: {', '.join(tool.name for tool in lacking)}")
        raise typer.Exit(3)


@app.command()
def layers(json_: Json = False) -> None:
    """List the hardware layers of hls/."""
    import levada.layers  # noqa: F401 - fills the registry
    from levada.layer import registered

    rows = [
        {
            "kind": kind,
            "role": cls.role,
            "operators": sorted(cls.operators),
            "about": (cls.__doc__ or "").strip().splitlines()[0],
        }
        for kind, cls in registered().items()
    ]
    table = Table("layer", "role", "ONNX operators", "computes", box=None)
    for row in rows:
        table.add_row(str(row["kind"]), str(row["role"]), ", ".join(row["operators"]), str(row["about"]))
    _print(rows, json_, table)


@app.command()
def models(json_: Json = False) -> None:
    """List the networks of models/."""
    from levada import models as known

    found = [known.find(name) for name in known.names()]
    rows = [
        {"name": m.name, "about": m.description, "data": m.dataset, "input": m.input, "accuracy": m.accuracy}
        for m in found
    ]
    table = Table("model", "about", "data", "input", "accuracy", box=None)
    for row in rows:
        accuracy = f"{row['accuracy']:.2f} %" if row["accuracy"] is not None else "-"
        table.add_row(str(row["name"]), str(row["about"]), row["data"] or "-", row["input"] or "-", accuracy)
    _print(rows, json_, table)


@app.command()
def train(
    model: Annotated[str, typer.Argument(help="A name of models/.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the trained files [models/FAMILY].")] = None,
    json_: Json = False,
) -> None:
    """Train a network of models/ by its recipe; an interrupted training resumes."""
    from levada.train import train as run

    trained = run(model, out=out, log=_log)
    result = {key: str(value) if isinstance(value, Path) else value for key, value in vars(trained).items()}
    table = Table(show_header=False, box=None)
    for key, value in result.items():
        table.add_row(key, str(value))
    _print(result, json_, table)


def main() -> int:
    """Entry point. Exit codes: 0, 1 a mistake or a failed check, 2 usage, 3 a tool is missing."""
    try:
        code = app(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return 2
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _fail("stopped; nothing was left behind", 1)
    except LevadaError as error:
        return _fail(str(error), error.exit_code)
    except DriverError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(f"{error.filename or 'input/output'}: {error.strerror or error}", 1)
    return code if isinstance(code, int) else 0


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"levada: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
