"""The one generated header of the simulators: what a design has for ports and probes."""

from __future__ import annotations

from levada.emit.literals import cpp_type
from levada.emit.sv import border, probes
from levada.graph import Graph


def ports_header(graph: Graph) -> str:
    """The text of `ports.hpp`.

    Macros LEVADA_INPUTS(X) and LEVADA_OUTPUTS(X) of X(port, type, bits, elements, beats), LEVADA_PORTS with
    the arguments of the top function, LEVADA_SETTINGS where there are several, and the names of the probes.
    """
    lines = [f"// levada: ports of the accelerator for {graph.name}.", "#pragma once"]
    for macro, tensors in (("INPUTS", graph.inputs), ("OUTPUTS", graph.outputs)):
        entries = []
        for port, name in border(graph).items():
            if name in tensors:
                stream = graph.stream(name)
                kind = cpp_type(stream.dtype)
                entries.append(f"X({port}, {kind}, {stream.dtype.bits}, {stream.elements}, {stream.beats})")
        lines.append(f"#define LEVADA_{macro}(X) {' '.join(entries)}")
    several = graph.settings > 1
    lines.append(f"#define LEVADA_PORTS {', '.join([*border(graph), *(['setting'] if several else [])])}")
    if several:
        lines.append(f"#define LEVADA_SETTINGS {graph.settings}")
    names = probes(graph)
    lines.append(f"#define LEVADA_PROBES {len(names)}")
    quoted = ", ".join(f'"{ends(name, graph)}"' for name in names)
    lines.append(f"static const char* const levada_probe_names[] = {{{quoted}}};")
    return "\n".join([*lines, ""])


def ends(tensor: str, graph: Graph) -> str:
    """A stream with the layers that it joins, for messages."""
    produced, consumed = graph.producer(tensor), graph.consumer(tensor)
    source = produced[0].name if produced else "input"
    return f"{tensor} ({source} -> {consumed[0].name if consumed else 'output'})"


def memory_ports_header(graph: Graph, ports: tuple[int, ...]) -> str:
    """The text of the `ports.hpp` of a whole chip with so many memory ports for each of its streams.

    Macros LEVADA_READ_PORTS(X) and LEVADA_WRITE_PORTS(X) of X(number of the memory port).
    """
    lines = [f"// levada: memory ports of the chip for {graph.name}.", "#pragma once"]
    inputs = len(graph.inputs)
    for macro, count in (("READ", sum(ports[:inputs])), ("WRITE", sum(ports[inputs:]))):
        numbers = " ".join(f"X({number})" for number in range(count))
        lines.append(f"#define LEVADA_{macro}_PORTS(X) {numbers}")
    return "\n".join([*lines, ""])


def serial_line_header(divisor: int) -> str:
    """The text of the `ports.hpp` of a chip at the end of a serial line, whose bits last `divisor` cycles."""
    return f"// levada: the serial line of a chip.\n#pragma once\n#define LEVADA_DIVISOR {divisor}\n"
