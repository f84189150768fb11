"""levada-run: an accelerator from the command line, with the standard library and NumPy alone."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from levada_driver import serve
from levada_driver.accelerator import Accelerator
from levada_driver.backends import NAMES
from levada_driver.errors import DriverError, MissingError
from levada_driver.serve import options as serve_options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="levada-run", description="Runs a levada deploy package.")
    parser.add_argument("package", type=Path, help="the deploy/ folder")
    parser.add_argument("--backend", choices=NAMES, default="pynq", help="where it runs (default: pynq)")
    parser.add_argument(
        "--port", dest="line", help="serial port of the board, for the back end serial: /dev/ttyUSB0"
    )
    parser.add_argument("--batch", type=int, help="most frames of a batch (default: as many as are sensible)")
    parser.add_argument("--weights", type=Path, help="weights to write first: a file of `levada weights`")
    parser.add_argument("--setting", help="the setting to run in, by its name (default: the first)")
    parser.add_argument("--timeout", type=float, help="seconds without progress until a batch is given up")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("selftest", help="compare the package's samples with their golden results")
    actions.add_parser("info", help="print what the package holds, as JSON")
    benchmark = actions.add_parser("benchmark", help="measure rate and latency, print them as JSON")
    benchmark.add_argument("--frames", type=int, default=1000, help="frames in all (default: 1000)")
    benchmark.add_argument(
        "--streams", action="store_true", help="also what each stream of the pipeline does"
    )
    run = actions.add_parser("run", help="run frames of a .npy file")
    run.add_argument("input", type=Path, help="array [frames, ...] as the network takes it")
    run.add_argument("output", type=Path, help=".npy file for the result; .npz for several outputs")
    serve_options.add(actions.add_parser("serve", help="answer clients of the Open Inference Protocol v2"))
    return parser


def _frames(path: Path) -> npt.NDArray[Any]:
    try:
        frames = np.load(path)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise DriverError(f"{path}: cannot be read as .npy ({error}); save it with numpy.save") from error
    if not isinstance(frames, np.ndarray):
        raise DriverError(f"{path}: cannot be read as .npy (it is an archive); save it with numpy.save")
    return frames


def _save(path: Path, result: npt.NDArray[Any] | tuple[npt.NDArray[Any], ...]) -> None:
    """One array as .npy; several as .npz with the arrays output0, output1, ..."""
    if isinstance(result, tuple):
        arrays: dict[str, Any] = {f"output{index}": array for index, array in enumerate(result)}
        np.savez(path, **arrays)
    else:
        np.save(path, result)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _act(accelerator: Accelerator, arguments: argparse.Namespace) -> None:
    if arguments.action == "selftest":
        _say(f"{accelerator.manifest.name}: {accelerator.selftest()} frames as they should be")
    elif arguments.action == "info":
        _say(json.dumps(accelerator.info(), indent=1))
    elif arguments.action == "benchmark":
        _say(json.dumps(accelerator.benchmark(arguments.frames, arguments.streams), indent=1))
    elif arguments.action == "serve":
        serve.run(accelerator, serve_options.parsed(arguments), _say)
    else:
        _save(arguments.output, accelerator.run(_frames(arguments.input)))


def main() -> int:
    """Entry point; returns the exit code: 1 for what cannot be done, 2 for usage, 3 for a missing package."""
    arguments = _parser().parse_args()
    try:
        if arguments.action == "serve":
            serve.require()
        options = arguments.backend, arguments.batch, arguments.timeout, arguments.line
        with Accelerator(arguments.package, *options) as accelerator:
            if arguments.weights is not None:
                accelerator.load(arguments.weights)
            if arguments.setting is not None:
                accelerator.setting = arguments.setting
            _act(accelerator, arguments)
    except (DriverError, OSError) as error:
        print(f"levada-run: {error}", file=sys.stderr)  # noqa: T201
        return 3 if isinstance(error, MissingError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
