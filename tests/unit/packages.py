"""A deploy package of a tiny network, made by hand: what the driver's tests run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from levada_driver.host import HostInput, HostOutput, HostOutputs
from levada_driver.manifest import Setting

from levada import boards, deploy
from levada.emit import shell, sv
from levada.graph import execute
from levada.layer import Folding
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlSim
from levada.streamline import Network
from tests.unit import graphs

SCALE, BIAS = np.array([0.5], np.float32), np.array([1, 2, 3], np.float32)


def tiny():
    random = np.random.default_rng(0)
    layer = graphs.mvau(random, 4, 3, graphs.INT2, graphs.UINT4)
    return graphs.connected(graphs.chain([layer], [Folding(1, 2, memory="lut")], "tiny"))


def wide():
    """Frames of 60 bytes in and 15 out, no multiples of a word: seven words and a half, and not quite two."""
    random = np.random.default_rng(0)
    layer = graphs.mvau(random, 24, 3, graphs.INT2, graphs.UINT4, pixels=(5,))
    return graphs.connected(graphs.chain([layer], [Folding(3, 8, memory="lut")], "wide"))


def write_wide(folder, frames=5, board="pynq-z2"):
    """`write` with the wide network."""
    return write(folder, frames, wide(), (5, 24), (5, 3), board=board)


def write_upscaling(folder):
    """`write` with a network that makes pictures of 4 x 4 of those of 2 x 2."""
    random = np.random.default_rng(0)
    layer = graphs.mvau(random, 4, 16, graphs.INT2, graphs.UINT4)
    graph = graphs.connected(graphs.chain([layer], [Folding(1, 2, memory="lut")], "upscaling"))
    return write(folder, 5, graph, (1, 2, 2), (1, 4, 4), np.zeros(1, np.float32))


def write(
    folder,
    frames=5,
    graph=None,
    shape=(2, 2),
    results=(3,),
    bias=BIAS,
    demo=None,
    board="pynq-z2",
    settings=(),
):
    """Fills the folder of a package; returns its frames, of `shape`, and their golden integers.

    Of results of several axes the last one are channels, with a bias each. Those of several `settings`, given
    by their names, follow each other; the host's scale is twice that of the setting before.
    """
    graph = graph or tiny()
    (folder / "rtl").mkdir(parents=True)
    for name, text in sv.sources(graph).items():
        (folder / "rtl" / name).write_text(text)
    x = np.random.default_rng(1).integers(0, 16, (frames, *shape))
    (name,) = graph.outputs
    ways = [graph.at(setting) for setting in range(graph.settings)]
    goldens = [execute(way, x.reshape(frames, -1))[name].reshape(frames, -1) for way in ways]
    golden = goldens[0]
    rtlsim = RtlSim(graph)
    result = graph.tensors[graph.outputs[0]].dtype
    host = HostInput(shape, graphs.UINT4, 15), HostOutputs((HostOutput(results, result, SCALE, bias),))
    package = deploy.Package(
        graph=graph,
        board=boards.load(board),
        clock_mhz=100.0,
        network=Network(None, None, *host),
        run=rtlsim.run(x),
        cppsim=CppSim(graph),
        rtlsim=rtlsim,
        samples=x,
        golden=golden,
        demo=demo,
        settings=tuple(
            deploy.Setting(Setting(name, 8 - number, None, doubled(host[1], number)), goldens[number])
            for number, name in enumerate(settings)
        ),
    )
    for name, text in shell.hardware_file(graph, package.board, package.clock_mhz).items():
        (folder / name).write_text(text)
    for got, wanted in zip(deploy.write(package, folder), goldens, strict=True):
        assert np.array_equal(got, wanted)
    return x, np.concatenate(goldens) if settings else golden


def doubled(outputs, times):
    """The host's work with a scale that is twice as large, so many times."""
    return HostOutputs(tuple(replace(part, scale=part.scale * 2**times) for part in outputs.parts))
