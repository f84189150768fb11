"""The generated SystemVerilog: one top level that joins the library's modules, and their memory images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from levada_driver.packing import Stream

from levada import content
from levada.emit import sums
from levada.emit.literals import sv_bits
from levada.graph import Graph, Node
from levada.layer import Bits, Layer, Rom, SvInstance

TOP = "accelerator"
_SIGNALS = ("tdata", "tvalid", "tready")
#: Parameters of modules with a PLACE that can be written there.
WRITTEN = frozenset({"WEIGHTS", "THRESHOLDS"})
# The bus of param_pkg.sv. Netlists of layers are joined without the package.
_PARAM = "    input  logic [64:0] param,"


def sources(graph: Graph) -> dict[str, str]:
    """Every file of the design by name: the top level, a module a layer, memory images, library modules."""
    files = {f"{TOP}.sv": top_level(graph)}
    for node in graph.nodes:
        files |= layer_sources(node)
    return files


def layer_sources(node: Node) -> dict[str, str]:
    """The files of one layer by name: its own module, memory images and the library modules it needs."""
    instance = node.layer.sv(node.folding)
    files = {f"{node.name}.sv": layer_module(node)}
    for key, value in instance.params.items():
        if isinstance(value, Rom):
            files[_rom_file(node, key)] = rom_text(value)
    if instance.sums is not None:
        files[f"{node.name}_sums.sv"] = sums.module(f"{node.name}_sums", instance.sums)
    return files | library_sources({instance.module})


def layer_form(node: Node) -> dict[str, str]:
    """`layer_sources` of the layer itself, without what can be written while the design runs."""
    files = layer_sources(node)
    instance = node.layer.sv(node.folding)
    if not instance.place:
        return files
    for key in WRITTEN & instance.params.keys():
        files.pop(_rom_file(node, key), None)
    fixed = {key: value for key, value in instance.params.items() if key not in WRITTEN}
    return files | {f"{node.name}.sv": _layer_module(node, replace(instance, params=fixed))}


def library_sources(modules: set[str]) -> dict[str, str]:
    """Library modules with all that they instantiate and include, by name of the file."""
    files = {f"{name}.sv": _library()[name].read_text() for name in compile_order(modules)}
    headers = sorted((content.root("hls") / "common").glob("*.svh"))
    return files | {header.name: header.read_text() for header in headers}


def compile_list(files: Iterable[str]) -> list[str]:
    """The .sv files among `files` in an order in which every tool can read them: packages first."""
    modules = {name.removesuffix(".sv") for name in files if name.endswith(".sv")}
    library = compile_order(modules & _library().keys())
    layers = sorted(modules - set(library) - {TOP})
    return [f"{name}.sv" for name in [*library, *layers, *([TOP] if TOP in modules else [])]]


@cache
def _library() -> dict[str, Path]:
    """Every module of hls/ by name: a file holds the one module (or package) it is called after."""
    return {path.stem: path for path in sorted(content.root("hls").rglob("*.sv"))}


def compile_order(names: set[str]) -> list[str]:
    """The modules and all they instantiate, packages and inner modules before those that use them."""
    order: list[str] = []

    def visit(name: str, inside: tuple[str, ...]) -> None:
        if name in order or name in inside:
            return
        for used in sorted(_used_by(name)):
            visit(used, (*inside, name))
        order.append(name)

    for name in sorted(names):
        visit(name, ())
    return order


@cache
def _used_by(name: str) -> frozenset[str]:
    return frozenset(library_modules(_library()[name].read_text()) - {name})


def library_modules(text: str) -> set[str]:
    """The library's modules and packages that a text instantiates or names."""
    code = re.sub(r"//[^\n]*", "", text)
    instances = set(re.findall(r"^\s*(\w+)\s+#\(|\b(\w+)\s+u_\w+\s*\(", code, re.MULTILINE))
    words = {word for pair in instances for word in pair} | set(re.findall(r"\b(\w+)::", code))
    return words & _library().keys()


