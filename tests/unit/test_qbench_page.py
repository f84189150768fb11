"""What the benchmark of methods writes: tables and plots, of its numbers alone."""

import math

import pytest
from matplotlib.figure import Figure

from tests import qbench_page as page


def entry(way="baseline", bits=(2, 2), seed=1, network="digits", **values):
    """What is kept of a cell that is done."""
    own = {"network": network, "way": way, "bits": list(bits), "seed": seed, "epochs": 4}
    done = {
        "quality": 97.5,
        "unit": "%",
        "cycles": 1780,
        "predicted_cycles": 1780,
        "fps": 50_000.0,
        "latency_cycles": 5016,
        "accuracy": 97.5,
        "levels": {"graph": [1000, 0], "rtlsim": [100, 0]},
        "lut": 4000,
        "ff": 5000,
        "dsp": 0,
        "bram18": 1,
    }
    return own | done | values


def undone(kind, why, **place):
    """What is kept of a cell that does not exist, or that failed."""
    full = entry(**place)
    return {name: full[name] for name in ("network", "way", "bits", "seed", "epochs")} | {kind: why}


def results(*cells):
    how = {"model": "any-w4a4", "fps": 50_000, "samples": 1000, "rtl_frames": 100}
    networks = dict.fromkeys((cell["network"] for cell in cells), how)
    ways = {cell["way"]: ["any"] for cell in cells}
    return {"board": "pynq-z2", "lanes": "lut", "networks": networks, "methods": ways, "cells": list(cells)}


def test_at_a_glance():
    rows = page.at_a_glance(
        [
            entry(),
            entry(bits=(4, 4), quality=99.0, lut=7103),
            undone("missing", "is for one bit", way="information_retaining"),
            undone("failed", "LevadaError: a | b", way="information_retaining", bits=(4, 4)),
        ],
        ["baseline", "saq", "information_retaining"],
    )
    assert rows == [
        "|  | 2/2 | 4/4 |",
        "|---|--:|--:|",
        "| baseline | 97.50 %, 4,000 LUT | 99.00 %, 7,103 LUT |",
        "| information retaining | - (1) | failed (2) |",
        "",
        "| note | |",
        "|--:|---|",
        "| 1 | is for one bit |",
        "| 2 | LevadaError: a \\| b |",
    ]


def test_figures_with_the_gain_over_the_baseline():
    head, sides, *rows = page.figures([entry(), entry("saq", quality=97.6, accuracy=97.6, lut=8000)])
    assert head.count("|") == sides.count("|") == rows[0].count("|")
    assert rows == [
        "| 2/2 | baseline | 1 | 97.50 % |  | 4,000 |  | 5,000 | 0 | 1 | 50,000 | exact |",
        "| 2/2 | saq | 1 | 97.60 % | +0.10 | 8,000 | 2.00 x | 5,000 | 0 | 1 | 50,000 | exact |",
    ]


def test_several_seeds_have_intervals_and_gains_by_pairs():
    """Gains of 1 and 2: t of one degree of freedom is 12.706. The third seed has no baseline."""
    cells = [entry(seed=seed, quality=90.0 + seed, accuracy=90.0 + seed) for seed in (1, 2)]
    cells += [entry("saq", seed=s, quality=90.0 + 2 * s, accuracy=90.0 + 2 * s) for s in (1, 2, 3)]
    baseline, saq = page.figures(cells)[2:]
    assert "| baseline | 2 | 91.50 ± 6.35 % |  |" in baseline
    assert "| saq | 3 | 94.00 ± 4.97 % | +1.50 ± 6.35 | 4,000 | 1.00 ± 0.00 x |" in saq


def test_a_method_without_a_baseline_has_no_gain():
    assert "| saq | 1 | 97.50 % |  | 4,000 |  |" in page.figures([entry("saq")])[2]


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, "exact"),
        ({"levels": {"graph": [1000, 0], "rtlsim": [100, 3]}}, "3 of rtlsim"),
        ({"cycles": 1781}, "1,780 cycles predicted, 1,781 simulated"),
        ({"accuracy": 97.49}, "C++ 97.49 %"),
        ({"accuracy": math.nextafter(97.5, 100)}, "exact"),
        ({"accuracy": None, "unit": "dB"}, "exact"),
    ],
)
def test_verdict(changed, shown):
    assert page.verdict([entry(**changed)]) == shown


def many():
    """Cells of two networks, in all states."""
    photographs = {"unit": "dB", "accuracy": None, "network": "espcn-x2"}
    return results(
        *(
            entry(way, (b, b), quality=95.0 + b / 2, lut=1000 * b)
            for b in (2, 4)
            for way in ("baseline", "saq")
        ),
        undone("missing", "why", way="information_retaining"),
        undone("failed", "so", way="hero"),
        *(entry(bits=(b, b), quality=25.0 + b, **photographs) for b in (4, 8)),
    )


def test_a_page_is_written_alike_every_time(tmp_path):
    marks = "".join(
        f"<!-- {mark} -->\n<!-- end of {mark.partition(':')[0]} -->\n" for mark in page.tables(many())
    )
    names = [page.FILE, page.PAGE, page.plot_name("digits"), page.plot_name("espcn-x2")]
    written = []
    for _ in range(2):
        (tmp_path / page.PAGE).write_text(f"above\n{marks}below\n")
        page.write(many(), tmp_path)
        written.append([(tmp_path / name).read_bytes() for name in names])
    assert written[0] == written[1]
    assert page.measured(tmp_path) == many()
    assert written[0][0].count(b"\n") > len(many()["cells"])
    text = (tmp_path / page.PAGE).read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert (
        "4 epochs; pynq-z2, at least 50,000 frames/s, `--lanes lut`; verified on 1,000 frames, 100 " in text
    )
    assert "![Quality of digits against LUTs, a curve a method](quantization-digits.svg)" in text
    assert "| baseline | 97.00 %, 4,000 LUT |" not in text  # two pairs of bits in a row
    assert "| baseline | 96.00 %, 2,000 LUT | 97.00 %, 4,000 LUT |" in text


def test_a_plot_has_a_curve_a_method_and_no_date():
    svg = page.plot(many(), "digits").decode()
    assert "<dc:date>" not in svg
    for text in (">baseline<", ">saq<", ">LUT<", ">frames/s a LUT<", ">2/2<", ">4/4<"):
        assert text in svg
    assert ">hero<" not in svg
    assert "test images classified wrongly, %" in svg
    assert "PSNR of the test photographs, dB" in page.plot(many(), "espcn-x2").decode()


def curves(*cells):
    """Marker and colour of each curve of the left plot."""
    figure = Figure()
    page._draw(figure, cells, ["baseline", "saq", "hero"])
    return {line.get_label(): (line.get_marker(), line.get_color()) for line in figure.axes[0].get_lines()}


def test_a_method_looks_alike_in_all_plots():
    """Whatever else is in there."""
    alone, among = curves(entry("hero")), curves(entry("saq"), entry("hero"), entry())
    assert alone["hero"] == among["hero"]
    assert list(among) == ["baseline", "saq", "hero"]
    assert len(set(among.values())) == 3


def test_what_only_failed_has_a_plot_without_curves():
    svg = page.plot(results(undone("failed", "so")), "digits").decode()
    assert svg.startswith("<?xml")
    assert ">baseline<" not in svg
