"""Accelerators over a serial line: the driver and pyserial at a pseudo terminal, the RTL at its other end."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import serial
from levada_driver import Accelerator, DriverError
from levada_driver import manifest as manifests
from levada_driver import registers as reg
from levada_driver.backends.serial import Port
from levada_driver.errors import MissingError
from levada_driver.packing import WORD

from levada import deploy
from levada.emit import chip
from levada.emit import serial as serial_chip
from levada.sim import serialsim
from levada.synth import yosys
from tests.unit import packages, test_writable
from tests.unit.test_chip import checksum, expected, frames

BOARD = "ulx3s-85f"
# Rates at which about every third full request or response is lost.
NOISE = serialsim.Noise(flip=1e-5, lose=5e-5, spark=0.01, seed=3)
DRIVER = Path(__file__).resolve().parents[2] / "driver"


@pytest.fixture(scope="module", params=[(1, 1), (4, 2)], ids=lambda ports: f"{ports[0]} and {ports[1]}")
def package(tmp_path_factory, request):
    """A package whose chip has so many memory ports to read and to write by, and its simulator."""
    path = tmp_path_factory.mktemp("package") / "deploy"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deploy, "memory_ports", lambda *_: request.param)
        packages.write_wide(path, board=BOARD)
    return path, path / serialsim.BINARY


@pytest.fixture
def folder(package):
    return package[0]


@pytest.fixture
def line(package):
    with serialsim.SerialSim(package[1], package[0] / "rtl") as sim:
        yield sim


@pytest.fixture
def accelerator(folder, line):
    with Accelerator(folder, "serial", batch=8, port=line.terminal) as opened:
        yield opened


def test_batches_of_any_size_are_right(accelerator):
    assert accelerator.selftest() == 5
    for seed, count in enumerate((1, 7, 8, 9, 40, 100)):
        x = frames(count, seed)
        assert np.array_equal(accelerator.run_integers(x), expected(x)), count


def test_batches_are_right_whatever_the_line_does(package):
    with (
        serialsim.SerialSim(package[1], package[0] / "rtl", NOISE) as sim,
        Accelerator(package[0], "serial", batch=30, port=sim.terminal) as accelerator,
    ):
        for seed in range(4):
            x = frames(100, seed)
            assert np.array_equal(accelerator.run_integers(x), expected(x)), seed
        traffic = accelerator._backend.traffic()
        assert traffic.resent > 0
        assert traffic.damaged > 0


def test_the_next_batch_starts_while_one_is_under_way(accelerator):
    under_way, wait = [], accelerator._chip.wait

    def watched():
        under_way.append(accelerator._chip.under_way)
        wait()

    accelerator._chip.wait = watched
    x = frames(80)
    assert np.array_equal(accelerator.run_integers(x), expected(x))
    assert max(under_way) == 2


def test_threads_share_an_accelerator(accelerator):
    wrong = []

    def use(seed):
        for index in range(5):
            x = frames(1 + index, 100 * seed + index)
            if not np.array_equal(accelerator.run_integers(x), expected(x)):
                wrong.append((seed, index))

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_word_is_lost_or_exchanged(accelerator):
    """The accelerator's own checksums, over more words than its buffers hold."""
    slot = accelerator._slots[0]
    for buffer in slot.buffers:
        buffer.data[:] = np.random.default_rng(5).integers(0, 256, len(buffer.data))
    for _ in range(12):
        accelerator._chip.start(8, [buffer.address for buffer in slot.buffers])
        accelerator._chip.wait()
    want = [checksum(np.tile(buffer.data.view("<u8"), 12)) for buffer in slot.buffers[: len(slot.parts[0])]]
    assert accelerator._chip.checksums()[: len(want)] == want


def test_a_batch_counts_when_its_results_are_here(accelerator):
    """And not as soon as the chip has given them to the line."""
    slot = accelerator._slots[0]
    for buffer in slot.buffers:
        buffer.data[:] = 0xA5
    accelerator._chip.start(8, [buffer.address for buffer in slot.buffers])
    for _ in range(50):
        done = accelerator._backend.read(reg.BATCHES)
        last = [buffer.data[-WORD:] for buffer in slot.parts[-1]]
        assert done == 0 or all((word != 0xA5).any() for word in last)
        if done:
            break
    assert done == 1


