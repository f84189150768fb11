"""The report as a summary for the terminal, from 80 columns up."""

from __future__ import annotations

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from levada.report.schema import LEVELS, RESOURCES, Report
from levada.report.text import (
    LABELS,
    against,
    cost,
    deepest,
    duration,
    folding,
    grouped,
    hls,
    implementation,
    on_path,
    optimality,
    over,
    percent,
    printable,
    share,
    shortened,
    verdict,
)

_FOLDING = "PE \N{MULTIPLICATION SIGN} SIMD"
_HEADERS = ("", "Layer", "Kind", _FOLDING, "Memory", "Cycles", "Balance", *LABELS.values(), "FIFO")
_LEFT = {"", "Layer", "Kind", _FOLDING, "Memory", "Balance"}
# Left out one by one where names of layers, up to a length, would not fit; report.html has them all.
_SPARE = ("FIFO", "FF", "Kind", "Memory")
_NAME = 24
# Layers whose depth is shown, the least letters of a name there, and what other columns take.
_DEEPEST, _SHORTEST, _DEPTH_WIDTH = 3, 10, 36


def terminal(report: Report) -> RenderableType:
    """What a build has to say on a terminal; print it with rich."""
    return _Summary(report)


class _Summary:
    def __init__(self, report: Report) -> None:
        self.report = printable(report)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _header(self.report)
        yield Text()
        yield _layers(self.report, options.max_width)
        yield Text()
        yield _budget(self.report, options.max_width)
        yield Text()
        if deepest(self.report):
            yield _depth(self.report, options.max_width)
            yield Text()
        yield _verification(self.report)
        yield from _end(self.report)


def _num(value: float) -> str:
    return grouped(value, ",")


def _header(report: Report) -> Text:
    text = Text()
    text.append(report.model, "bold")
    text.append(f" on {report.board} ({report.part}) at {report.clock_mhz:g} MHz\n")
    if report.fps is None:
        text.append("FPS not simulated", "yellow")
    else:
        text.append(f"{_num(report.fps)} FPS", "bold green")
    latency = report.latency_us
    text.append(" · latency not simulated" if latency is None else f" · latency {_num(latency)} µs")
    if report.accuracy is None:
        text.append(" · accuracy: no data")
    else:
        text.append(f" · accuracy {report.accuracy:.2f} %", "bold")
        text.append(f" ({report.accuracy_data})" if report.accuracy_data else "")
    measured = report.cycles.simulated
    text.append("\ncycles per frame: ", "dim")
    text.append("not simulated" if measured is None else f"{_num(measured)} simulated", "dim")
    text.append(f", {_num(report.cycles.predicted)} predicted", "dim")
    text.append(f"; folding for {report.partition.objective}: ", "dim")
    text.append(optimality(report.partition.gap), "dim")
    return text


def airy(space: int) -> Table:
    """A table without a frame, with so many blanks between its columns and one more."""
    # The box draws one more blank between columns.
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, space, 0, 0), show_edge=False)


def captioned(table: Table, caption: str) -> Table:
    """The table with a line below it."""
    table.caption = Text(caption, "dim")
    table.caption_justify = "left"
    return table


def _bar(fraction: float, width: int, style: str) -> Text:
    filled = min(width, max(round(fraction * width), fraction > 0))
    return Text("━" * filled, style).append("─" * (width - filled), "bright_black")


def _layers(report: Report, width: int) -> Table:
    columns = _columns(report)
    widths = {header: max(map(cell_len, [header, *map(str, cells)])) + 1 for header, cells in columns.items()}
    wanted = min(widths["Layer"], _NAME)
    for spare in _SPARE:
        if width - sum(widths.values()) + widths["Layer"] >= wanted:
            break
        del columns[spare], widths[spare]
    room = max(4, width - sum(widths.values()) + widths["Layer"] - 1)
    widths["Layer"] = min(widths["Layer"], room + 1)
    for name in columns["Layer"]:
        name.plain = shortened(name.plain, room)
    table = airy(int(width >= sum(widths.values()) + len(widths)))
    for header in columns:
        table.add_column(header, justify="left" if header in _LEFT else "right", no_wrap=True)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    estimated = any(layer.synthesized is None for layer in report.layers)
    return captioned(table, "▶ bottleneck" + ("   ~ estimated, not synthesized" if estimated else ""))


