"""The simulated board, and on it pynq as it comes: the driver's own back end, and a script of a user."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from levada_driver import Accelerator

from levada import boardsim
from levada.boardsim.package import bit_file, payload
from levada.errors import LevadaError
from tests.board import environments
from tests.unit import packages

# Loopback has many addresses, and pynq knows one port: every board of this process gets its own.
_addresses = (f"127.{1 + os.getpid() % 250}.{os.getpid() // 250 % 250}.{n}" for n in itertools.count(1))


@pytest.fixture(scope="module", params=["pynq-z2", "kv260"])
def deploy(tmp_path_factory, request):
    """The package of a build for each kind of processor, the host's part of it beside."""
    path = tmp_path_factory.mktemp("package") / "deploy"
    packages.write_wide(path, frames=20, board=request.param)
    boardsim.client_package(path, path / "board-sim")
    return path


@pytest.fixture
def board(deploy):
    """A board that nobody has used yet."""
    found = boardsim.Board(deploy)
    yield found
    found.close()


@pytest.fixture
def address(board):
    """Where the board answers."""
    found = next(_addresses)
    server = boardsim.serve(board, found)
    yield found
    server.stop(None).wait()


@pytest.fixture(params=environments.VERSIONS)
def python(request):
    with environments.alone(request.param) as python:
        yield python


