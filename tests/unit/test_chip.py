"""The driver over the simulated chip: batches under stalls, memory that fails or stops, what follows."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from levada_driver import Accelerator, ChipError, DriverError, StuckError, chip
from levada_driver import registers as reg
from levada_driver.packing import WORD

from levada import deploy
from tests.unit import packages

# Of memory; and of hosts: a reset from elsewhere, a batch with fewer words for one of its engines.
FAULTS = ("read-error", "write-error", "ar", "r", "aw", "w", "b")
MISTAKES = ("reset", "short")
ANSWERS = {2: "a slave error (SLVERR)", 3: "a decode error (DECERR: no memory at that address)"}


@pytest.fixture(
    scope="module", params=[(1, 1), (2, 1), (4, 2)], ids=lambda ports: f"{ports[0]} and {ports[1]}"
)
def folder(tmp_path_factory, request):
    """A package whose chip has so many memory ports to read and to write by."""
    path = tmp_path_factory.mktemp("package") / "deploy"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deploy, "memory_ports", lambda *_: request.param)
        packages.write_wide(path)
    return path


@pytest.fixture
def accelerator(folder):
    with Accelerator(folder, "rtlsim", batch=8) as opened:
        yield opened


@pytest.fixture
def ask(accelerator):
    """Commands to the simulator: what no user can do."""
    return accelerator._backend.ask


def frames(count, seed=0):
    return np.random.default_rng(seed).integers(0, 16, (count, 5, 24))


def expected(x):
    """The accelerator's integers."""
    return (x @ packages.wide().nodes[0].layer.weights.T).reshape(len(x), -1)


def finished(x):
    """The network's output."""
    return expected(x).reshape(len(x), 5, 3) * packages.SCALE + packages.BIAS


def test_batches_of_any_size_are_right_under_stalls(accelerator, ask):
    for seed, (count, stalls) in enumerate([(1, 0), (7, 60), (8, 128), (9, 200), (40, 90), (100, 30)]):
        assert ask("stalls", stalls, seed) == "ok"
        ask("latency", 1 + 40 * seed)
        x = frames(count, seed)
        assert np.array_equal(accelerator.run_integers(x), expected(x)), (count, stalls)


def test_a_batch_takes_the_time_of_its_frames(folder):
    with Accelerator(folder, "rtlsim", batch=400) as accelerator:
        accelerator.run_integers(frames(400))
        m = accelerator.manifest
        slowest = max(m.interval, *m.words)
        assert 400 * slowest <= accelerator._chip.cycles <= 1.02 * 400 * slowest + m.latency + 100


def test_the_next_batch_starts_while_one_is_under_way(accelerator):
    """40 frames in five batches of 8: the chip is never idle between them, so CYCLES counts them all."""
    under_way, wait = [], accelerator._chip.wait

    def watched():
        under_way.append(accelerator._chip.under_way)
        wait()

    accelerator._chip.wait = watched
    x = frames(80)
    assert np.array_equal(accelerator.run_integers(x), expected(x))
    assert max(under_way) == 2


def test_results_come_in_the_order_of_submission(accelerator):
    jobs = [(x, accelerator.submit(x)) for x in (frames(1 + seed, seed) for seed in range(12))]
    for x, job in jobs:
        assert np.array_equal(job.result(60), finished(x))
    given = [frames(3, seed) for seed in range(20)]
    got = list(accelerator.stream(given))
    assert all(np.array_equal(y, finished(x)) for x, y in zip(given, got, strict=True))


