"""The generated HLS C++: constant tables and the top function that joins the library's templates."""

from __future__ import annotations

from collections.abc import Mapping

from levada_driver.datatype import IntType
from levada_driver.packing import Stream

from levada import content
from levada.emit.literals import cpp_array, cpp_type
from levada.emit.sv import border
from levada.graph import Graph, Node

TOP = "accelerator"
_SETTING = "ap_uint<8> setting"


def sources(graph: Graph) -> dict[str, str]:
    """Every file of the C++ design by name: `accelerator.cpp`, `accelerator.hpp`, the library's headers."""
    return library(graph) | top(graph, TOP)


def library(graph: Graph) -> dict[str, str]:
    """The library's headers by name, as far as the graph needs them."""
    root = content.root("hls")
    files = {f"{name}.hpp": next(root.glob(f"*/{name}.hpp")).read_text() for name in _functions(graph)}
    return files | {path.name: path.read_text() for path in sorted((root / "common").glob("*.hpp"))}


def top(graph: Graph, name: str) -> dict[str, str]:
    """The top function `name` that joins the layers of a graph: its .hpp and its .cpp."""
    return {f"{name}.hpp": _header(graph, name), f"{name}.cpp": _top(graph, name)}


def _functions(graph: Graph) -> list[str]:
    return sorted({node.layer.cpp(node.folding).function for node in graph.nodes})


def _beat(stream: Stream) -> str:
    return f"levada::vec<{cpp_type(stream.dtype)}, {stream.elements}>"


def _signature(graph: Graph, name: str) -> str:
    ports = border(graph).items()
    streams = [f"hls::stream<{_beat(graph.stream(tensor))}>& {port}" for port, tensor in ports]
    setting = [_SETTING] if graph.settings > 1 else []
    return f"void {name}({', '.join(streams + setting)})"


def _header(graph: Graph, name: str) -> str:
    return "\n".join(
        [
            f"// levada: {name} for {graph.name}, one frame a call.",
            "#pragma once",
            "",
            *(f'#include "{function}.hpp"' for function in _functions(graph)),
            "",
            f"{_signature(graph, name)};",
            "",
        ]
    )


def _top(graph: Graph, name: str) -> str:
    lines = [
        f"// levada: {name} for {graph.name}, {len(graph.nodes)} layers.",
        f'#include "{name}.hpp"',
        "",
    ]
    for node in graph.nodes:
        lines += _constants(node)
    lines += ["", f"{_signature(graph, name)} {{"]
    ports = {tensor: port for port, tensor in border(graph).items()}
    for port in ports.values():
        lines.append(f"#pragma HLS interface axis port = {port}")
        lines.append(f"#pragma HLS aggregate variable = {port} compact = bit")
    if graph.settings > 1:
        lines.append("#pragma HLS interface ap_none port = setting")
    lines += ["#pragma HLS interface ap_ctrl_none port = return", "#pragma HLS dataflow"]
    for inner in (tensor for node in graph.nodes for tensor in node.outputs if tensor not in ports):
        lines.append(f'  hls::stream<{_beat(graph.stream(inner))}> {inner}("{inner}");')
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
    chosen = instance.chosen
    constants = [f"{node.name}_{key}{'[setting]' if key in chosen else ''}" for key in instance.constants]
    return [
        f"  // {node.name}: {node.layer.kind}, PE={node.folding.pe} SIMD={node.folding.simd}",
        f"  levada::{instance.function}<{template}>({', '.join(streams + constants)});",
    ]
