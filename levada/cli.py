"""The command line: verbs with shared options; results on stdout, the log on stderr."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Literal

import click
from levada_driver.errors import DriverError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from levada import __version__
from levada.errors import LevadaError, ToolMissingError

_PATH = click.Path(path_type=Path)
_SEED = click.IntRange(0, 2**31 - 1)
_started = time.perf_counter()

as_json = click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")


def _log(line: str) -> None:
    elapsed = f"{time.perf_counter() - _started:6.1f} s"
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(elapsed, "dim"), Text(line))


def _print(result: Any, json_: bool, shown: Any) -> None:  # noqa: ANN401 - JSON values, rich renderables
    if json_:
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        Console(width=None if sys.stdout.isatty() else 110).print(shown)


def _pairs(result: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None)
    for key, value in result.items():
        table.add_row(key, str(value))
    return table


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="levada", message="%(prog)s %(version)s")
def app() -> None:
    """Turns trained low-bit networks into verified FPGA dataflow accelerators."""


@app.command()
@click.argument("model")
@click.option("--board", default="pynq-z2", help="A folder of boards/ or the path of a board.toml.")
@click.option("--flow", default="simulate", help="A file of build_flows/ or the path of one.")
@click.option("--out", type=_PATH, help="Folder of the result  [default: build/MODEL-BOARD]")
@click.option("--target-fps", type=float, help="Frames a second  [default: the model's, else the fastest]")
@click.option("--clock-mhz", type=float, help="Clock of the design  [default: the board's]")
@click.option("--samples", type=int, default=1000, help="Frames compared at every level.")
@click.option("--rtl-frames", type=int, default=100, help="Frames of them simulated in RTL.")
@click.option("--data", help="A data set of models/, such as mnist, or an .npz with x and y.")
@click.option("--input", metavar="TYPE/D", help="The input is integers of TYPE divided by D: uint8/255.")
@click.option("--partition", type=_PATH, help="A partition.toml to fold by.")
@click.option(
    "--objective",
    type=click.Choice(["cost", "throughput", "latency"]),
    help="What to fold for  [default: cost with a target, else throughput]",
)
@click.option(
    "--lanes",
    type=click.Choice(["split", "lut", "dsp"]),
    default="split",
    help="Where layers multiply: split between LUTs and DSP slices, LUTs alone, slices wherever possible.",
)
@click.option(
    "--runtime-weights",
    metavar="LAYERS",
    default="",
    help="Layers whose weights and thresholds can be written later, with commas between; or all.",
)
@click.option("--plan-only", is_flag=True, help="Write the plan of the bitstream, and do not run it.")
@click.option(
    "--out-of-context",
    is_flag=True,
    help="Let Vivado synthesize layers by themselves, side by side, and again only where they changed.",
)
@click.option("--seed", type=_SEED, default=0, help="Seed of random frames and stalls.")
@as_json
def build(json_: bool, runtime_weights: str, **options: Any) -> int:  # noqa: ANN401 - the fields of Options
    """Build an accelerator: fold, generate, verify by simulation, synthesize, pack.

    MODEL is a name of models/ (see `levada models`) or an .onnx file.
    """
    from levada import report as reports
    from levada.build import Options
    from levada.build import build as run

    layers = tuple(name.strip() for name in runtime_weights.split(",") if name.strip())
    folder, result = run(Options(**options, runtime_weights=layers), _log)
    _print(json.loads(result.model_dump_json()), json_, reports.terminal(result))
    there = ("report.html", "report.json", "deploy", "plan/run.sh", "hls/run.sh")
    _log(f"in {folder}: {', '.join(name for name in there if (folder / name).exists())}")
    if result.lacks is not None:
        return _fail(f"{folder}: {result.lacks}", ToolMissingError.exit_code)
    return 0


@app.command()
@click.argument("model")
@click.option("--board", default="pynq-z2", help="A folder of boards/ or the path of a board.toml.")
@click.option("--out", type=_PATH, help="The page to write  [default: build/MODEL-BOARD-explore.html]")
@click.option("--clock-mhz", type=float, help="Clock of the design  [default: the board's]")
@click.option("--input", metavar="TYPE/D", help="The input is integers of TYPE divided by D: uint8/255.")
@as_json
def explore(json_: bool, out: Path | None, **options: Any) -> None:  # noqa: ANN401 - the fields of Options
    """Show what is possible: frame rate against LUTs, for several numbers of DSP slices.

    MODEL is a name of models/ (see `levada models`) or an .onnx file.
    """
    from levada import content
    from levada.build import Options, lowered
    from levada.build.state import required
    from levada.explore import explore as run
    from levada.report import exploration

    state = lowered(Options(**options, samples=1), _log)
    _log("explore ...")
    found = run(required(state.graph), state.board, state.clock_mhz)
    target = out or Path("build") / f"{Path(options['model']).stem}-{state.board.name}-explore.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    content.write_whole(target, exploration.page(found))
    _print(exploration.as_json(found), json_, exploration.terminal(found))
    _log(f"in {target}")


@app.command()
@click.argument("folder", type=_PATH)
@click.option("--frames", type=int, default=16, help="Frames to simulate, repeating the samples.")
@click.option("--stalls", type=float, default=0.0, help="Chance that a port pauses in a cycle, 0 to 0.9.")
@click.option("--seed", type=_SEED, default=0, help="Seed of the stalls.")
@click.option("--trace", type=_PATH, help="Write a waveform (.vcd) there; compiles anew.")
@as_json
def simulate(folder: Path, frames: int, stalls: float, seed: int, trace: Path | None, json_: bool) -> None:
    """Run the RTL of a build again, without rebuilding. FOLDER is that of the build or its deploy/."""
    from levada.resimulate import resimulate

    result = resimulate(folder, frames, stalls, seed, trace)
    _print(result, json_, _pairs(result))


@app.command()
@click.argument("folder", type=_PATH)
@click.argument("model")
@click.option("--out", type=_PATH, help="File to write  [default: FOLDER/MODEL.weights.npz]")
@click.option("--data", help="A data set of models/, such as mnist, or an .npz with x and y.")
@click.option("--input", metavar="TYPE/D", help="The input is integers of TYPE divided by D: uint8/255.")
@as_json
def weights(folder: Path, model: str, out: Path | None, json_: bool, **options: Any) -> None:  # noqa: ANN401 - of Options
    """Make the file that puts another network's weights into the build in FOLDER, and try it there.

    MODEL is a name of models/ or an .onnx file, of the same layers. The build must have been made with
    --runtime-weights.
    """
    from levada.build import Options
    from levada.reweigh import reweigh

    result = reweigh(folder, Options(model, **options), out, _log)
    _print(result, json_, _pairs(result))


@app.command()
@click.argument("folder", type=_PATH)
@click.option("--host", default="127.0.0.1", help="Address to answer at.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=7967, help="Port to answer at; pynq knows 7967."
)
def board_sim(folder: Path, host: str, port: int) -> None:
    """Be the board of the build in FOLDER, at a pseudo terminal or for the package `pynq` on this machine.

    Ends with Ctrl-C. Scripts of pynq run against it with PYNQ_REMOTE_DEVICES=127.0.0.1.
    """
    from levada import boardsim, content

    deploy = content.package(folder)
    client = deploy / "board-sim"
    if boardsim.line_package(deploy, client):
        _serve_line(deploy, client)
        return
    boardsim.client_package(deploy, client)
    board = boardsim.Board(deploy)
    try:
        server = boardsim.serve(board, host, port)
        _log(f"{board.manifest.name} on a simulated {board.manifest.board} at {host}:{port}")
        _log(f"PYNQ_REMOTE_DEVICES={host} levada-run {client} selftest")
        server.wait_for_termination()
    except KeyboardInterrupt:
        _log("stopped")
    finally:
        board.close()


def _serve_line(deploy: Path, client: Path) -> None:
    """The board of a deploy package with a serial line, until Ctrl-C; `client`: the host's part of that."""
    from levada import boardsim

    with boardsim.open_line(deploy) as line:
        _log(f"a simulated board at {line.terminal}")
        _log(f"levada-run --backend serial --port {line.terminal} {client} selftest")
        try:
            line.wait()
        except KeyboardInterrupt:
            _log("stopped")


