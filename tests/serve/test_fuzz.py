"""Damaged requests from a seed: each gets an answer of 4xx with a reason, and the server goes on."""

from __future__ import annotations

import collections
import http.client
import json
import random
import socket
import sys

import h11
import pytest

from tests.serve import servers
from tests.serve.test_server import INFER, X, binary, results, tensor

VALUES = [
    None,
    True,
    -1,
    0,
    1e400,
    2**70,
    "",
    "\ud800",
    [],
    [[]],
    {},
    {"a": 1},
    "UINT8",
    [2, 2],
    1.5,
    float("nan"),
]
BYTES = [
    b"\0",
    b"\xff",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\r\n",
    b"\r\n\r\n",
    b"9" * 30,
    b":",
    b" ",
    b"%00",
    b"\x80" * 9,
]


def damaged_json(chance):
    """A JSON request in which some values are others, or missing."""
    request = {"id": "a", "inputs": [tensor()], "outputs": [{"name": "output0"}]}
    for _ in range(chance.randint(1, 3)):
        holder = chance.choice(
            [request, *(t for t in request.get("inputs") or [] if isinstance(t, dict))] * 2
        )
        key = chance.choice(["id", "inputs", "outputs", "parameters", "name", "datatype", "shape", "data"])
        if chance.random() < 0.2:
            holder.pop(key, None)
        else:
            holder[key] = chance.choice(VALUES)
        if not isinstance(request.get("inputs"), list):
            break
    return json.dumps(request).encode(), {}


def damaged_bytes(chance, data):
    """Bytes of which some are missing, others, or more."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, what = chance.randrange(len(data) + 1), chance.randrange(3)
        if what == 0:
            data[at : at + chance.randint(1, 20)] = b""
        else:
            data[at : at + (what == 1)] = chance.choice(BYTES)
    return bytes(data)


def damaged_body(chance):
    """A request whose body is damaged, binary or not, or said to be what it is not."""
    if chance.random() < 0.4:
        return damaged_json(chance)
    body, headers = binary() if chance.random() < 0.7 else (json.dumps({"inputs": [tensor()]}).encode(), {})
    if chance.random() < 0.2:
        headers["Content-Encoding"] = chance.choice(["gzip", "deflate", "br", "identity", "\x7f"])
    if headers and chance.random() < 0.2:
        headers["Inference-Header-Content-Length"] = chance.choice(
            ["", "0", "-1", "9" * 5000, "1e2", "x", "12"]
        )
    return damaged_bytes(chance, body), headers


def message(body, headers):
    """A whole HTTP request."""
    lines = [f"POST {INFER} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def due(data):
    """Whether these bytes hold a whole request, or what can be none: then an answer must come."""
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(data)
    try:
        while (event := parser.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                return True
    except h11.RemoteProtocolError:
        return True
    return False


def talk(server, data):
    """Status of the first answer; 400 ones have a reason, and 200 is for what the damage did no harm."""
    with socket.create_connection((server.host, server.port), servers.SECONDS) as connection:
        connection.sendall(data)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        body = json.loads(answer.read())
    if answer.status == 200:
        assert "outputs" in body, (data, body)
    else:
        assert 400 <= answer.status < 500, (data, body)
        assert body["error"], (data, body)
    return answer.status


@pytest.fixture
def count(request):
    return 10_000 if request.config.getoption("--deep") else 300


def alive(server, deploy):
    status, answer = server.json("POST", INFER, {"inputs": [tensor()]})
    assert (status, answer["outputs"][0]["data"]) == (200, results(deploy, X).reshape(-1).tolist())


def test_damaged_bodies(server, deploy, count, capsys):
    chance = random.Random(1)
    statuses = collections.Counter(talk(server, message(*damaged_body(chance))) for _ in range(count))
    with capsys.disabled():
        sys.stdout.write(f"\n{count:,} damaged bodies: {dict(statuses)}\n")
    assert statuses[200] < 0.3 * count
    alive(server, deploy)


def test_damaged_heads(server, deploy, count, capsys):
    """Damage anywhere before the body. What is no whole request has no answer, and is left behind."""
    chance = random.Random(2)
    statuses = collections.Counter()
    for _ in range(count):
        head, end, rest = message(*binary()).partition(b"\r\n\r\n")
        data = damaged_bytes(chance, head) + end + rest
        if due(data):
            statuses[talk(server, data)] += 1
        else:
            leave(server, data)
            statuses["incomplete"] += 1
    with capsys.disabled():
        sys.stdout.write(f"\n{count:,} damaged heads: {dict(statuses)}\n")
    assert statuses[200] < 0.3 * count
    alive(server, deploy)


def leave(server, data):
    with socket.create_connection((server.host, server.port), servers.SECONDS) as connection:
        connection.sendall(data)
