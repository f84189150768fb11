"""The picture of the pipeline: a box for each layer, left to right, wrapping into rows."""

from __future__ import annotations

from markupsafe import Markup

from levada.report.schema import LayerReport, Report
from levada.report.svg import element, path, picture, text
from levada.report.text import THIN, cost, folding, grouped, lanes, shortened

_COLUMNS = 6
_WIDTH, _HEIGHT = 152, 102
_GAP_X, _GAP_Y = 38, 46
# Room left and right of the boxes for the line from the end of a row to the start of the next.
_MARGIN = 18


def pipeline(report: Report) -> Markup:
    """All layers with their folding, cycles and cost, joined by the streams between them."""
    layers = report.layers
    columns = min(_COLUMNS, max(1, len(layers)))
    rows = -(-len(layers) // columns)
    width = 2 * _MARGIN + columns * (_WIDTH + _GAP_X) - _GAP_X
    height = rows * (_HEIGHT + _GAP_Y)
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
    size: dict[str, str | float] = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    return picture("pipeline", "Pipeline of layers", description, *children, **size)


def _place(index: int) -> tuple[int, int]:
    row, column = divmod(index, _COLUMNS)
    return _MARGIN + column * (_WIDTH + _GAP_X), 4 + row * (_HEIGHT + _GAP_Y)


def _label(x: int, y: int, content: str) -> Markup:
    return element("g", element("title", content), text(shortened(content, 26), x, y, "small muted"))


def _box(layer: LayerReport, x: int, y: int, load: float, bottleneck: bool) -> Markup:
    counts, mark = cost(layer)
    memory = "" if layer.memory == "none" else f" · {layer.memory} memory"
    block = f" · {mark}{grouped(counts.bram18, THIN)}{THIN}BRAM" if counts.bram18 else ""
    slices = f" · {mark}{grouped(counts.dsp, THIN)}{THIN}DSP" if counts.dsp else ""
    # A nested svg clips whatever a name with wide letters would draw outside of its box.
    return element(
        "svg",
        element("title", f"{layer.name} ({layer.kind}), {lanes(layer)} {folding(layer)}"),
        element(
            "rect",
            x=1,
            y=1,
            width=_WIDTH - 2,
            height=_HEIGHT - 2,
            rx=7,
            class_="box hot" if bottleneck else "box",
        ),
        text(shortened(layer.name, 20), 10, 19, "name"),
        text(f"{layer.kind}{memory}", 10, 35, "small muted"),
        text(f"{lanes(layer)}  {folding(layer)}", 10, 53, "small"),
        text(f"{grouped(layer.cycles, THIN)} cycles", 10, 69, "small hot" if bottleneck else "small"),
        text(f"{mark}{grouped(counts.lut, THIN)}{THIN}LUT{block}{slices}", 10, 85, "small"),
        element("rect", x=10, y=91, width=_WIDTH - 20, height=4, rx=2, class_="track"),
        element(
            "rect",
            x=10,
            y=91,
            width=load * (_WIDTH - 20),
            height=4,
            rx=2,
            class_="hot bar" if bottleneck else "bar",
        ),
        x=x,
        y=y,
        width=_WIDTH,
        height=_HEIGHT,
    )


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
