"""Proofs of SystemVerilog modules: a harness and its module become a circuit, and PDR proves its assertions.

Property directed reachability (`pdr` of the ABC that comes with Yosys) is induction that finds the invariants
by itself. What it proves holds in every cycle of every run, and no harness has to look into its module. Where
a property does not hold, the `sat` of Yosys shows the shortest run that breaks it.
"""

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from levada.emit import sv
from levada.errors import LevadaError
from levada.synth import yosys

HERE = Path(__file__).parent
SECONDS = 300  # a proof that takes longer has failed; most take one
OWN = "an assertion of the module itself"

# Unknown values become free ones before anything is optimized: no pass may choose one that suits it.
CIRCUIT = (
    "proc",
    "flatten",
    "check -assert",
    "memory_map -formal",
    "setundef -anyseq",
    "async2sync",
    "chformal -lower",
    "opt -full",
    "dffunmap",
)
AIGER = (
    "techmap",
    "formalff -clk2ff -ff2anyinit",
    "simplemap",
    "dffunmap",
    "delete -output",
    "setundef -anyseq",
    "opt_clean",
    "aigmap",
    "write_aiger -I -B -zinit -no-startoffset proof.aig",
)


@dataclass(frozen=True)
class Proof:
    """All assertions of a module, and of its harness `<module>_proof.sv` with these parameters."""

    module: str
    params: Mapping[str, int] = field(default_factory=dict)

    def __str__(self):
        return "-".join([self.module, *(f"{name}={value}" for name, value in self.params.items())])


class RefutedError(AssertionError):
    """A property does not hold: the names of those that break in the shortest run, and that run."""

    def __init__(self, proof, broken, table):
        super().__init__(f"{proof}: {', '.join(broken)} does not hold:\n{table}")
        self.broken = broken


def prove(proof, folder, change=("", "")):
    """Proves all properties, of the module's own text or of one that has a change: (a part of it, another).

    Raises:
        RefutedError: one does not hold.
        LevadaError: there is no answer.
    """
    files = sources(proof, *change)
    lines = [*circuit(proof, files), *AIGER, f"exec -expect-stdout Property.proved -- {pdr()}"]
    try:
        yosys.run(yosys.plan(files, lines), folder / "proof")
    except LevadaError as error:
        said = error.__cause__.log.read_text()
        frame = re.search(r"was asserted in frame (\d+)", said)
        if frame is None:
            raise
        values = shortest_run(proof, files, int(frame[1]) + 1, folder / "run")
        raise RefutedError(proof, broken(values, files), table(values)) from None


def pdr():
    """The command line that proves, or refutes, the circuit."""
    abc = Path(importlib.util.find_spec("pyosys").origin).with_name("yosys-abc")
    return f'{abc} -c "read_aiger proof.aig; fold; strash; scorr; pdr -T {SECONDS}"'


def sources(proof, old, new):
    """The files of a proof by name, and the one change made to them."""
    files = sv.library_sources({proof.module})
    if old:
        (changed,) = [name for name, text in files.items() if old in text]
        files[changed] = files[changed].replace(old, new)
    return files | {
        name: (HERE / name).read_text() for name in (f"{proof.module}_proof.sv", "stream_check.sv")
    }


def circuit(proof, files):
    """Commands from the files to one module of gates, registers and assertions."""
    top = f"{proof.module}_proof"
    params = [f"chparam -set {name} {value} {top}" for name, value in proof.params.items()]
    reads = f"read_verilog -sv -formal -defer -D LEVADA_ASSERTIONS {' '.join(sv.compile_list(files))}"
    return [reads, *params, f"hierarchy -check -top {top}", *CIRCUIT]


def shortest_run(proof, files, cycles, folder):
    """The values of every named signal in a run of at most so many cycles that breaks a property."""
    sat = f"sat -tempinduct-baseonly -maxsteps {cycles} -prove-asserts -set-assumes -show-public"
    yosys.run(yosys.plan(files, [*circuit(proof, files), sat]), folder)
    found = re.findall(r"^ +(\d+) \\(\S+) +\S+ +(\S+) +[01]+$", (folder / "yosys.log").read_text(), re.M)
    values = {}
    for cycle, name, value in found:
        if not name.endswith("clk"):
            values.setdefault(name, {})[int(cycle)] = value
    return values


def broken(values, files):
    """The properties that break in a run, between the reset in its first cycle and the cycle that notices."""
    names = {name for text in files.values() for name in re.findall(r"assert \((\w+)\)", text)}
    last = max(cycle for row in values.values() for cycle in row)
    low = {name for name, row in values.items() if "0" in [row.get(cycle) for cycle in range(2, last)]}
    return sorted(names & {name.split(".")[-1] for name in low}) or [OWN]


def table(values):
    """A run as text: a line a signal, a column a cycle, values in hexadecimal digits."""
    cycles = sorted({cycle for row in values.values() for cycle in row})
    width = max(len(name) for name in values)
    column = 1 + max(len(value) for row in values.values() for value in row.values())
    lines = [("cycle", {cycle: str(cycle) for cycle in cycles}), *sorted(values.items())]
    return "\n".join(
        name.ljust(width) + "".join(row.get(cycle, "").rjust(column) for cycle in cycles)
        for name, row in lines
    )
