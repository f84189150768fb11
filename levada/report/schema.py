"""What report.json holds. Every number says its unit here; null means "not measured", never zero."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from levada.layer import Memory, Places, Resources

SCHEMA_VERSION: Literal[1] = 1

LevelName = Literal["qonnx", "streamlined", "graph", "cppsim", "rtlsim", "driver"]
#: The levels in the order in which each is compared with the one before it; qonnx with torch itself.
LEVELS: tuple[LevelName, ...] = get_args(LevelName)
#: The fields of `Resources`, in the order in which reports show them.
RESOURCES: tuple[str, ...] = tuple(field.name for field in fields(Resources))


def _complete(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    # The dataclass would read a missing count as 0 and pass over a misspelt one.
    if isinstance(value, dict) and set(value) != set(RESOURCES):
        raise ValueError(f"needs exactly {', '.join(RESOURCES)}")
    return value


def _not_negative(value: Resources) -> Resources:
    if min(getattr(value, name) for name in RESOURCES) < 0:
        raise ValueError("a count is negative")
    return value


Usage = Annotated[Resources, BeforeValidator(_complete), AfterValidator(_not_negative)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Level(_Model):
    """How one level of the network compares with the level before it."""

    samples: NonNegativeInt
    """Frames compared."""
    mismatches: NonNegativeInt
    """Frames that differ. Anything but 0 is a failed check."""
    ties: NonNegativeInt = 0
    """Frames in which a value lies on a tie, so that either result is right; not counted as mismatches."""


class Cycles(_Model):
    """The steady-state frame interval: clock cycles from the end of one frame to the end of the next."""

    predicted: PositiveInt
    """By the cost model, in cycles."""
    simulated: PositiveInt | None = None
    """Measured by simulation of the whole design, in cycles."""
    bottleneck: str
    """Name of the slowest layer."""


class LongestPath(_Model):
    """The longest path between registers of a layer, by the cells that lie on it."""

    start: str
    """The register, memory, DSP slice or input that it begins with."""
    end: str
    """What it ends in; in brackets what of a register it drives, unless that is its data."""
    lut: NonNegativeInt
    """LUTs."""
    carry: NonNegativeInt
    """Carry cells: of 4 bits each on 7-series, of 8 on UltraScale+, of 2 on ECP5."""
    mux: NonNegativeInt
    """Multiplexers between LUTs."""
    memory: NonNegativeInt
    """LUTs that are read as memories."""
    dsp: NonNegativeInt
    """DSP slices whose sum goes on within the cycle."""


class LayerReport(_Model):
    """One layer of the hardware: its folding, its pace and its cost."""

    name: str
    kind: str
    pe: PositiveInt
    """Output channels processed in one cycle."""
    simd: PositiveInt
    """Input channels processed in one cycle."""
    mmv: PositiveInt = 1
    """Pixels processed at once."""
    dsp_pe: NonNegativeInt = 0
    """How many of the `pe` lanes multiply in DSP slices."""
    memory: Memory
    """Where the parameters live."""
    thresholds: Places = "lut"
    """How the thresholds are kept, if the layer has any."""
    cycles: NonNegativeInt
    """Cycles between frames when nothing makes the layer wait, by the cost model."""
    cycles_simulated: PositiveInt | None = None
    """The same by simulation of the layer alone; null where the flow leaves it out."""
    fifo_depth: NonNegativeInt = 0
    """Beats that the FIFO behind the layer holds; 0 without one."""
    reads: tuple[str, ...] | None = None
    """Names of the layers it reads from; null for the layer listed before it alone."""
    waits: str | None = None
    """Of a FIFO: what it holds, how long and what for."""
    lut: NonNegativeInt | None = None
    """LUTs by synthesis of this layer alone."""
    ff: NonNegativeInt | None = None
    """Flip-flops by synthesis of this layer alone."""
    dsp: NonNegativeInt | None = None
    """DSP slices by synthesis of this layer alone."""
    bram18: NonNegativeInt | None = None
    """Block RAMs of 18 Kbit by synthesis of this layer alone."""
    longest_path: LongestPath | None = None
    """Of the layer as synthesized alone."""
    fanout: NonNegativeInt | None = None
    """Pins that its widest net drives, clock and reset apart."""
    widest_net: str | None = None
    """The name of that net, or after "behind" of the signal that it is made of."""
    estimated: Usage
    """The same counts by the cost model."""
    routed: Usage | None = None
    """The same counts in the placed and routed design; null where it is not, or the layer is gone."""

    @property
    def synthesized(self) -> Resources | None:
        """The four counts by synthesis, if all are known."""
        if self.lut is None or self.ff is None or self.dsp is None or self.bram18 is None:
            return None
        return Resources(self.lut, self.ff, self.dsp, self.bram18)


class ResourceReport(_Model):
    """What the whole design takes, by each way of knowing it, and what it may take."""

    estimated: Usage
    """Sum of the cost model over the layers."""
    synthesized: Usage | None = None
    """Synthesis of the whole design by Yosys."""
    routed: Usage | None = None
    """After placement and routing."""
    budget: Usage
    """What the board offers, or the share of it that the user allows."""

    @property
    def known(self) -> dict[str, Resources]:
        """The counts that there are, from the roughest to the surest."""
        found = {"estimated": self.estimated, "synthesized": self.synthesized, "routed": self.routed}
        return {name: value for name, value in found.items() if value is not None}


class Implementation(_Model):
    """What the tools say of the placed and routed design, beside `ResourceReport.routed`."""

    tool: str
    """Name and version."""
    fmax_mhz: PositiveFloat | None = None
    """The fastest clock that it can have."""
    untimed: str | None = None
    """The paths that `fmax_mhz` leaves out, in words; null where it leaves out none."""
    setup_slack_ns: FiniteFloat | None = None
    """By how many nanoseconds the slowest path is faster than the clock."""
    hold_slack_ns: FiniteFloat | None = None
    """By how many nanoseconds the fastest path is slow enough."""
    pulse_slack_ns: FiniteFloat | None = None
    """By how many nanoseconds pulses of the clock are longer than they have to be."""
    power_w: NonNegativeFloat | None = None
    """Estimated power of the chip in watts, processing system included."""
    dynamic_power_w: NonNegativeFloat | None = None
    """The part of it for switching."""
    static_power_w: NonNegativeFloat | None = None
    """The part of it that an idle chip takes, too."""


class HlsLayer(_Model):
    """What Vitis HLS estimates of the hardware that it makes of a layer's C++."""

    used: Resources
    period_ns: NonNegativeFloat
    """The shortest period of the clock."""
    interval: PositiveInt | None = None
    """Cycles between frames; null where it does not say."""