def test_threads_share_an_accelerator(accelerator):
    wrong = []

    def use(seed):
        for index in range(10):
            x = frames(1 + index, 100 * seed + index)
            if not np.array_equal(accelerator.run_integers(x), expected(x)):
                wrong.append((seed, index))

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_one_wrong_job_leaves_the_others_alone(accelerator):
    good, bad = accelerator.submit(frames(20)), accelerator.submit(np.full((20, 5, 24), 99))
    late = accelerator.submit(frames(20, 1))
    with pytest.raises(DriverError, match="wide: input from 99 to 99 does not fit UINT4"):
        bad.result(60)
    assert np.array_equal(good.result(60), finished(frames(20)))
    assert np.array_equal(late.result(60), finished(frames(20, 1)))


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(("fault", "engine"), [("read-error", "reader 0"), ("write-error", "writer 0")])
def test_an_error_of_memory_names_the_engine(accelerator, ask, fault, engine, answer):
    ask("fault", fault, 0, answer)
    with pytest.raises(ChipError) as error:
        accelerator.run(frames(8))
    text = str(error.value)
    assert text.startswith(f"wide: {engine} got {ANSWERS[answer]}; reader 0 moved ")
    assert text.endswith("; it was reset")
    assert np.array_equal(accelerator.run_integers(frames(30)), expected(frames(30)))


@pytest.mark.parametrize("burst", range(4))
def test_an_error_is_seen_even_when_the_batch_has_ended(folder, burst):
    """By a host that looks so late that all words have passed, the bad ones with them."""
    with Accelerator(folder, "rtlsim", batch=8) as late:
        wait = late._chip.wait
        late._chip.wait = lambda: (late._backend.write(reg.INTERRUPT, 0), late._backend.wait(5000), wait())
        late._backend.ask("fault", "read-error", burst, 2)
        with pytest.raises(ChipError, match=r"reader \d got a slave error"):
            late.run(frames(30))


def test_an_address_without_memory_is_an_error(accelerator):
    others = [buffer.address for buffer in accelerator._slots[0].buffers[1:]]
    accelerator._chip.start(4, [0x8000_0000, *others])
    with pytest.raises(ChipError) as error:
        accelerator._chip.wait()
    assert str(error.value).startswith(f"wide: reader 0 got {ANSWERS[3]}; ")
    assert np.array_equal(accelerator.run_integers(frames(3)), expected(frames(3)))


@pytest.mark.parametrize("channel", FAULTS[2:])
def test_a_channel_that_stops_is_reported(accelerator, ask, channel):
    accelerator._chip._timeout = 2e-4  # 20,000 cycles
    ask("fault", channel, 0, 60_000)
    with pytest.raises(StuckError) as error:
        accelerator.run(frames(8))
    text = str(error.value)
    assert text.startswith("wide: nothing has moved for 2")
    assert "cycles; reader 0 moved " in text
    assert text.endswith("; it was reset")
    assert np.array_equal(accelerator.run_integers(frames(30)), expected(frames(30)))


def test_what_is_not_taken_is_named(folder):
    with Accelerator(folder, "rtlsim", batch=400, timeout=2e-4) as other:
        other._backend.ask("fault", "aw", 0, 60_000)
        with pytest.raises(StuckError, match=r"; not taken: \w+ \(input -> mvau_0\)"):
            other.run(frames(400))


def test_a_memory_port_that_never_answers(accelerator, ask, monkeypatch):
    accelerator._chip._timeout = 2e-4  # 20,000 cycles
    monkeypatch.setattr(chip, "_RESET", 20_000)
    ask("fault", "r", 0, 200_000)
    with pytest.raises(StuckError) as error:
        accelerator.run(frames(8))
    assert str(error.value) == (
        "wide: reset does not end: a memory port does not answer; load the bitstream again"
    )


