"""The link over a serial line: frames, and requests to hardware that shows what it has executed."""

from __future__ import annotations

import itertools
import os
import zlib
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levada_driver.backends.serial import Port
from levada_driver.errors import DriverError
from levada_driver.link import ROOM, Frames, Link, Pull, Push, Read, Request, Write, framed

from levada.emit import harness, sv
from levada.sim import rtlsim, serialsim

BENCH = Path(__file__).with_name("link_bench.sv")
BAUD = 1_000_000
DEPTH = 20  # words between a reader and a writer of the bench
NOISE = {
    "clean": serialsim.Noise(),
    "bits": serialsim.Noise(flip=2e-4),
    "bytes": serialsim.Noise(lose=2e-3),
    "sparks": serialsim.Noise(spark=0.05),
    "all": serialsim.Noise(flip=1e-4, lose=5e-4, spark=0.02, seed=7),
}


class Silent:
    """A line at whose other end is nobody, or one who says something once."""

    def __init__(self, says=b""):
        self.says, self.heard = says, b""

    def send(self, data):
        self.heard += data

    def receive(self):
        says, self.says = self.says, b""
        return says

    def close(self):
        pass


bodies = st.lists(
    st.binary(min_size=1) | st.lists(st.sampled_from(b"\xc0\xdb\xdc\xdd"), min_size=1).map(bytes)
)


@given(bodies, st.lists(st.integers(0, 40)))
def test_frames_are_found_however_the_bytes_come(sent, cuts):
    frames, got = Frames(), []
    data = b"".join(framed(body) for body in sent)
    assert data.count(b"\xc0") == 2 * len(sent)
    for size in [*cuts, len(data)]:
        got += frames.feed(data[:size])
        data = data[size:]
    assert got == sent
    assert frames.damaged == 0


@given(st.binary(min_size=1), st.binary(max_size=20), st.data())
def test_what_is_damaged_is_not_given_and_the_next_frame_is(body, noise, data):
    frame = bytearray(framed(body))
    place = data.draw(st.integers(1, len(frame) - 2))
    change = data.draw(st.sampled_from(["cut", "other", "more"]))
    if change == "cut":
        del frame[place]
    elif change == "other":
        frame[place] ^= data.draw(st.integers(1, 255))
    else:
        frame[place:place] = bytes([data.draw(st.integers(0, 255))])
    frames = Frames()
    got = frames.feed(bytes(frame) + noise + framed(body))
    assert got[-1] == body
    assert len(got) == 1
    assert frames.damaged >= 1


def test_a_line_without_a_border_takes_no_memory():
    frames = Frames()
    for _ in range(100):
        assert frames.feed(b"x" * 1000) == []
    assert frames.damaged > 5
    assert frames.feed(framed(b"here")) == [b"here"]


def test_a_frame_on_the_line():
    checksum = zlib.crc32(b"\x01\xc0\xdb").to_bytes(4, "little")
    assert framed(b"\x01\xc0\xdb") == b"\xc0\x01\xdb\xdc\xdb\xdd" + checksum + b"\xc0"


