"""Triton's own client, as it comes, and several of them at once.

It has an environment of its own: it wants an older ml_dtypes than levada has.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.board import environments
from tests.serve import servers

# Requests of 1 to 4 frames; all ways to send and to ask take turns. Each answer is compared with what its own
# frames must give.
CLIENT = """
import sys
import numpy as np
import tritonclient.http as triton

address, table, seed, count = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
random = np.random.default_rng(seed)
client = triton.InferenceServerClient(address)
for number in range(count):
    chosen = random.integers(len(table["x"]), size=random.integers(1, 5))
    x = table["x"][chosen]
    tensor = triton.InferInput("input", list(x.shape), "UINT8")
    tensor.set_data_from_numpy(x, binary_data=number % 3 > 0)
    wanted = [triton.InferRequestedOutput("output0", binary_data=number % 2 > 0)] if number % 5 else None
    packed = [None, "gzip", "deflate"][number % 7] if number % 7 < 3 else None
    name = f"{seed}-{number}"
    how = {"outputs": wanted, "request_id": name, "request_compression_algorithm": packed}
    answer = client.infer("tiny", [tensor], **how)
    assert answer.get_response()["id"] == name
    assert np.array_equal(answer.as_numpy("output0"), table["y"][chosen]), (seed, number)
print("equal")
"""


@pytest.fixture(scope="module")
def python():
    """An interpreter that has the client."""
    return environments.made("triton", ["tritonclient[http]==2.73.0"])


@pytest.fixture(scope="module")
def table(deploy, tmp_path_factory):
    """A file with frames x, each of them another one, and the expected answers y."""
    x = np.random.default_rng(0).integers(0, 16, (4096, 2, 2)).astype(np.uint8)
    path = tmp_path_factory.mktemp("table") / "table.npz"
    np.savez(path, x=x, y=servers.expected(deploy, x)[0])
    return path


def test_what_triton_clients_ask(server, python):
    script = """
import sys
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("tiny")
assert client.is_model_ready("tiny", "1") and not client.is_model_ready("other")
assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
assert client.get_model_metadata("tiny")["inputs"][0]["datatype"] == "UINT8"
tensor = triton.InferInput("input", [1, 4], "UINT8")
tensor.set_data_from_numpy(__import__("numpy").zeros((1, 4), "u1"))
try:
    client.infer("tiny", [tensor])
except triton.InferenceServerException as error:
    print(error.status(), error.message())
"""
    found = run(python, script, f"{server.host}:{server.port}")
    assert found == "400 shape is [1, 4]; it must be [frames, 2, 2]\n"


def run(python, script, *arguments):
    """What a client prints."""
    command = [str(python), "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def clients(python, server, table, count, first):
    """Two at once, `count` requests each; seeds from `first` on."""
    address, pipe = f"{server.host}:{server.port}", subprocess.PIPE
    words = [str(python), "-c", CLIENT, address, str(table)]
    both = [
        subprocess.Popen([*words, str(first + n), str(count)], stdout=pipe, stderr=pipe, text=True)
        for n in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=3600)
        assert (process.returncode, out) == (0, "equal\n"), err


def test_two_clients_at_once(python, server, table, request, capsys):
    """No error, no answer that is another's, and no memory that grows: 10,000 requests each with --deep."""
    count = 10_000 if request.config.getoption("--deep") else 300
    clients(python, server, table, max(300, count // 10), first=0)
    before = server.resident()
    clients(python, server, table, count, first=2)
    after = server.resident()
    with capsys.disabled():
        sys.stdout.write(f"\n2 x {count:,} requests: {before:.1f} MiB resident before, {after:.1f} after\n")
    assert after - before < 4