def test_faults_at_any_time_are_reported_and_leave_no_trace(accelerator, ask, pytestconfig):
    """Each under random stalls, latency and load: an error or, if it is over in time, the right result."""
    accelerator._chip._timeout = 2e-4  # 20,000 cycles
    random = np.random.default_rng(7)
    reported = 0
    rounds = 1000 if pytestconfig.getoption("--deep") else 30
    for index in range(rounds):
        ask("stalls", int(random.integers(0, 200)), index)
        ask("latency", int(random.integers(1, 200)))
        fault = (*FAULTS, *MISTAKES)[index % len((*FAULTS, *MISTAKES))]
        x = frames(int(random.integers(1, 40)), index)
        if fault in MISTAKES:
            mistaken(accelerator._backend, fault, random)
        else:
            value = int(random.integers(2, 4)) if fault.endswith("error") else 60_000
            ask("fault", fault, int(random.integers(0, 12)), value)
        try:
            got = accelerator.run_integers(x)
        except ChipError as error:
            reported += 1
            ends = "nothing was started" if fault == "short" else "it was reset"
            assert str(error).endswith(f"; {ends}")  # noqa: PT017 - not every round raises
        else:
            assert np.array_equal(got, expected(x)), index
        vars(accelerator._backend).pop("write", None)
        for kind in FAULTS:  # what did not happen must not happen later
            ask("fault", kind, 1 << 60, 0)
        assert np.array_equal(accelerator.run_integers(x), expected(x)), index
    assert reported > rounds / 3


def mistaken(backend, fault, random):
    """Makes a host's mistake in the next batch, and none after it."""
    write, engine = backend.write, int(random.integers(0, 2))
    left = [1]

    def changed(offset, value):
        if fault == "short" and left[0] and offset == reg.engine(engine) + reg.WORDS:
            left[0], value = 0, value - 1
        write(offset, value)
        if fault == "reset" and left[0] and (offset, value) == (reg.CONTROL, reg.START):
            left[0] = 0
            backend.wait(int(random.integers(1, 400)))
            write(reg.CONTROL, reg.RESET)

    backend.write = changed


def test_a_reset_from_elsewhere_is_noticed(accelerator, ask):
    """Even where the number of finished batches was the same before and after."""
    x = frames(8)
    accelerator.run_integers(x)
    mistaken(accelerator._backend, "reset", np.random.default_rng(0))
    with pytest.raises(
        ChipError, match="wide: 0 batches are done, after 1 of 2: another program has used it"
    ):
        accelerator.run_integers(x)
    assert np.array_equal(accelerator.run_integers(x), expected(x))


def test_reset_at_any_time(accelerator, ask):
    """Batches are given up in the middle; what follows is right, and no byte is written late."""
    random = np.random.default_rng(3)
    slot = accelerator._slots[0]
    for index in range(40):
        ask("stalls", int(random.integers(0, 160)), index)
        slot.buffers[1].data[:] = 0xA5
        accelerator._chip.start(8, [buffer.address for buffer in slot.buffers])
        accelerator._backend.wait(int(random.integers(0, 300)))
        accelerator._chip.reset()
        left = slot.buffers[1].data.copy()
        accelerator._backend.wait(1000)
        assert np.array_equal(slot.buffers[1].data, left)
        x = frames(8, index)
        assert np.array_equal(accelerator.run_integers(x), expected(x))


def test_bytes_between_frames_are_not_written(accelerator):
    slot, m = accelerator._slots[0], accelerator.manifest
    out = slot.parts[-1]
    for buffer in out:
        buffer.data[:] = 0xA5
    accelerator._chip.start(8, [buffer.address for buffer in slot.buffers])
    accelerator._chip.wait()
    transfer = m.transfers[-1]
    whole = np.stack([buffer.data.reshape(8, transfer.words, WORD) for buffer in out], axis=2).reshape(8, -1)
    used = transfer.stream.frame_bytes
    assert used < whole.shape[1], "the network is meant to leave bytes free"
    assert (whole[:, used:] == 0xA5).all()
    assert not (whole[:, :used] == 0xA5).all()


def checksum(words):
    folded = (words & 0xFFFFFFFF) ^ (words >> np.uint64(32))
    return int(np.cumsum(np.cumsum(folded.astype(np.uint32), dtype=np.uint32), dtype=np.uint32)[-1])