def _columns(report: Report) -> dict[str, list[Text]]:
    """The cells of the layer table by column."""
    slowest = max([layer.cycles for layer in report.layers], default=0) or 1
    columns: dict[str, list[Text]] = {header: [] for header in _HEADERS}
    for layer in report.layers:
        bottleneck = layer.name == report.cycles.bottleneck
        style = "bold yellow" if bottleneck else ""
        counts, mark = cost(layer)
        row = [
            Text("▶" if bottleneck else "", style),
            Text(layer.name, style),
            Text(layer.kind),
            Text(folding(layer)),
            Text("" if layer.memory == "none" else layer.memory),
            Text(_num(layer.cycles), style),
            _bar(layer.cycles / slowest, 10, "yellow" if bottleneck else "cyan"),
            *(Text(mark + _num(getattr(counts, name)), "dim" if mark else "") for name in RESOURCES),
            Text(_num(layer.fifo_depth) if layer.fifo_depth else ""),
        ]
        for cells, cell in zip(columns.values(), row, strict=True):
            cells.append(cell)
    return columns


def _budget(report: Report, width: int) -> Table:
    known = report.resources.known
    table = airy(1)
    table.add_column("Budget", no_wrap=True)
    table.add_column("", no_wrap=True)
    for source in known:
        table.add_column(source, justify="right", no_wrap=True)
        table.add_column("", justify="right", no_wrap=True)
    table.add_column("of", justify="right", no_wrap=True)
    for name in RESOURCES:
        available = getattr(report.resources.budget, name)
        shares = [share(getattr(counts, name), available) for counts in known.values()]
        surest = shares[-1]
        style = "red" if over(surest) else "yellow" if (surest or 0) > 0.9 else "green"
        row = [Text(LABELS[name]), _bar(1.0 if surest is None else surest, 24 if width >= 100 else 10, style)]
        for counts, fraction in zip(known.values(), shares, strict=True):
            style = "bold red" if over(fraction) else ""
            row += [Text(_num(getattr(counts, name)), style), Text(percent(fraction), style or "dim")]
        table.add_row(*row, Text(_num(available)))
    if report.resources.synthesized is None:
        return captioned(table, "not synthesized: the counts are estimates")
    return table


def _depth(report: Report, width: int) -> Table:
    """The layers with the longest paths between registers."""
    table = airy(1)
    table.add_column("Deepest logic", no_wrap=True)
    for name in ("between registers", "from", "to"):
        table.add_column(name, no_wrap=True)
    table.add_column("widest net", justify="right", no_wrap=True)
    rows = [(layer, layer.longest_path) for layer in deepest(report)[:_DEEPEST]]
    room = max(_SHORTEST, (width - _DEPTH_WIDTH) // 3)
    for layer, path in rows:
        assert path is not None
        names = [Text(shortened(name, room)) for name in (layer.name, path.start, path.end)]
        names.insert(1, Text(on_path(path)))
        table.add_row(*names, Text("" if layer.fanout is None else f"{_num(layer.fanout)} pins"))
    return captioned(table, "the longest paths of all; report.html has those of each layer")


def _verification(report: Report) -> Table:
    table = airy(2)
    table.add_column("Verification", no_wrap=True)
    table.add_column("against", no_wrap=True)
    for name in ("samples", "mismatches", "ties"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in LEVELS:
        level = report.levels.get(name)
        if level is None:
            table.add_row(Text(name, "dim"), "", "", "", "", Text("not run", "dim"))
            continue
        numbers = [_num(n) for n in (level.samples, level.mismatches, level.ties)]
        if level.mismatches:
            outcome = Text("✗ differs", "bold red")
        else:
            outcome = Text("✓ agrees", "green") if level.samples else Text("nothing compared", "yellow")
        table.add_row(Text(name), Text(against(report, name), "dim"), *numbers, outcome)
    return table


def _end(report: Report) -> RenderResult:
    yield Text()
    if report.implementation is not None:
        yield Text(implementation(report.implementation))
    if report.hls is not None:
        yield Text(hls(report.hls))
    if report.lacks is not None:
        yield Text("• ", "red").append(report.lacks, "default")
    for note in report.notes:
        yield Text("• ", "yellow").append(note, "default")
    ending = Text(verdict(report), "bold red" if report.failed else "bold")
    if report.seconds:
        ending.append(f" · built in {duration(report.total_seconds)}", "not bold dim")
    yield ending