def rom_text(rom: Rom) -> str:
    """A $readmemh file: one row a line, most significant digit first."""
    digits = -(-rom.width // 4)
    return "".join(f"{row:0{digits}x}\n" for row in rom.rows)


def _rom_file(node: Node, param: str) -> str:
    return f"{node.name}_{param.lower()}.hex"


def _value(node: Node, key: str, value: int | Bits | Rom) -> str:
    if isinstance(value, Rom):
        return f'"{_rom_file(node, key)}"'
    return sv_bits(value) if isinstance(value, Bits) else str(value)


def top_level(graph: Graph) -> str:
    """The module `accelerator`: AXI-Stream in and out, padded to bytes, and a probe of every stream.

    Bit i of `probe_valid` and `probe_ready` is the handshake of the i-th stream in `probes`.
    """
    names = probes(graph)
    lines = [
        f"// levada: accelerator for {graph.name}, {len(graph.nodes)} layers in a pipeline.",
        *(f"//   probe {i}: {name}" for i, name in enumerate(names)),
        f"module {TOP} (",
        "    input  logic clk,",
        "    input  logic rst_n,",
        *([_PARAM] if listens(graph) else []),
    ]
    for port, name in border(graph).items():
        width = 8 * graph.stream(name).beat_bytes
        given, taken = ("input ", "output") if name in graph.inputs else ("output", "input ")
        lines += [
            f"    {given} logic [{width - 1}:0] {port}_tdata,",
            f"    {given} logic {port}_tvalid,",
            f"    {taken} logic {port}_tready,",
        ]
    lines += [
        f"    output logic [{len(names) - 1}:0] probe_valid,",
        f"    output logic [{len(names) - 1}:0] probe_ready",
        ");",
        "",
    ]
    for name in names:
        stream = graph.stream(name)
        lines += [
            f"  // {name}: {stream.elements} x {stream.dtype.name}, {stream.beats} beats a frame",
            f"  logic [{stream.bits - 1}:0] {name}_tdata;",
            f"  logic {name}_tvalid, {name}_tready;",
        ]
    lines.append("")
    for port, name in border(graph).items():
        lines += _border_assigns(port, name, graph)
    lines += [
        f"  assign probe_valid = {{{', '.join(f'{n}_tvalid' for n in reversed(names))}}};",
        f"  assign probe_ready = {{{', '.join(f'{n}_tready' for n in reversed(names))}}};",
    ]
    for node in graph.nodes:
        lines += ["", *_instance(node)]
    return "\n".join([*lines, "", "endmodule", ""])


def writable(graph: Graph) -> list[Node]:
    """The layers whose parameters can be written."""
    return [node for node in graph.nodes if node.layer.place]


def listens(graph: Graph) -> bool:
    """Whether anything is written through the bus of param_pkg.sv: parameters, or the setting."""
    return any(_listens(node.layer) for node in graph.nodes)


def _listens(part: Layer | SvInstance) -> bool:
    return bool(part.place) or part.settings > 1


def _border_assigns(port: str, name: str, graph: Graph) -> list[str]:
    stream = graph.stream(name)
    if name in graph.inputs:
        return [
            f"  assign {name}_tdata = {port}_tdata[{stream.bits - 1}:0];",
            f"  assign {name}_tvalid = {port}_tvalid;",
            f"  assign {port}_tready = {name}_tready;",
        ]
    return [
        f"  assign {port}_tdata = {8 * stream.beat_bytes}'({name}_tdata);",
        f"  assign {port}_tvalid = {name}_tvalid;",
        f"  assign {name}_tready = {port}_tready;",
    ]


def border(graph: Graph) -> dict[str, str]:
    """Port prefix to tensor: s_axis, s_axis1, ... for the inputs, m_axis, ... for the outputs."""
    return {
        _port(prefix, index): name
        for prefix, tensors in (("s_axis", graph.inputs), ("m_axis", graph.outputs))
        for index, name in enumerate(tensors)
    }


def _port(prefix: str, index: int) -> str:
    return prefix if index == 0 else f"{prefix}{index}"


def probes(graph: Graph) -> list[str]:
    """The streams in the order of the probe's bits: the inputs, then every node's outputs."""
    return [*graph.inputs, *(name for node in graph.nodes for name in node.outputs)]


def layer_module(node: Node) -> str:
    """The module called after a node: the library's module with the node's parameters and its ports."""
    return _layer_module(node, node.layer.sv(node.folding))


def layer_stub(node: Node) -> str:
    """The ports of a layer's module alone, for synthesis that gets what is inside from elsewhere."""
    head = _layer_head(node, node.layer.sv(node.folding))
    return "\n".join(["(* black_box *)", *head, "endmodule", ""])


def _layer_module(node: Node, instance: SvInstance) -> str:
    streams = [*_ports("s_axis", node.streams[0]), *_ports("m_axis", node.streams[1])]
    params = [f"      .{key}({_value(node, key, value)})" for key, value in instance.params.items()]
    signals = [f"{port}_{signal}" for port in streams for signal in _SIGNALS]
    param = [] if instance.place is None else ["param" if _listens(instance) else "param('0)"]
    lines = [*_layer_head(node, instance), "", *_sums_instance(node, instance)]
    lines += [f"  {instance.module} #(", ",\n".join(params), "  ) u_layer ("]
    signals = ["clk", "rst_n", *param, *signals, *([] if instance.sums is None else ["operands", "sums"])]
    lines.append(",\n".join(f"      .{name}" for name in signals))
    return "\n".join([*lines, "  );", "", "endmodule", ""])


def _layer_head(node: Node, instance: SvInstance) -> list[str]:
    """The lines of a layer's module up to the end of its ports."""
    folding = node.folding
    streams = [*_ports("s_axis", node.streams[0]).items(), *_ports("m_axis", node.streams[1]).items()]
    layout = f"PE={folding.pe} SIMD={folding.simd} MMV={folding.mmv}"
    lines = [
        f"// levada: {node.name}, {node.layer.kind} with {layout}.",
        *(f"//   {port}: {s.elements} x {s.dtype.name}, {s.beats} beats a frame" for port, s in streams),
        f"module {node.name} (",
        "    input  logic clk,",
        "    input  logic rst_n,",
        *([_PARAM] if _listens(instance) else []),
    ]
    ports = []
    for port, stream in streams:
        given, taken = ("input ", "output") if port.startswith("s_") else ("output", "input ")
        ports += [
            f"    {given} logic [{stream.bits - 1}:0] {port}_tdata",
            f"    {given} logic {port}_tvalid",
            f"    {taken} logic {port}_tready",
        ]
    return [*lines, ",\n".join(ports), ");"]


def _sums_instance(node: Node, instance: SvInstance) -> list[str]:
    """The module of the layer's own sums, if it has one, and the signals between the two."""
    if instance.sums is None:
        return []
    return [
        f"  logic [{instance.sums.operand_bits - 1}:0] operands;",
        f"  logic [{instance.sums.sum_bits - 1}:0] sums;",
        f"  {node.name}_sums u_sums (",
        "      .clk,",
        "      .operands,",
        "      .sums",
        "  );",
        "",
    ]


def _ports(prefix: str, streams: tuple[Stream, ...]) -> dict[str, Stream]:
    return {_port(prefix, index): stream for index, stream in enumerate(streams)}


def _instance(node: Node) -> list[str]:
    param = {"param": "param"} if _listens(node.layer) else {}
    ports = {"clk": "clk", "rst_n": "rst_n", **param, **_connections(node)}
    return [
        f"  {node.name} u_{node.name} (",
        ",\n".join(f"      .{port}({signal})" for port, signal in ports.items()),
        "  );",
    ]


def _connections(node: Node) -> Mapping[str, str]:
    """Ports to signals; a second stream of a direction has its number behind `s_axis`, `m_axis`."""
    found: dict[str, str] = {}
    for prefix, names in (("s_axis", node.inputs), ("m_axis", node.outputs)):
        for index, name in enumerate(names):
            for signal in _SIGNALS:
                found[f"{_port(prefix, index)}_{signal}"] = f"{name}_{signal}"
    return found
