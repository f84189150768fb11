"""The netlist that Yosys makes of a design, simulated over the vendor's primitives."""

from __future__ import annotations

from pathlib import Path

from levada.emit import sv
from levada.sim.rtlsim import RtlSim
from levada.synth import yosys


def primitives() -> str:
    """Simulation models of the 7-series primitives, as Yosys ships them."""
    import pyosys

    return (Path(pyosys.__file__).parent / "share" / "xilinx" / "cells_sim.v").read_text()


class NetlistSim(RtlSim):
    """An RtlSim whose top level is the mapped netlist instead of the generated source."""

    @staticmethod
    def sources(graph):
        return {f"{sv.TOP}.sv": yosys.netlist(graph), "cells_sim.sv": primitives()}