class Hls(_Model):
    """The layers' C++ in Vitis HLS, where all simulations of it gave the golden integers."""

    tool: str
    """Name and release."""
    layers: dict[str, HlsLayer]


class Setting(_Model):
    """One of several networks that the design may be."""

    name: str
    weight_bits: NonNegativeInt
    """Bits of the widest weights in it."""
    accuracy: NonNegativeFloat | None = Field(default=None, le=100)
    """As `Report.accuracy`."""
    levels: dict[LevelName, Level] = Field(default_factory=dict)
    """The levels that were checked in this setting."""


class Partition(_Model):
    """How the folding was chosen."""

    objective: str
    """What was optimised, in words."""
    gap: NonNegativeFloat | None = None
    """Proven relative distance to the optimum, 0 for a proven optimum; null if nothing is proven."""
    seconds: NonNegativeFloat
    """Wall time of the search."""


class Report(_Model):
    """The result of one build."""

    schema_version: Literal[1] = SCHEMA_VERSION
    model: str
    board: str
    part: str
    clock_mhz: PositiveFloat
    """Frequency of the design's clock in MHz."""
    levels: dict[LevelName, Level] = Field(default_factory=dict)
    """The levels that were checked."""
    cycles: Cycles
    latency_cycles: PositiveInt | None = None
    """Simulated cycles from the first beat of a frame to its last result, pipeline empty before."""
    latency_predicted: PositiveInt
    """The same by the cost model."""
    fps: PositiveFloat | None = None
    """Frames per second: the clock over the simulated interval, never over an estimate."""
    macs: NonNegativeInt
    """Multiply-accumulates of one frame."""
    weight_bits: NonNegativeInt
    """Bits of trained parameters that the hardware stores."""
    accuracy: NonNegativeFloat | None = Field(default=None, le=100)
    """Percent of the whole test set classified rightly by cppsim; null without data."""
    accuracy_data: str | None = None
    """The data of `accuracy`, such as "mnist test set, 10000 images"."""
    settings: tuple[Setting, ...] = ()
    """All of them, the first with what the report says anyway; none where there is no choice."""
    layers: tuple[LayerReport, ...]
    """In topological order."""
    resources: ResourceReport
    implementation: Implementation | None = None
    """Null unless the design was placed and routed."""
    hls: Hls | None = None
    """Null unless layers went through Vitis HLS."""
    partition: Partition
    seconds: dict[str, NonNegativeFloat] = Field(default_factory=dict)
    """Wall time of each step, in the order of the build."""
    elapsed: NonNegativeFloat | None = None
    """Wall time of the whole build in seconds: less than the sum of steps that ran side by side."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Version of each tool and library the result depends on."""
    notes: tuple[str, ...] = ()
    """What the user should know, one sentence each."""
    lacks: str | None = None
    """What is not made for want of a tool, and how it can be; null where nothing lacks."""

    @field_validator("levels")
    @classmethod
    def _in_order(cls, levels: dict[LevelName, Level]) -> dict[LevelName, Level]:
        return {name: levels[name] for name in LEVELS if name in levels}

    @model_validator(mode="after")
    def _fps_is_measured(self) -> Report:
        if self.fps is not None and self.cycles.simulated is None:
            raise ValueError("fps without cycles.simulated: an estimate is no frame rate")
        return self

    @property
    def latency_us(self) -> float | None:
        """Simulated latency of one frame in microseconds."""
        return None if self.latency_cycles is None else self.latency_cycles / self.clock_mhz

    @property
    def failed(self) -> tuple[LevelName, ...]:
        """The levels with mismatches."""
        return tuple(name for name, level in self.levels.items() if level.mismatches)

    @property
    def checked(self) -> tuple[LevelName, ...]:
        """The levels at which anything was compared."""
        return tuple(name for name, level in self.levels.items() if level.samples)

    @property
    def total_seconds(self) -> float:
        """Wall time of the build, or of all steps together where that is all that is known."""
        return sum(self.seconds.values()) if self.elapsed is None else self.elapsed