def test_checksums_are_those_of_the_words(accelerator):
    slot = accelerator._slots[0]
    for buffer in slot.buffers:
        buffer.data[:] = np.random.default_rng(5).integers(0, 256, len(buffer.data))
    accelerator._chip.start(8, [buffer.address for buffer in slot.buffers])
    accelerator._chip.wait()
    want = [checksum(buffer.data.view("<u8")) for buffer in slot.parts[0]]
    assert accelerator._chip.checksums()[: len(want)] == want
    swapped = slot.buffers[0].data.view("<u8").copy()
    swapped[[2, 5]] = swapped[[5, 2]]
    assert checksum(swapped) != want[0]


def test_streams_say_what_they_do(accelerator):
    counts = accelerator.watch_streams(frames(8))
    m = accelerator.manifest
    assert [count.name for count in counts] == list(m.streams)
    assert counts[0].moving == 8 * m.inputs[0].beats
    assert counts[-1].moving == 8 * m.outputs[0].beats
    cycles = accelerator._chip.cycles
    assert all(count.moving + count.starved + count.stalled <= cycles for count in counts)
    assert sum(count.starved for count in counts) > 0


def test_benchmark_measures(accelerator):
    result = accelerator.benchmark(40, streams=True)
    assert result["frames"] == 40
    assert result["chip"]["frames"] == 8
    assert result["chip"]["fps"] == pytest.approx(8 * 100e6 / result["chip"]["cycles"])
    assert 0 < result["latency_ms"]["p50"] <= result["latency_ms"]["p99"]
    assert [row["name"] for row in result["streams"]] == list(accelerator.manifest.streams)


@pytest.mark.parametrize(
    ("register", "value", "said"),
    [
        (
            reg.MAGIC,
            0xDEAD,
            "wide: no levada accelerator answers (0x0000dead instead of 0x4144564c); load the ",
        ),
        (reg.MAP, 7, "wide: the bitstream has registers of version 7, this driver knows 1; install the "),
        (reg.DIGEST, 0, "wide: the bitstream is of another design ("),
    ],
)
def test_another_bitstream_is_refused(accelerator, monkeypatch, register, value, said):
    read = accelerator._backend.read
    monkeypatch.setattr(
        accelerator._backend, "read", lambda offset: value if offset == register else read(offset)
    )
    with pytest.raises(DriverError) as error:
        chip.Chip(accelerator._backend, accelerator.manifest)
    assert str(error.value).startswith(said)


def test_memory_that_does_not_suffice(folder):
    said = r"memory: [\d,]+ bytes are asked for, [\d,]+ of 536,870,912 are free; run smaller batches"
    with pytest.raises(DriverError, match=said):
        Accelerator(folder, "rtlsim", batch=1 << 24)


def test_a_simulator_that_is_killed(folder):
    with Accelerator(folder, "rtlsim") as accelerator:
        os.kill(accelerator._backend._process.pid, signal.SIGKILL)
        with pytest.raises(DriverError) as error:
            accelerator.run(frames(3))
        assert str(error.value).endswith("open the accelerator again")
    with Accelerator(folder, "rtlsim") as accelerator:
        assert np.array_equal(accelerator.run_integers(frames(3)), expected(frames(3)))


def test_registers_that_do_not_exist_read_zero(accelerator):
    assert accelerator._backend.read(0xFFC) == 0
    accelerator._backend.write(0xFFC, 1)
    assert accelerator.selftest() == 5


def test_a_closed_accelerator_says_so(folder):
    accelerator = Accelerator(folder, "cppsim")
    accelerator.close()
    accelerator.close()
    with pytest.raises(DriverError, match="wide: the accelerator is closed; open it again"):
        accelerator.run(frames(1))


@pytest.mark.parametrize("timeout", [0, -1.0])
def test_a_timeout_is_some_time(folder, timeout):
    with pytest.raises(DriverError, match=f"wide: timeout={timeout}: must be above 0"):
        Accelerator(folder, "cppsim", timeout=timeout)


@pytest.mark.parametrize("batch", [0, -1])
def test_a_batch_has_frames(folder, batch):
    with pytest.raises(DriverError, match=f"wide: batch={batch}: must be at least 1"):
        Accelerator(folder, "cppsim", batch=batch)
