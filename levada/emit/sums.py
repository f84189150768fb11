"""The module of a layer's sums with constant weights: an adder graph as registers, stage after stage."""

from __future__ import annotations

from collections.abc import Iterator

from levada.adder_graph import AdderGraph, Register, Sum, Sums


def module(name: str, sums: Sums) -> str:
    """The module `name`: ports clk, operands and sums, and a vector of the graph for each of `vectors`.

    Signal n7_2 is node 7 of the graph at stage 2.
    """
    graph = sums.graph
    lines = [
        f"// levada: {name}, {len(graph.sums)} sums of {graph.inputs} inputs with constant weights:",
        f"// {len(graph.additions)} additions in {graph.latency} stages, {sums.vectors} of it side by side.",
        f"module {name} (",
        "    input  logic clk,",
        f"    input  logic [{sums.operand_bits - 1}:0] operands,",
        f"    output logic [{sums.sum_bits - 1}:0] sums",
        ");",
        "",
        f"  for (genvar v = 0; v < {sums.vectors}; v = v + 1) begin : gen_vector",
        *(f"    {line}" if line else "" for line in _vector(graph, sums.bits)),
        "  end",
        "",
        "endmodule",
        "",
    ]
    return "\n".join(lines)


def _vector(graph: AdderGraph, bits: int) -> Iterator[str]:
    """The graph for vector v."""
    size = graph.types[0].bits
    width = graph.inputs * size
    read = {node for registers in graph.pipeline[:1] for node in _operands(registers)}
    read |= {row.node for row in graph.sums if row is not None and not graph.latency}
    for node in sorted(read):
        yield f"wire [{size - 1}:0] n{node}_0 = operands[v*{width}+{node * size}+:{size}];"
    for stage, registers in enumerate(graph.pipeline, 1):
        yield ""
        for register in registers:
            yield f"logic [{graph.types[register.node].bits - 1}:0] n{register.node}_{stage};"
        yield "always_ff @(posedge clk) begin"
        for register in registers:
            yield f"  n{register.node}_{stage} <= {_value(graph, register, stage)};"
        yield "end"
    yield ""
    for at, row in enumerate(graph.sums):
        yield f"assign sums[v*{len(graph.sums) * bits}+{at * bits}+:{bits}] = {_sum(graph, row, bits)};"


def _operands(registers: tuple[Register, ...]) -> Iterator[int]:
    for register in registers:
        add = register.addition
        yield from (register.node,) if add is None else (add.a, add.b)


def _value(graph: AdderGraph, register: Register, stage: int) -> str:
    """What a register takes."""
    add = register.addition
    if add is None:
        return f"n{register.node}_{stage - 1}"
    bits = graph.types[register.node].bits
    first = _shifted(graph, add.a, stage - 1, add.shift_a, bits)
    second = _shifted(graph, add.b, stage - 1, add.shift_b, bits)
    return f"{first} {'-' if add.subtract else '+'} {second}"


def _sum(graph: AdderGraph, row: Sum | None, bits: int) -> str:
    if row is None:
        return f"{bits}'d0"
    value = _shifted(graph, row.node, graph.latency, row.shift, bits)
    return f"-({value})" if row.negative else value  # Yosys takes the sign for the cast's


def _shifted(graph: AdderGraph, node: int, stage: int, shift: int, bits: int) -> str:
    """A node times 2^shift, modulo 2^bits."""
    name = f"n{node}_{stage}"
    whole = f"{bits}'($signed({name}))" if graph.types[node].signed else f"{bits}'({name})"
    return f"({whole} << {shift})" if shift else whole
