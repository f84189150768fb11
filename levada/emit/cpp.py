"""The generated HLS C++: constant tables and the top function that joins the library's templates."""

from __future__ import annotations

from collections.abc import Mapping

from levada_driver.datatype import IntType
from levada_driver.packing import Stream

from levada import content
from levada.emit.literals import cpp_array, cpp_type
from levada.emit.sv import border
from levada.graph import Graph, Node


def sources(graph: Graph) -> dict[str, str]:
    """Every file of the C++ design by name: `accelerator.cpp`, `accelerator.hpp`, the library's headers."""
    used = sorted({node.layer.cpp(node.folding).function for node in graph.nodes})
    root = content.root("hls")
    files = {f"{name}.hpp": next(root.glob(f"*/{name}.hpp")).read_text() for name in used}
    files |= {path.name: path.read_text() for path in sorted((root / "common").glob("*.hpp"))}
    files["accelerator.hpp"] = _header(graph, used)
    files["accelerator.cpp"] = _top(graph)
    return files


def _beat(stream: Stream) -> str:
    return f"levada::vec<{cpp_type(stream.dtype)}, {stream.elements}>"


def _signature(graph: Graph) -> str:
    streams = [f"hls::stream<{_beat(graph.stream(name))}>& {port}" for port, name in border(graph).items()]
    return f"void accelerator({', '.join(streams)})"


def _header(graph: Graph, used: list[str]) -> str:
    return "\n".join(
        [
            f"// levada: accelerator for {graph.name}, one frame a call.",
            "#pragma once",
            "",
            *(f'#include "{name}.hpp"' for name in used),
            "",
            f"{_signature(graph)};",
            "",
        ]
    )


def _top(graph: Graph) -> str:
    lines = [
        f"// levada: accelerator for {graph.name}, {len(graph.nodes)} layers.",
        '#include "accelerator.hpp"',
        "",
    ]
    for node in graph.nodes:
        lines += _constants(node)
    lines += ["", f"{_signature(graph)} {{"]
    ports = {name: port for port, name in border(graph).items()}
    for port in ports.values():
        lines.append(f"#pragma HLS interface axis port = {port}")
        lines.append(f"#pragma HLS aggregate variable = {port} compact = bit")
    lines += ["#pragma HLS interface ap_ctrl_none port = return", "#pragma HLS dataflow"]
    for name in (name for node in graph.nodes for name in node.outputs if name not in ports):
        lines.append(f'  hls::stream<{_beat(graph.stream(name))}> {name}("{name}");')
    for node in graph.nodes:
        lines += _call(node, ports)
    return "\n".join([*lines, "}", ""])


def _constants(node: Node) -> list[str]:
    lines = []
    for key, (values, dtype) in node.layer.cpp(node.folding).constants.items():
        shape = "".join(f"[{n}]" for n in values.shape)
        lines.append(f"static const levada::rom_t<{cpp_type(dtype)}> {node.name}_{key}{shape} =")
        lines.append(f"{cpp_array(values)};")
    return lines


def _argument(value: int | IntType) -> str:
    return cpp_type(value) if isinstance(value, IntType) else str(value)


def _call(node: Node, ports: Mapping[str, str]) -> list[str]:
    instance = node.layer.cpp(node.folding)
    template = ", ".join(_argument(value) for value in instance.template)
    streams = [ports.get(name, name) for name in (*node.inputs, *node.outputs)]
    constants = [f"{node.name}_{key}" for key in instance.constants]
    return [
        f"  // {node.name}: {node.layer.kind}, PE={node.folding.pe} SIMD={node.folding.simd}",
        f"  levada::{instance.function}<{template}>({', '.join(streams + constants)});",
    ]