def test_a_request_takes_what_has_room():
    request = Request()
    assert request.add(Push(0, bytes(ROOM - 3 - 7 * 2)))
    assert request.add(Write(4, 5))
    assert request.add(Write(4, 5))
    assert not request.add(Write(4, 5))
    assert not request.add(Pull(0, 1))
    results = Request()
    assert results.add(Pull(0, ROOM // 8))
    assert not results.add(Read(0))


def test_nobody_answers():
    line = Silent()
    with pytest.raises(DriverError) as error:
        Link(line, BAUD, "tty", margin=1e-3).greet(b"1234")
    assert str(error.value) == (
        "tty: nothing came back from 5 greetings at 1,000,000 baud; load the bitstream of this package, and "
        "check that this is the port of its board"
    )
    assert line.heard == 5 * framed(b"\x00\x011234")
    with pytest.raises(DriverError, match=r"^tty: only damaged frames \(3\) came back from 5 greetings"):
        Link(Silent(b"\xc0abc\xc0\xc0\x00\x80\xc0\xfe\xc0"), BAUD, "tty", margin=1e-3).greet(b"1234")


def test_the_answer_to_a_greeting_of_another_is_not_taken():
    other = framed(b"\x004321\x01\x0b\x01\x01\x00")
    own = framed(b"\x001234\x01\x0b\x02\x03\x00")
    found = Link(Silent(other + own), BAUD, "tty").greet(b"1234")
    assert (found.readers, found.writers) == (2, 3)


@pytest.mark.parametrize(("version", "bits"), [(2, 11), (1, 12)])
def test_another_version(version, bits):
    line = Silent(framed(b"\x001234" + bytes([version, bits, 1, 1, 0])))
    with pytest.raises(DriverError) as error:
        Link(line, BAUD, "tty").greet(b"1234")
    assert str(error.value) == (
        f"tty: the bitstream speaks version {version} of the line's protocol, frames below 2^{bits} bytes, "
        "this driver version 1, 2^11; install the levada-driver that is in the package's driver/ folder"
    )


def test_a_request_that_is_not_executed():
    with pytest.raises(DriverError) as error:
        Link(Silent(framed(b"\x01\x01")), BAUD, "tty").ask(Request([Write(0, 0)]))
    assert str(error.value) == (
        "tty: the accelerator did not execute all of a request (status 1); load the bitstream of this package"
    )


def test_after_too_many_times_all_is_over():
    line = Silent()
    link = Link(line, BAUD, "tty", margin=1e-4)
    for _ in range(2):
        with pytest.raises(DriverError) as error:
            link.ask(Request([Read(4)]))
        assert str(error.value) == (
            "tty: 12 times the same request, and no answer arrived whole (0 damaged frames so far, 11 "
            "requests sent again); check the cable, and open the accelerator again"
        )
    assert line.heard == 12 * framed(b"\x01\x03\x04\x00")


def bench(divisor=4, hosts=None):
    """The simulator of link_bench.sv, with so many cycles a bit in it and, if others, at the host."""
    text = BENCH.read_text().replace("parameter int DIVISOR = 4", f"parameter int DIVISOR = {divisor}")
    files = sv.library_sources({"serial_link", "fifo"}) | {BENCH.name: text}
    return rtlsim.compile_program(
        files, harness.serial_line_header(hosts or divisor), loop="serialsim", top=BENCH.stem
    )


@pytest.fixture(scope="module")
def binary():
    return bench()


class Model:
    """What link_bench.sv should hold; random requests, and their results once executed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.loops = [deque(), deque()]
        self.writes = deque()
        self.reads = itertools.count()

    def request(self, most):
        request, expected = Request(), []
        for _ in range(self.random.integers(0, most)):
            operation, result = getattr(self, f"_{self.random.choice(['write', 'read', 'push', 'pull'])}")()
            added = request.add(operation)
            assert added
            expected.append(result)
        return request, lambda: [result() for result in expected]

    def _write(self):
        address, value = int(self.random.integers(1 << 12)), int(self.random.integers(1 << 32))
        return Write(address, value), lambda: self.writes.append(
            (address << 32 | value).to_bytes(8, "little")
        )

    def _read(self):
        address = int(self.random.integers(1 << 12))
        return Read(address), lambda: address << 16 | next(self.reads) & 0xFFFF

    def _push(self):
        reader, count = int(self.random.integers(3)), int(self.random.integers(0, 15))  # there is no reader 2
        words = self.random.choice(np.frombuffer(b"\xc0\xdb\xdc\xddabcd", np.uint8), 8 * count).tobytes()

        def taken():
            if reader == 2:
                return 0
            loop = self.loops[reader]
            found = min(count, DEPTH - len(loop))
            if reader == 1:  # which now and then has no room: then for none of the words behind, either
                assert push.taken <= found
                found = push.taken
            loop.extend(words[8 * i : 8 * i + 8] for i in range(found))
            return found

        push = Push(reader, words)
        return push, taken

    def _pull(self):
        writer, count = int(self.random.integers(4)), int(self.random.integers(0, 30))

        def given():
            source = [*self.loops, self.writes, deque()][writer]
            return b"".join(source.popleft() for _ in range(min(count, len(source))))

        return Pull(writer, count), given


def result(operation):
    """What an operation gave."""
    names = {Write: None, Read: "value", Push: "taken", Pull: "words"}
    name = names[type(operation)]
    return name and getattr(operation, name)


@pytest.mark.parametrize("noise", NOISE)
def test_every_operation_is_executed_once_and_in_order(binary, tmp_path, noise, pytestconfig):
    model, count = Model(3), 20_000 if pytestconfig.getoption("--deep") else 1000
    with serialsim.SerialSim(binary, tmp_path, NOISE[noise]) as sim:
        port = Port(sim.terminal, BAUD)
        link = Link(port, BAUD, sim.terminal, margin=0.02)
        greeting = link.greet(os.urandom(4))
        assert (greeting.readers, greeting.writers) == (2, 3)
        for index in range(count):
            request, expected = model.request(7)
            link.ask(request)
            assert [result(each) for each in request.operations] == expected(), index
        if noise == "clean":
            assert link.damaged == 0
        else:
            assert link.resent > count / 100
        port.close()


def test_the_largest_frames(binary, tmp_path):
    words = b"\xc0\xdb" * 4 * 252
    with serialsim.SerialSim(binary, tmp_path) as sim:
        port = Port(sim.terminal, BAUD)
        link = Link(port, BAUD, sim.terminal)
        link.greet(os.urandom(4))
        request = Request()
        while request.add(Write(8, 0xDBC0DBC0)):
            pass
        writes = len(request.operations)
        assert writes == ROOM // 7
        link.ask(request)
        pull = Pull(2, 255)
        assert Request().add(pull)
        link.ask(Request([pull]))
        assert pull.words == (8 << 32 | 0xDBC0DBC0).to_bytes(8, "little") * 255
        link.ask(Request([pull]))
        assert len(pull.words) == 8 * (writes - 255)
        push = Push(0, words)
        link.ask(Request([push]))
        assert push.taken == DEPTH
        port.close()


@pytest.mark.parametrize(
    "codes",
    [b"\x00", b"\x06", b"\xff", b"\x02\x00", b"\x03", b"\x04\x00", b"\x04\x00\x02" + b"x" * 15, b"\x05\x00"],
)
def test_an_operation_that_cannot_be_executed_is_the_last(binary, tmp_path, codes):
    """What was before it has been executed, and the next request is right."""
    with serialsim.SerialSim(binary, tmp_path) as sim:
        port = Port(sim.terminal, BAUD)
        port.send(framed(b"\x01" + Write(3, 4).code + Read(16).code + codes))
        got = received(port)
        assert got.startswith(b"\x01" + (16 << 16).to_bytes(4, "little"))
        assert got.endswith(b"\x01")
        port.send(framed(b"\x02" + Pull(2, 9).code))
        assert received(port) == b"\x02\x01" + (3 << 32 | 4).to_bytes(8, "little") + b"\x00"
        port.close()


def test_results_that_find_no_room(binary, tmp_path):
    with serialsim.SerialSim(binary, tmp_path) as sim:
        port = Port(sim.terminal, BAUD)
        port.send(framed(b"\x01" + Read(16).code * 600))
        got = received(port)
        assert len(got) == 2047
        assert got[-1] == 1
        port.send(framed(b"\x02" + Read(16).code))
        assert received(port) == b"\x02" + (16 << 16 | 600).to_bytes(4, "little") + b"\x00"
        port.close()


def test_frames_that_are_too_long_are_dropped(binary, tmp_path):
    with serialsim.SerialSim(binary, tmp_path) as sim:
        port = Port(sim.terminal, BAUD)
        for size in (2048 - 5, 2048, 4096 - 6, 4096):
            port.send(framed(b"\x01" + Write(3, 4).code + bytes(size - 7)))
        # A byte less is the longest that is taken; it has no such operation behind the first one.
        port.send(framed(b"\x01" + Write(3, 5).code + bytes(2047 - 5 - 7)))
        assert received(port) == b"\x01\x01"
        port.send(framed(b"\x02" + Pull(2, 9).code))
        assert received(port) == b"\x02\x01" + (3 << 32 | 5).to_bytes(8, "little") + b"\x00"
        port.close()


def test_a_client_that_dies_in_the_middle_of_a_request_leaves_no_trace(binary, tmp_path):
    with serialsim.SerialSim(binary, tmp_path) as sim:
        for size in range(1, 12):
            port = Port(sim.terminal, BAUD)
            port.send(framed(b"\x01" + Write(3, 4).code)[:size])
            port.close()
            port = Port(sim.terminal, BAUD)
            link = Link(port, BAUD, sim.terminal)
            link.greet(os.urandom(4))
            pull = Pull(2, 9)
            link.ask(Request([pull]))
            assert pull.words == b""
            port.close()


@pytest.mark.slow
@pytest.mark.parametrize("hosts", [24, 25, 26])
def test_with_as_many_cycles_a_bit_as_on_a_board(tmp_path, hosts):
    """Also where the host's clock is 4 % off: half a bit at the end of a byte would be 5 %."""
    model = Model(4)
    with serialsim.SerialSim(bench(25, hosts), tmp_path) as sim:
        port = Port(sim.terminal, BAUD)
        link = Link(port, 100_000, sim.terminal)
        link.greet(os.urandom(4))
        for index in range(100):
            request, expected = model.request(7)
            link.ask(request)
            assert [result(each) for each in request.operations] == expected(), index
        assert link.damaged == 0
        port.close()


def received(port):
    """The body of the next frame."""
    frames = Frames()
    while True:
        if bodies := frames.feed(port.receive()):
            return bodies[0]
