"""One netlist of a whole design, shell included: the script for Yosys, and the clock for who reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from levada.emit import shell
from levada.templates import environment

#: The script for Yosys, the netlist that it leaves behind, the folder of the sources, and the clock.
SCRIPT, NETLIST, SOURCES, CLOCK = "synth.ys", "design.json", "rtl", "clock.xdc"


def script(name: str, primitives: str, synthesis: str, sources: Sequence[str], layers: Iterable[str]) -> str:
    """The script that maps the design `name`.

    `primitives` is the command that declares a chip's primitives, `synthesis` the one that maps the top to
    them; `sources` are in the order in which they are read, `layers` the modules to be mapped by themselves.
    """
    commands = {"primitives": primitives, "synthesis": synthesis}
    return _rendered(f"{SCRIPT}.j2", name=name, sources=sources, layers=layers, **commands)


def clock(name: str, clock_mhz: float) -> str:
    """The constraint on the clock, as nextpnr-xilinx reads it: on a net, since it knows no pins."""
    return _rendered(f"{CLOCK}.j2", name=name, clock_mhz=clock_mhz)


def _rendered(template: str, **values: object) -> str:
    templates = environment(Path(__file__).parent)
    return templates.get_template(template).render(
        values | {"top": shell.TOP, "folder": SOURCES, "netlist": NETLIST}
    )