def start(python, address, *arguments):
    environment = os.environ | {"PYNQ_REMOTE_DEVICES": address, "PYTHONPATH": str(environments.DRIVER)}
    pipe = subprocess.PIPE
    command = [str(word) for word in (python, *arguments)]
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def run(python, address, *arguments):
    """Exit code, stdout and stderr of a program on the host."""
    process = start(python, address, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def levada_run(python, address, *arguments):
    return run(python, address, "-m", "levada_driver.cli", *arguments)


USER = """
import json, sys
import numpy as np
from pynq import MMIO, Overlay, allocate

overlay = Overlay(sys.argv[1] + "/accelerator.bit")
chip = overlay.accelerator_0
first = int(sys.argv[2])
assert chip.read(0) & 0xFFFFFFFF == MMIO(first, 0x1000).read(0) & 0xFFFFFFFF == 0x4144564C
x = np.load(sys.argv[1] + "/frames.npy")  # a row of bytes a frame, in whole words
source, result = allocate(x.shape, np.uint8), allocate((len(x), 16), np.uint8)
source[:] = x
source.flush()
engines = ((0x100, source), (0x120, result))
for base, buffer in engines:
    chip.write(base, int(buffer.physical_address))
    chip.write(base + 4, 0)
    chip.write(base + 8, buffer.nbytes // 8)
chip.write(0x14, 1)
while chip.read(0x20) == 0:
    pass
result.invalidate()
print(json.dumps(np.asarray(result).tolist()))
"""


OPEN = "import sys; from pynq import Overlay; Overlay(sys.argv[1] + '/accelerator.bit')"


def test_a_script_of_a_user_runs(python, board, address, deploy):
    """Registers, memory and results by pynq alone, without the driver."""
    with Accelerator(deploy, "cppsim") as accelerator:
        x, golden = accelerator.samples()
        accelerator.run(x)
        slot, frames = accelerator._slots[0], len(x)
        rows = slot.buffers[0].data[: frames * 64].reshape(frames, 64)
        want = slot.buffers[1].data[: frames * 16].reshape(frames, 16)
        assert np.array_equal(slot.unpack(1, frames), golden)
    folder = deploy / "board-sim"
    np.save(folder / "frames.npy", rows)
    code, out, err = run(python, address, "-c", textwrap.dedent(USER), folder, board.manifest.registers)
    assert code == 0, err
    used = packages.wide().stream(packages.wide().outputs[0]).frame_bytes
    assert np.array_equal(np.array(json.loads(out))[:, :used], want[:, :used])


def test_ports_are_as_wide_as_the_shell_wants_them(python, board, address, deploy):
    """pynq sets them on an UltraScale+: registers to 32 bits (code 0), memory to 64 bits (code 1)."""
    code, _, err = run(python, address, "-c", OPEN, deploy / "board-sim")
    assert code == 0, err
    memory = [value & 3 for at, value in board.registers.items() if 0xFD380000 <= at < 0xFD3C0000]
    assert memory == [1] * len(memory)
    assert board.registers.get(0xFD615000, 0) >> 8 & 3 == 0


def test_the_driver_runs(python, address, deploy, tmp_path):
    """The back end `pynq`, unmodified: the package's samples, and a batch in several parts."""
    folder = deploy / "board-sim"
    options = ("--batch", 8, "--timeout", 30)
    assert levada_run(python, address, folder, *options, "selftest") == (
        0,
        "wide: 20 frames as they should be\n",
        "",
    )
    x = np.random.default_rng(3).integers(0, 16, (30, 5, 24))
    np.save(tmp_path / "x.npy", x)
    code, out, err = levada_run(
        python, address, folder, *options, "run", tmp_path / "x.npy", tmp_path / "y.npy"
    )
    assert (code, out) == (0, ""), err
    with Accelerator(deploy, "cppsim") as accelerator:
        assert np.array_equal(np.load(tmp_path / "y.npy"), accelerator.run(x))


HOLD = """
import sys
from levada_driver import Accelerator
with Accelerator(sys.argv[1], batch=8, timeout=30) as accelerator:
    jobs = [accelerator.submit(accelerator.samples()[0]) for _ in range(16)]
    print("here", flush=True)
    sys.stdin.readline()
"""


def test_a_board_in_use_and_a_client_that_is_killed(python, address, deploy):
    """A second process is told who has the board; when the first is killed in a batch, the next is right."""
    folder = deploy / "board-sim"
    first = start(python, address, "-c", HOLD, folder)
    assert first.stdout.readline() == "here\n"
    code, _, err = levada_run(python, address, folder, "selftest")
    assert code == 1
    assert f"levada-run: the board is in use by process {first.pid}; close its Accelerator\n" in err
    first.send_signal(signal.SIGKILL)
    first.communicate()
    code, out, err = levada_run(python, address, folder, "--batch", 8, "--timeout", 30, "selftest")
    assert (code, out) == (0, "wide: 20 frames as they should be\n"), err


def test_the_bitstream_of_another_design(python, address, deploy, tmp_path):
    folder = tmp_path / "client"
    boardsim.client_package(deploy, folder)
    part = json.loads((deploy / "accelerator.json").read_text())["part"]
    (folder / "accelerator.bit").write_bytes(bit_file(payload("0" * 64), part))
    code, _, err = levada_run(python, address, folder, "selftest")
    assert code == 1
    assert "wide: no levada accelerator answers (0x00000000 instead of 0x4144564c); load the bitstream" in err


def call(address, service, name, *requests):
    """What the board answers to a method's requests."""
    grpc = pytest.importorskip("grpc")
    from levada.boardsim import protocol

    (method,) = [found for found in protocol.services()[service] if found.name == name]
    made = [method.request(**request) for request in requests]
    with grpc.insecure_channel(f"{address}:{boardsim.PORT}") as channel:
        kind = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, False): channel.stream_unary,
        }[method.many_requests, method.many_responses]
        stub = kind(
            f"/{service}/{name}",
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        answer = stub(iter(made) if method.many_requests else made[0], timeout=30)
        return list(answer) if method.many_responses else answer


@pytest.mark.parametrize(
    ("service", "name", "request_", "said"),
    [
        ("mmio.Mmio", "read", {"mmio_id": "0", "offset": 16, "length": 4}, "nothing answers at address 0x10"),
        ("mmio.Mmio", "write", {"mmio_id": "4096", "data": bytes(4)}, "nothing answers at address 0x1000"),
        ("mmio.Mmio", "read", {"mmio_id": "x", "length": 4}, "invalid literal for int() with base 10: 'x'"),
        ("buffer.RemoteBuffer", "write", {"buffer_id": "9", "data": b"x"}, "there is no buffer '9'"),
        ("buffer.RemoteBuffer", "freebuffer", {"buffer_id": ""}, "there is no buffer ''"),
        ("buffer.RemoteBuffer", "physical_address", {"buffer_id": "9"}, "there is no buffer '9'"),
    ],
)
def test_what_is_not_there_is_said(address, service, name, request_, said):
    assert call(address, service, name, request_).msg == said


def test_memory_that_is_not_there(address):
    answer = call(address, "buffer.RemoteBuffer", "allocate", {"size": 1 << 30})
    assert answer.msg.startswith("memory: 1,073,741,824 bytes are asked for, 536,870,912 of ")


def test_buffers_keep_what_is_written(address):
    name = call(address, "buffer.RemoteBuffer", "allocate", {"size": 5 << 20}).buffer_id
    data = np.random.default_rng(0).integers(0, 256, 5 << 20, dtype=np.uint8).tobytes()
    parts = [{"buffer_id": name, "data": data[at : at + (2 << 20)]} for at in range(0, len(data), 2 << 20)]
    assert call(address, "buffer.RemoteBuffer", "write", *parts).msg == ""
    read = call(address, "buffer.RemoteBuffer", "read", {"buffer_id": name})
    assert b"".join(part.data for part in read) == data
    assert call(address, "buffer.RemoteBuffer", "freebuffer", {"buffer_id": name}).msg == ""


def test_a_port_that_is_taken(address, deploy):
    with pytest.raises(LevadaError, match=f"{address}:7967: cannot be served .*; is another board there?"):
        boardsim.serve(None, address)


def test_a_build_without_a_shell(deploy, tmp_path):
    (tmp_path / "accelerator.json").write_text((deploy / "accelerator.json").read_text())
    with pytest.raises(LevadaError) as error:
        boardsim.client_package(tmp_path, tmp_path / "client")
    assert str(error.value) == (
        f"{tmp_path / 'accelerator.hwh'}: there is no such file; build for a board with a shell (pynq-z2)"
    )


def test_the_command_is_the_board(deploy):
    """As a user starts it: it says how to use it, and ends with Ctrl-C."""
    found = next(_addresses)
    # A background job of a shell ignores Ctrl-C, and so would this process. It sees to that itself: code
    # between fork and exec would run beside the threads of gRPC, which then complain on stderr.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from levada.cli import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "board-sim", str(deploy), "--host", found],
        stderr=subprocess.PIPE,
        text=True,
    )
    said = [process.stderr.readline() for _ in range(2)]
    name = json.loads((deploy / "accelerator.json").read_text())["board"]
    assert f"wide on a simulated {name} at {found}:7967" in said[0]
    assert f"PYNQ_REMOTE_DEVICES={found} levada-run {deploy / 'board-sim'} selftest" in said[1]
    assert call(found, "remote_device.RemoteDevice", "existsfile", {"file_path": "/proc/version"}).exists
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert err.endswith(" s stopped\n")
