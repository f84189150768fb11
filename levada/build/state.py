"""What a build is asked for, and what it knows so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import IntArray

from levada.boards import Board
from levada.graph import Graph
from levada.layer import Resources
from levada.models import Model
from levada.partition import Objective, Partition
from levada.problem import Lanes
from levada.report.schema import Level
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlRun, RtlSim
from levada.streamline import InputSpec, Network
from levada.synth import vitis_hls
from levada.synth.backend import BackEnd, Outcome
from levada.synth.depth import Depth

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """A build as the user asks for it.

    `model` is a name of models/, the path of an .onnx file, or that of a .settings.toml that lists several
    (`levada.build.settings`); `data` a data set of models/ or the path of
    an .npz with `x` and `y`; `input` TYPE/D; `objective` and `lanes` what the folding is chosen for and from
    (`partition.fold`); `runtime_weights` names layers whose parameters can be written (`levada.writable`).
    `samples` frames are compared at every level, `rtl_frames` of them in RTL simulation. None: levada
    chooses. `plan_only` makes the plan of a bitstream and does not run it; `out_of_context` has
    layers synthesized by themselves.
    """

    model: str
    board: str = "pynq-z2"
    flow: str = "simulate"
    out: Path | None = None
    target_fps: float | None = None
    clock_mhz: float | None = None
    samples: int = 1000
    rtl_frames: int = 100
    data: str | None = None
    input: str | None = None
    partition: Path | None = None
    objective: Objective | None = None
    lanes: Lanes = "split"
    runtime_weights: tuple[str, ...] = ()
    plan_only: bool = False
    out_of_context: bool = False
    seed: int = 0


@dataclass
class State:
    """What the steps have found out; each step fills its own fields and reads those of earlier ones."""

    options: Options
    board: Board
    work: Path
    log: Callable[[str], None]
    name: str = ""
    model: Model | None = None
    source: Any = None  # the cleaned qonnx ModelWrapper
    spec: InputSpec | None = None
    x: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0))  # frames as the network takes them
    labels: IntArray | None = None
    data_name: str | None = None
    network: Network | None = None
    graph: Graph | None = None  # lowered, then folded, then connected
    partition: Partition | None = None
    golden: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))  # integers of the samples
    cppsim: CppSim | None = None
    rtlsim: RtlSim | None = None
    run: RtlRun | None = None
    layer_cycles: dict[str, int] = field(default_factory=dict)  # of each layer alone, by rtlsim
    accuracy: float | None = None
    levels: dict[str, Level] = field(default_factory=dict)
    synthesized: Resources | None = None
    synthesized_layers: dict[str, Resources] = field(default_factory=dict)
    depths: dict[str, Depth] = field(default_factory=dict)  # of each layer as synthesized
    back_end: BackEnd | None = None
    implemented: Outcome | None = None
    hls: vitis_hls.Outcome | None = None
    lacks: str | None = None  # what is not made for want of a tool; the build is complete otherwise
    started: float = field(default_factory=time.perf_counter)
    notes: list[str] = field(default_factory=list)
    setting: str | None = None  # the name of the network among several
    others: list[State] = field(default_factory=list)  # the other settings, as far as they have their own
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def clock_mhz(self) -> float:
        """The design's clock."""
        return self.options.clock_mhz or self.board.clock_mhz

    @property
    def actual_mhz(self) -> float:
        """The clock that the board makes of it."""
        shell = self.board.shell
        return shell.actual_mhz(self.clock_mhz) if shell is not None else self.clock_mhz

    @property
    def target_fps(self) -> float | None:
        """The rate asked for, else the model's own where cost is what counts, None for none."""
        options = self.options
        if options.target_fps is not None or self.model is None or options.objective not in (None, "cost"):
            return options.target_fps
        return self.model.target_fps

    @property
    def samples(self) -> npt.NDArray[Any]:
        """The frames that every level is compared on."""
        return self.x[: self.options.samples]

    def note(self, text: str) -> None:
        """Something the user should know; in the log now and in the report."""
        self.notes.append(text)
        self.log(text)


def required(value: T | None) -> T:
    """A field that an earlier step has filled."""
    assert value is not None, "a step ran before the one it needs"
    return value
