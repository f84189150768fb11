"""A build: the steps of a flow, in order, into a folder that appears whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import levada.layers  # noqa: F401 - fills the registry
from levada import boards, content, flows, report
from levada.build.state import Options, State
from levada.build.steps import STEPS
from levada.build.summary import summarize
from levada.errors import LevadaError
from levada.report.schema import Report
from levada.sim import native
from levada.synth import vitis_hls
from levada.synth.backends import BACK_ENDS

__all__ = ["Options", "build", "lowered"]


def build(options: Options, log: Callable[[str], None] = lambda _line: None) -> tuple[Path, Report]:
    """Runs a build and returns its folder and report.

    The folder holds report.json, report.html, partition.toml and, as far as the flow goes, deploy/ and plan/.
    An earlier result in its place stays as it was unless this build ends well. That a tool is missing for the
    last of it is no bad end: the report says what it `lacks`.

    Raises:
        LevadaError: anything that the user can mend, in the error's own words.
    """
    _check_options(options)
    board = boards.load(options.board)
    flow = flows.load(options.flow, STEPS.keys(), BACK_ENDS.keys())
    _check_flow(flow, options, board)
    target = options.out or Path("build") / f"{Path(options.model).stem}-{board.name}"
    _check_target(target)
    with content.folder_made_whole(target) as work:
        state = State(options, board, work, log)
        state.back_end = BACK_ENDS[flow.back_end] if flow.back_end else None
        for group in flow.stages:
            _run_group(group, state)
        result = summarize(state)
        report.save(result, work)
    return target, result


def lowered(options: Options, log: Callable[[str], None] = lambda _line: None) -> State:
    """A network as layers that are not folded yet: the first steps of a build, which write nothing.

    Raises:
        LevadaError: anything that the user can mend, in the error's own words.
    """
    _check_options(options)
    state = State(options, boards.load(options.board), Path(), log)
    for step in ("load", "streamline", "lower"):
        _run_group((step,), state)
    return state


def _check_options(options: Options) -> None:
    for name, value in (("--target-fps", options.target_fps), ("--clock-mhz", options.clock_mhz)):
        if value is not None and not 0 < value < 1e9:
            raise LevadaError(f"{name} {value:g}: must be above 0 and below 1e9")
    if options.samples < 1 or options.rtl_frames < 1:
        raise LevadaError("--samples and --rtl-frames: at least 1 frame is needed to compare anything")


def _check_flow(flow: flows.Flow, options: Options, board: boards.Board) -> None:
    """Refuses early what a step late in the flow would refuse."""
    for name, refused in (
        ("--plan-only", options.plan_only and not flow.hls),
        ("--out-of-context", options.out_of_context),
    ):
        if refused and flow.back_end is None:
            raise LevadaError(
                f"{name}: the flow {flow.name} makes no bitstream; use --flow {_fitting(board)}"
            )
    if flow.hls and board.device.family not in vitis_hls.FAMILIES:
        raise LevadaError(
            f"{board.name}: is of the family {board.device.family}, and Vitis HLS makes hardware for "
            f"{', '.join(sorted(vitis_hls.FAMILIES))}; use another --board"
        )
    if flow.back_end is None:
        return
    if board.shell is None:
        raise LevadaError(f"{board.name}: has no [shell] in its board.toml, so it gets no bitstream; add one")
    families = BACK_ENDS[flow.back_end].families
    if board.device.family not in families:
        raise LevadaError(
            f"{board.name}: is of the family {board.device.family}, and the flow {flow.name} makes "
            f"bitstreams for {', '.join(sorted(families))}; use --flow {_fitting(board)}"
        )


def _fitting(board: boards.Board) -> str:
    """The flows that make bitstreams for a board."""
    known = (flows.load(name, STEPS.keys(), BACK_ENDS.keys()) for name in flows.names())
    fitting = [
        flow.name
        for flow in known
        if flow.back_end is not None and board.device.family in BACK_ENDS[flow.back_end].families
    ]
    return " or ".join(fitting)


def _check_target(target: Path) -> None:
    """Refuses to replace what is not an earlier build: --out may be a mistake."""
    if target.is_file():
        raise LevadaError(f"{target}: is a file; choose another --out")
    if target.is_dir() and any(target.iterdir()) and not (target / "report.json").is_file():
        raise LevadaError(f"{target}: is a folder with other files in it; choose another --out or empty it")


def _run_group(group: tuple[str, ...], state: State) -> None:
    def timed(step: str) -> None:
        state.log(f"{step} ...")
        start = time.perf_counter()
        STEPS[step](state)
        state.seconds[step] = time.perf_counter() - start

    if len(group) == 1:
        timed(group[0])
        return
    native.side_by_side([partial(timed, step) for step in group], len(group))
    # Side by side steps end in any order; the report keeps the flow's.
    for step in group:
        state.seconds[step] = state.seconds.pop(step)