@app.command()
@click.argument("folder", type=_PATH)
@as_json
def report(folder: Path, json_: bool) -> None:
    """Show the report of the build or of the search in FOLDER."""
    from levada import report as reports
    from levada.report import searching

    if (folder / reports.FILE).exists():
        result = reports.load(folder)
        _print(json.loads(result.model_dump_json()), json_, reports.terminal(result))
    elif (folder / searching.FILE).exists():
        found = searching.load(folder)
        _print(searching.as_json(found), json_, searching.terminal(found))
    else:
        raise LevadaError(
            f"{folder}: neither {reports.FILE} nor {searching.FILE} is there; `levada build` writes the one "
            "into its folder, `levada search` the other"
        )


@app.command()
@click.argument("folders", type=_PATH, nargs=-1, required=True)
@click.option("--baselines", type=_PATH, help="Folder of what is kept  [default: tests/baselines]")
@click.option("--update", is_flag=True, help="Keep the figures that are new or have changed.")
@as_json
def qor(folders: tuple[Path, ...], baselines: Path | None, update: bool, json_: bool) -> int:
    """Compare rate and resources of the builds in FOLDERS with those of earlier ones, kept as baselines.

    Ends with 1 where a figure has changed, also for the better: keep it with --update.
    """
    from levada import qor as quality

    changes = quality.compare(folders, baselines or quality.FOLDER, update)
    rows = [{**vars(change), "percent": change.percent, "verdict": change.verdict} for change in changes]
    _print(rows, json_, quality.table(changes))
    found = [] if update else quality.changed(changes)
    if found:
        shown = ", ".join(f"{change.model} {change.figure} is {change.verdict}" for change in found)
        return _fail(f"{shown}; keep that with --update, or mend it", 1)
    return 0


