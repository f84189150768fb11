"""Numbers and names as both renderings of a report write them."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from levada.layer import Resources
from levada.report.schema import (
    LEVELS,
    RESOURCES,
    Hls,
    Implementation,
    LayerReport,
    LevelName,
    LongestPath,
    Report,
)

AnyReport = TypeVar("AnyReport", bound=BaseModel)

#: Resource fields as people call them.
LABELS = dict(zip(RESOURCES, ("LUT", "FF", "DSP", "BRAM18"), strict=True))

#: Fields of a LongestPath that count cells, as people call these.
CELLS = {"lut": "LUT", "memory": "LUT RAM", "carry": "carry", "mux": "mux", "dsp": "DSP"}

#: What is compared at each level.
LEVEL_TEXT: dict[LevelName, str] = {
    "qonnx": "the QONNX network",
    "streamlined": "the network after streamlining to integers",
    "graph": "the dataflow graph, layer by layer",
    "cppsim": "simulation of the HLS C++",
    "rtlsim": "simulation of the SystemVerilog",
    "driver": "the driver's packing around the design",
}

#: Between the digits of long numbers on the page.
THIN = "\N{NARROW NO-BREAK SPACE}"
_TIMES = " \N{MULTIPLICATION SIGN} "

# Control characters and non-characters: HTML forbids them and a terminal would obey them.
_FORBIDDEN = dict.fromkeys(
    [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFFFE, 0xFFFF], "\N{REPLACEMENT CHARACTER}"
)


def printable(report: AnyReport) -> AnyReport:
    """The report with every control character in it replaced."""
    return type(report).model_validate(_printable(report.model_dump()))


def _printable(value: Any) -> Any:  # noqa: ANN401 - what a dumped model is made of
    if isinstance(value, str):
        return value.translate(_FORBIDDEN)
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_printable(item) for item in value)
    return value


def shortened(text: str, length: int) -> str:
    """At most `length` characters: the ends of names tell layers apart, so the middle goes."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def grouped(value: float, separator: str) -> str:
    """A number in groups of three digits, with decimals only where they say something."""
    digits = 0 if isinstance(value, int) or value >= 1000 else 1 if value >= 100 else 2
    return f"{value:,.{digits}f}".replace(",", separator)


def duration(seconds: float) -> str:
    """A wall time, from milliseconds to hours."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def share(used: int, available: int) -> float | None:
    """Fraction of a budget; None where something is used of nothing."""
    if available:
        return used / available
    return None if used else 0.0


def percent(fraction: float | None) -> str:
    """A fraction in percent; "over" if it has no finite value."""
    if fraction is None:
        return "over"
    # Rounding must not hide that a design is over its budget.
    digits = 1 if fraction <= 1 or round(fraction * 100, 1) > 100 else 3
    return f"{fraction * 100:.{digits}f} %"


def over(fraction: float | None) -> bool:
    """Whether a fraction of a budget is more than all of it."""
    return fraction is None or fraction > 1


def _lanes(layer: LayerReport) -> dict[str, int]:
    return {"PE": layer.pe, "SIMD": layer.simd, **({"MMV": layer.mmv} if layer.mmv > 1 else {})}


def lanes(layer: LayerReport) -> str:
    """PE and SIMD and, where it is not 1, MMV, each with its name, as a product."""
    return _TIMES.join(f"{name} {value}" for name, value in _lanes(layer).items())


def folding(layer: LayerReport) -> str:
    """The same product without the names."""
    return _TIMES.join(str(value) for value in _lanes(layer).values())


def cost(layer: LayerReport) -> tuple[Resources, str]:
    """The surest counts of a layer, and "~" before them if they are estimated."""
    found = layer.synthesized
    return (layer.estimated, "~") if found is None else (found, "")


def on_path(path: LongestPath) -> str:
    """What lies on a path, such as "4 LUT, 2 carry"."""
    counts = {name: getattr(path, name) for name in CELLS}
    return ", ".join(f"{count} {CELLS[name]}" for name, count in counts.items() if count) or "a wire"


def deepest(report: Report) -> list[LayerReport]:
    """The layers whose longest paths are known, from the most LUTs in a row to the fewest."""
    known = [(layer.longest_path, layer) for layer in report.layers]
    paths = [(path.lut + path.memory, path.carry, layer) for path, layer in known if path is not None]
    return [layer for _, _, layer in sorted(paths, key=lambda found: found[:2], reverse=True)]


def against(report: Report, name: LevelName) -> str:
    """What a level was compared with: the checked level before it; the network's file is always there."""
    if name == LEVELS[0]:
        return "torch"
    before = [*report.levels][: [*report.levels].index(name)]
    return before[-1] if before else LEVELS[0]


def verdict(report: Report) -> str:
    """The outcome of the verification in a few words."""
    if report.failed:
        return f"mismatches at {', '.join(report.failed)}"
    return f"{len(report.checked)} of {len(LEVELS)} levels agree" if report.checked else "not verified"


def implementation(found: Implementation) -> str:
    """What is known of the placed and routed design, in a line."""
    facts = [f"up to {found.fmax_mhz:.1f} MHz" if found.fmax_mhz is not None else "for an unknown clock"]
    facts += [f"not counting {found.untimed}"] if found.untimed else []
    facts += [f"{found.power_w:g} W estimated"] if found.power_w is not None else []
    return f"placed and routed by {found.tool}: {', '.join(facts)}"


def hls(found: Hls) -> str:
    """What Vitis HLS says of the layers' C++, in a line."""
    layers = found.layers.values()
    totals = {name: sum(getattr(layer.used, key) for layer in layers) for key, name in LABELS.items()}
    counts = ", ".join(f"{total:,} {name}" for name, total in totals.items())
    slowest = max(layer.period_ns for layer in layers)
    return f"{len(found.layers)} layers through {found.tool}: {counts}, {slowest:g} ns estimated"


def optimality(gap: float | None) -> str:
    """What is proven of the folding."""
    if gap is None:
        return "nothing proven"
    return "proven optimal" if gap == 0 else f"within {gap * 100:.2g} % of the optimum"
