"""A search's result with all there can be, as search.json has it; its texts are of the worst kind."""

from __future__ import annotations

from typing import Any

NASTY = "<script>alert(1)</script>"
SITES = ("quant_0", "mvau_0", "mvau_1", "mvau_2")


def cost(fps, lut, budget=8000, **values):
    cycles = round(100e6 / fps)
    share = lut / budget
    known = {"cycles": cycles, "fps": 100e6 / cycles, "lut": lut, "ff": 2 * lut, "dsp": 3, "bram18": 0}
    return {**known, "fits": share <= 1, "gap": 0.0, "share": share, **values}


def design(bits, quality, own, front=None, predicted=None, **values):
    """A design with the widths (activations of quant_0, weights and activations of mvau_0, ...)."""
    quant, w0, a0, w1, a1, w2 = bits
    rows = zip(SITES, ((None, quant), (w0, a0), (w1, a1), (w2, None)), strict=True)
    found: dict[str, Any] = {
        "candidate": f"quant_0=a{quant},mvau_0=w{w0}a{a0},mvau_1=w{w1}a{a1},mvau_2=w{w2}",
        "bits": [{"site": site, "weight": weight, "activation": act} for site, (weight, act) in rows],
        "quality": quality,
        "loss": (100 - quality) / 40,
        "tested": quality - 0.5,
        "cost": own,
        "predicted": predicted or own,
        "front": front,
    }
    if front is not None:
        found["build"] = f"levada build 'my <b>&net</b>-{front}.onnx' --board pynq-z2"
    return found | values


def result(**values):
    knobs = [("activation", "quant_0"), ("weight", "mvau_0"), ("activation", "mvau_0")]
    knobs += [("weight", "mvau_1"), ("activation", "mvau_1")]
    kinds = {"quant_0": "thresholding", "swu_0": "swu", "mvau_0": "mvau", "mvau_1": "mvau", "mvau_2": "mvau"}
    names = list(kinds)
    reads: list[list[str]] = [[], *([name] for name in names[:-1])]
    data = {
        "schema": 1,
        "model": f"net {NASTY}",
        "board": "pynq-z2",
        "clock_mhz": 100.0,
        "target_fps": None,
        "budget": {"family": "xc7", "lut": 8000, "ff": 16_000, "dsp": 33, "bram18": 42},
        "strategy": "integer",
        "seed": 7,
        "epochs": 2,
        "finetune": None,
        "unit": "%",
        "candidates": 32_768,
        "evaluated": 40,
        "complete": True,
        "refused": [f"weights of mvau_0: not 1 bits: {NASTY}"],
        "layers": [
            {"name": name, "kind": kind, "macs": 4096 * (kind == "mvau"), "reads": own}
            for (name, kind), own in zip(kinds.items(), reads, strict=True)
        ],
        "knobs": [
            {"name": f"{what}s of {site}", "what": what, "sites": [site], "bits": [2, 4, 8]}
            for what, site in knobs
        ],
        "designs": [
            design((8, 8, 8, 8, 8, 4), 98.78, cost(10_000, 7900), 1),
            design((4, 4, 4, 8, 4, 4), 98.1, cost(80_000, 7000), 2, predicted=cost(90_000, 7100)),
            design((2, 2, 2, 2, 2, 4), 94.32, cost(400_000, 5000), 3),
            design((4, 2, 2, 4, 2, 4), 93.0, cost(200_000, 6000)),
            design((8, 4, 4, 8, 8, 4), 98.9, cost(20_000, 9000), tested=None),
        ],
        "sensitivities": [
            {"knob": f"{what}s of {site}", "loss": {"2": 0.01 * 10**place, "4": 0.0005, "8": 0.0}}
            for place, (what, site) in enumerate(knobs[:3])
        ],
        "seconds": {"sensitivities": 166.5, "solving": 2.25},
        "rounds": 3,
        "temperature": 0.125,
        "teacher": NASTY,
        "sampler": {"crossover": 0.9, "generations": [1, 2]},
        "curve": [[1, 2], [3, 4]],
    }
    return {**data, **values}


def wanted(**values):
    """The same for a rate: designs that take less are better."""
    designs = [
        design((8, 8, 8, 8, 8, 4), 98.78, cost(50_000, 7900), 1),
        design((4, 4, 4, 8, 4, 4), 98.1, cost(51_000, 5000), 2, predicted=cost(51_000, 5600)),
        design((2, 2, 2, 2, 2, 4), 94.32, cost(50_000, 3000), 3),
    ]
    return result(target_fps=50_000, designs=designs, **values)
