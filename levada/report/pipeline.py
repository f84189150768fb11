"""The picture of the pipeline: a box for each layer, left to right, wrapping into rows."""

from __future__ import annotations

from markupsafe import Markup

from levada.report.schema import LayerReport, Report
from levada.report.svg import element, path, picture, text
from levada.report.text import THIN, cost, grouped, lanes, shortened

_COLUMNS = 5
_WIDTH, _HEIGHT = 184, 116
_GAP_X, _GAP_Y = 44, 46
# Letters of a name that fit into a line of a box.
_LETTERS = 20
# Room left and right of the boxes for the line from the end of a row to the start of the next.
_MARGIN = 18


def pipeline(report: Report) -> Markup:
    """All layers with their folding, cycles and cost, joined by the streams between them."""
    layers = report.layers
    columns = min(_COLUMNS, max(1, len(layers)))
    rows = -(-len(layers) // columns)
    width = 2 * _MARGIN + columns * (_WIDTH + _GAP_X) - _GAP_X
    height = rows * (_HEIGHT + _GAP_Y) - _GAP_Y // 2
    slowest = max([layer.cycles for layer in layers], default=0)
    children: list[Markup] = []
    for index, layer in enumerate(layers):
        x, y = _place(index)
        before = layers[index - 1] if index else None
        if before is not None and (layer.reads is None or before.name in layer.reads):
            children.append(_stream(index, before.fifo_depth))
        others = [name for name in layer.reads or () if before is None or name != before.name]
        if others:
            children.append(_label(x, y + _HEIGHT + 12, "reads " + ", ".join(others)))
        bottleneck = layer.name == report.cycles.bottleneck
        children.append(_box(layer, x, y, layer.cycles / max(1, slowest), bottleneck))
    description = f"{len(layers)} layers in the order of the data, the slowest is {report.cycles.bottleneck}."
    box = f"0 0 {width} {height}"
    return picture(
        "pipeline", "Pipeline of layers", description, *children, viewBox=box, width=width, height=height
    )


def _place(index: int) -> tuple[int, int]:
    row, column = divmod(index, _COLUMNS)
    return _MARGIN + column * (_WIDTH + _GAP_X), 4 + row * (_HEIGHT + _GAP_Y)


def _label(x: int, y: int, content: str) -> Markup:
    return element("g", element("title", content), text(shortened(content, 26), x, y, "muted"))


def _box(layer: LayerReport, x: int, y: int, load: float, bottleneck: bool) -> Markup:
    counts, mark = cost(layer)
    memory = "" if layer.memory == "none" else f" · {layer.memory} memory"
    block = f" · {mark}{grouped(counts.bram18, THIN)}{THIN}BRAM" if counts.bram18 else ""
    slices = f" · {mark}{grouped(counts.dsp, THIN)}{THIN}DSP" if counts.dsp else ""
    lines = [
        *((part, "name") for part in _name(layer.name)),
        (f"{layer.kind}{memory}", "muted"),
        (lanes(layer), ""),
        (f"{grouped(layer.cycles, THIN)} cycles", "hot" if bottleneck else ""),
        (f"{mark}{grouped(counts.lut, THIN)}{THIN}LUT{block}{slices}", ""),
    ]
    inner, bar, hot = _WIDTH - 20, _HEIGHT - 11, " hot" if bottleneck else ""
    # A nested svg clips whatever a name with wide letters would draw outside of its box.
    return element(
        "svg",
        element("title", f"{layer.name} ({layer.kind}), {lanes(layer)}"),
        element("rect", x=1, y=1, width=_WIDTH - 2, height=_HEIGHT - 2, rx=7, class_=f"box{hot}"),
        *(text(line, 10, 19 + 16 * n, style) for n, (line, style) in enumerate(lines)),
        element("rect", x=10, y=bar, width=inner, height=4, rx=2, class_="track"),
        element("rect", x=10, y=bar, width=load * inner, height=4, rx=2, class_=f"bar{hot}"),
        x=x,
        y=y,
        width=_WIDTH,
        height=_HEIGHT,
    )


def _name(name: str) -> list[str]:
    if len(name) <= _LETTERS:
        return [name]
    cut = max(name.rfind(mark, _LETTERS // 2, _LETTERS) for mark in "._/-:") + 1 or _LETTERS
    return [name[:cut], shortened(name[cut:], _LETTERS)]


def _stream(index: int, depth: int) -> Markup:
    x, y = _place(index)
    middle = y + _HEIGHT // 2
    label = grouped(depth, THIN) if depth else ""
    head = path(f"M{x - 7} {middle - 4}L{x} {middle}L{x - 7} {middle + 4}Z", "head")
    if index % _COLUMNS:
        line = path(f"M{x - _GAP_X} {middle}H{x - 6}", "stream")
        return element(
            "g", line, head, text(label, x - _GAP_X / 2, middle - 6, "tiny muted", text_anchor="middle")
        )
    last, above = _place(index - 1)
    gutter = y - 17
    line = path(
        f"M{last + _WIDTH} {above + _HEIGHT // 2}h{_MARGIN - 5}V{gutter}H5V{middle}H{x - 6}",
        "stream",
    )
    return element("g", line, head, text(label, x, gutter - 4, "tiny muted"))