def test_reset_at_any_time(accelerator):
    """Batches are given up in the middle; what follows is right, and no byte is written late."""
    random = np.random.default_rng(3)
    slot = accelerator._slots[0]
    out = slot.buffers[-1]
    for index in range(20):
        out.data[:] = 0xA5
        for _ in range(random.integers(1, 3)):
            accelerator._chip.start(8, [buffer.address for buffer in slot.buffers])
        for _ in range(random.integers(0, 5)):
            accelerator._backend.read(reg.STATUS)
        accelerator._chip.reset()
        left = out.data.copy()
        accelerator._backend.wait(1000)
        assert np.array_equal(out.data, left)
        x = frames(8, index)
        assert np.array_equal(accelerator.run_integers(x), expected(x))


def test_streams_and_benchmark(accelerator):
    result = accelerator.benchmark(20, streams=True)
    assert result["line"]["bytes_per_second"] > 1000
    assert result["line"]["resent"] >= 0
    counts = result["streams"]
    assert counts[0]["moving"] == 8 * accelerator.manifest.inputs[0].beats
    assert counts[-1]["moving"] == 8 * accelerator.manifest.outputs[0].beats


def test_few_requests_a_batch(accelerator, monkeypatch):
    """A USB adapter takes milliseconds for each: words, registers and their check go together."""
    asked = []
    link = accelerator._backend._link
    monkeypatch.setattr(link, "ask", lambda request, ask=link.ask: (asked.append(request), ask(request)))
    x = frames(8)
    for _ in range(3):
        asked.clear()
        assert np.array_equal(accelerator.run_integers(x), expected(x))
        assert len(asked) <= 8