@app.command()
@as_json
def doctor(json_: bool) -> int:
    """List every tool the flows can use, found or not, and how to install it."""
    from levada import doctor as tools

    found = tools.tools()
    if json_:
        sys.stdout.write(tools.as_json(found) + "\n")
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(tools.table(found))
    lacking = tools.missing(found)
    if lacking:
        return _fail(f"missing: {', '.join(tool.name for tool in lacking)}", 3)
    return 0


@app.command()
@as_json
def layers(json_: bool) -> None:
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
@as_json
def models(json_: bool) -> None:
    """List the networks of models/."""
    from levada import models as known

    found = [known.find(name) for name in known.names()]
    rows = [
        {"name": m.name, "about": m.description, "data": m.dataset, "input": m.input, "accuracy": m.accuracy}
        for m in found
    ]
    table = Table("model", "about", "data", "input", "accuracy", box=None)
    for m in found:
        accuracy = f"{m.accuracy:.2f} %" if m.accuracy is not None else "-"
        table.add_row(m.name, m.description, m.dataset or "-", m.input or "-", accuracy)
    _print(rows, json_, table)


@app.command()
@click.argument("model")
@click.option("--out", type=_PATH, help="Folder for the trained files  [default: models/FAMILY]")
@click.option("--recipe", type=_PATH, help="How to train  [default: models/FAMILY/recipe.toml]")
@click.option(
    "--accelerator", type=click.Choice(["cpu", "gpu"]), default="cpu", help="The kind of device to train on."
)
@click.option("--processes", type=click.IntRange(1), default=1, help="How many share each batch.")
@as_json
def train(
    model: str,
    out: Path | None,
    recipe: Path | None,
    accelerator: Literal["cpu", "gpu"],
    processes: int,
    json_: bool,
) -> None:
    """Train MODEL of models/ by its recipe; an interrupted training resumes."""
    from levada.train import Machine
    from levada.train import train as run

    trained = vars(run(model, out=out, recipe=recipe, machine=Machine(accelerator, processes), log=_log))
    result = {key: str(value) if isinstance(value, Path) else value for key, value in trained.items()}
    _print(result, json_, _pairs({key: value for key, value in result.items() if value is not None}))


