"""The Tcl by which Vivado makes a bitstream, in batch mode and without a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from levada.emit import shell, sv
from levada.templates import environment

#: The script for the whole, the folder of the sources, and the clock of a layer by itself.
BUILD, SOURCES, LAYER_CLOCK = "build.tcl", "rtl", "layer.xdc"
UTILIZATION, HIERARCHY, TIMING, POWER = (
    f"{name}.rpt" for name in ("utilization", "hierarchy", "timing", "power")
)
_ROUTED = "routed.dcp"
#: What the script for the whole leaves behind.
RESULTS = (UTILIZATION, HIERARCHY, TIMING, POWER, _ROUTED, shell.BITSTREAM)


@dataclass(frozen=True)
class Job:
    """What all scripts of a design have in common: its name, the chip, the clock that there will be.

    `releases`: the first release of Vivado that will do, and the first that will not.
    """

    name: str
    part: str
    clock_mhz: float
    releases: tuple[str, str]


def build(job: Job, sources: Sequence[str], checkpoints: Mapping[str, str]) -> str:
    """The script for the whole: from sources, in the order in which they are read, to the bitstream.

    `checkpoints` are files with layers that were synthesized by themselves, by the path of their cell.
    """
    return _rendered(
        "build",
        job,
        sources=sources,
        checkpoints=checkpoints,
        top=shell.TOP,
        bitstream=shell.BITSTREAM,
        utilization=UTILIZATION,
        hierarchy=HIERARCHY,
        timing=TIMING,
        power=POWER,
        routed=_ROUTED,
    )


def layer(job: Job, name: str, files: Sequence[str], checkpoint: str) -> str:
    """The script that synthesizes a layer by itself."""
    sources = sv.compile_list(files)
    return _rendered("layer", job, layer=name, sources=sources, clock=LAYER_CLOCK, checkpoint=checkpoint)


def layer_clock(job: Job) -> str:
    """The constraint under which layers are synthesized by themselves."""
    return _rendered("clock", job)


def _rendered(kind: str, job: Job, **values: object) -> str:
    templates = environment(Path(__file__).parent)
    suffix = "xdc" if kind == "clock" else "tcl"
    return templates.get_template(f"{kind}.{suffix}.j2").render(job=job, folder=SOURCES, **values)