def run(*arguments):
    """A running levada-run."""
    environment = os.environ | {"PYTHONPATH": str(DRIVER)}
    command = [sys.executable, "-m", "levada_driver.cli", "--backend", "serial", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def test_from_the_command_line(folder, line):
    process = run("--port", line.terminal, folder, "selftest")
    assert process.communicate() == ("wide: 5 frames as they should be\n", "")
    process = run("--port", line.terminal, folder, "benchmark", "--frames", 10)
    assert json.loads(process.communicate()[0])["line"]["resent"] >= 0
    process = run(folder, "selftest")
    assert "wide: which serial port? give one as port, of these: " in process.communicate()[1]
    assert process.returncode == 1


def test_a_client_that_is_killed_leaves_a_usable_board(folder, line):
    random = np.random.default_rng(1)
    for _ in range(4):
        process = run("--port", line.terminal, "--batch", 20, folder, "benchmark", "--frames", 100_000)
        deadline = time.monotonic() + 30
        while not is_open(line.terminal, process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(float(random.uniform(0.1, 0.8)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        with Accelerator(folder, "serial", port=line.terminal) as accelerator:
            assert accelerator.selftest() == 5


def is_open(terminal, pid):
    """Whether a process has the terminal open."""
    folder = Path(f"/proc/{pid}/fd")
    return any(Path(terminal).exists() and link.resolve() == Path(terminal) for link in folder.iterdir())


def test_unplugged_in_the_middle(folder, line):
    with Accelerator(folder, "serial", batch=5000, port=line.terminal) as accelerator:
        job = accelerator.submit(frames(5000))
        time.sleep(0.3)
        line.close()
        with pytest.raises(DriverError) as error:
            job.result(60)
        text = str(error.value)
        assert text.startswith(f"{line.terminal}: the port is gone (")
        assert text.endswith("); plug the board in and open the accelerator again")
        with pytest.raises(DriverError, match="the port is gone"):
            accelerator.run(frames(1))


def test_a_line_that_falls_silent(folder, line, monkeypatch):
    """The host gives up, and says how many frames were damaged."""
    with Accelerator(folder, "serial", batch=8, port=line.terminal) as accelerator:
        accelerator._backend._link._margin = 1e-4
        monkeypatch.setattr(Port, "send", lambda self, data: None)
        with pytest.raises(DriverError, match=r"12 times the same request, and no answer arrived whole \("):
            accelerator.run(frames(1))


def test_two_processes_at_one_port(folder, line, accelerator):
    process = run("--port", line.terminal, folder, "selftest")
    said = f"levada-run: {line.terminal}: another program has opened it; end that one\n"
    assert process.communicate() == ("", said)
    assert process.returncode == 1
    assert accelerator.selftest() == 5


def refused(folder, **options):
    with pytest.raises(DriverError) as error:
        Accelerator(folder, **{"backend": "serial", "port": "/dev/ttyNONE", **options})
    return str(error.value)


def test_a_port_that_there_is_not(folder):
    assert refused(folder).startswith(
        "/dev/ttyNONE: there is no such port; plug the board in, and use one of: "
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            errno.EACCES,
            "tty: you may not open it; join its group (sudo usermod -aG dialout $USER) and log in again",
        ),
        (errno.EAGAIN, "tty: another program has opened it; end that one"),
        (errno.EIO, "tty: cannot be opened at 3,000,000 baud ([Errno 5] why); use one of: "),
    ],
)
def test_a_port_that_cannot_be_opened(folder, monkeypatch, code, said):
    def refuses(*_arguments, **_options):
        raise serial.SerialException(code, "why")

    monkeypatch.setattr(serial, "Serial", refuses)
    assert refused(folder, port="tty").startswith(said)


def test_nobody_answers_at_the_port(folder):
    parent, child = os.openpty()
    name = os.ttyname(child)
    assert refused(folder, port=name).startswith(
        f"{name}: nothing came back from 5 greetings at 3,000,000 baud"
    )
    os.close(parent)
    os.close(child)


def test_what_is_missing(folder, tmp_path, monkeypatch):
    text = "port 'x': the back end 'rtlsim' uses none; leave it out, or use 'serial'"
    assert refused(folder, backend="rtlsim", port="x") == text
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(MissingError, match=r"pyserial is missing .*; pip install 'levada-driver"):
        Accelerator(folder, "serial", port="x")
    packages.write(tmp_path / "deploy")
    assert refused(tmp_path / "deploy") == (
        f"{tmp_path / 'deploy'}: pynq-z2 has no serial line; build for a board with one, or use another "
        "back end"
    )


def test_the_bitstream_of_another_package(package, tmp_path_factory):
    """With other engines, or with the same ones."""
    other = serialsim.program(packages.tiny(), (1, 1))
    tiny = tmp_path_factory.mktemp("tiny") / "deploy"
    packages.write(tiny)
    with serialsim.SerialSim(other, tiny / "rtl") as sim:
        text = refused(package[0], port=sim.terminal)
    m = manifests.read(package[0])
    if m.engines == ("reader 0", "writer 0"):
        assert text.startswith("wide: the bitstream is of another design (")
    else:
        assert text == (
            "wide: the bitstream has 1 readers and 1 writers, the package 4 and 2; load the bitstream of "
            "this package"
        )


def test_addresses_without_memory(accelerator):
    m = accelerator.manifest
    said = f"wide: reader 0 is to move {4 * m.words[0]} words at 0x8000, where no memory is; use"
    with pytest.raises(DriverError, match=said):
        accelerator._chip.start(4, [0x8000] * len(m.engines))
    assert accelerator.selftest() == 5


@pytest.mark.slow
def test_other_weights(tmp_path):
    """Thousands of words for the accelerator's memories; it becomes another network and itself again."""
    graph = test_writable.network(0)
    folder = tmp_path / "deploy"
    pixels = test_writable.PIXELS
    packages.write(folder, 4, graph, (*pixels, 12), (*pixels, 3), board=BOARD)
    files = [
        test_writable.saved(tmp_path / f"{seed}.npz", test_writable.network(seed), folder) for seed in (1, 0)
    ]
    for noise in (None, NOISE):
        with (
            serialsim.SerialSim(folder / serialsim.BINARY, folder / "rtl", noise) as sim,
            Accelerator(folder, "serial", port=sim.terminal) as accelerator,
        ):
            x, golden = accelerator.samples()
            assert accelerator.selftest() == 4
            accelerator.load(files[0])
            assert accelerator.selftest() == 4
            assert not np.array_equal(accelerator.run_integers(x), golden)
            accelerator.load(files[1])
            assert np.array_equal(accelerator.run_integers(x), golden)


@pytest.mark.slow
def test_the_link_is_small():
    graph = packages.wide()
    own = chip.sources(graph, (1, 1))
    files = {serial_chip.TOP: own | serial_chip.sources(graph, (1, 1), 25), chip.TOP: own}
    whole, inner = (yosys.synthesize_modules({name: text})[name] for name, text in files.items())
    assert whole.lut - inner.lut < 650
    assert whole.bram18 - inner.bram18 == 6
    assert whole.dsp == inner.dsp