@app.command()
@click.argument("model")
@click.option("--board", default="pynq-z2", help="A folder of boards/ or the path of a board.toml.")
@click.option(
    "--budget", metavar="BUDGET", help="15% of the chip, or lut=20000,dsp=100  [default: the board's]"
)
@click.option("--target-fps", type=float, help="Frames a second to reach  [default: as many as possible]")
@click.option("--clock-mhz", type=float, help="Clock of the design  [default: the board's]")
@click.option("--strategy", default="integer", help="A file of levada/search/strategies/.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="An option of the strategy.")
@click.option("--weights", default="2,3,4,5,6,8", help="Bits of weights to choose from.")
@click.option("--activations", default="2,3,4,5,6,8", help="Bits of activations to choose from.")
@click.option(
    "--shape",
    "shapes",
    multiple=True,
    metavar="NAME=N,N",
    help="A number of the network's shape, with what it may be.",
)
@click.option("--keep", default="", metavar="SITES", help="Sites that stay as they are, with commas between.")
@click.option("--designs", type=int, default=12, help="Designs to train, at most.")
@click.option("--recipe", type=_PATH, help="How to train  [default: models/FAMILY/recipe.toml]")
@click.option("--epochs", type=click.IntRange(1), help="Epochs of each training  [default: the recipe's]")
@click.option(
    "--finetune", type=click.IntRange(1), help="Epochs of designs that begin with the widest one's weights."
)
@click.option("--seed", type=_SEED, default=0, help="Seed of all chance.")
@click.option("--time", metavar="TIME", help="90s, 30m or 1.5h: ends then, with the best so far.")
@click.option("--out", type=_PATH, help="Folder of the result  [default: build/search/MODEL-BOARD]")
@click.option("--storage", help="A file or data base of trials that machines share  [default: in --out]")
@click.option("--jobs", type=click.IntRange(1), help="Processes  [default: one a processor]")
@click.option("--ray", metavar="ADDRESS", help="Let a cluster of Ray work.")
@as_json
def search(
    json_: bool,
    settings: tuple[str, ...],
    shapes: tuple[str, ...],
    **options: Any,  # noqa: ANN401 - fields of Options
) -> None:
    """Search bit widths for each layer of MODEL that lose least quality within a board's budget.

    An interrupted search goes on with the same command.
    """
    from levada.report import searching
    from levada.search import result
    from levada.search.search import Options
    from levada.search.search import search as run

    for name in ("weights", "activations"):
        options[name] = _numbers(f"--{name}", options[name], "bits")
    options["shape"] = tuple(map(_shape, shapes))
    options["keep"] = tuple(site.strip() for site in options["keep"].split(",") if site.strip())
    pairs = tuple((name, value) for name, _, value in (one.partition("=") for one in settings))
    found = run(Options(settings=pairs, **options), _log)
    kept = result.save(found)
    _print(kept, json_, searching.terminal(searching.checked(kept, found.folder / searching.FILE)))
    _log(f"in {found.folder}: {searching.PAGE}, {searching.FILE}, {result.FRONT}/")


def _numbers(name: str, text: str, what: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise LevadaError(f"{name} {text!r}: write {what} with commas between, such as 2,4,8")
    return tuple(map(int, parts))


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, equals, numbers = text.partition("=")
    if not equals:
        raise LevadaError(f"--shape {text!r}: write a name and numbers, such as channels=8,16")
    return name.strip(), _numbers(f"--shape {name}", numbers, "numbers")


def main(arguments: list[str] | None = None) -> int:
    """Entry point. Exit codes: 0, 1 a mistake or a failed check, 2 usage, 3 a tool is missing."""
    try:
        code = app.main(arguments, prog_name="levada", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "levada"
        return _fail(f"{error.format_message().rstrip('.')}; see `{command} --help`", 2)
    except (KeyboardInterrupt, click.Abort):
        return _fail("stopped; an earlier result is as it was", 1)
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
