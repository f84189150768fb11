"""The server as clients see it: each path, each way to send a tensor, each limit, and its end."""

from __future__ import annotations

import gzip
import http.client
import json
import signal
import socket
import subprocess
import threading
import zlib

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serve import servers

INFER = "/v2/models/tiny/infer"
X = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)


def tensor(x=X, datatype="UINT8", **more):
    return {
        "name": "input",
        "datatype": datatype,
        "shape": list(x.shape),
        "data": x.reshape(-1).tolist(),
        **more,
    }


def binary(x=X, datatype="UINT8", **request):
    """Body and headers of a request with a binary tensor."""
    head = tensor(x, datatype, parameters={"binary_data_size": x.nbytes})
    del head["data"]
    text = json.dumps({"inputs": [head], **request}).encode()
    return text + x.tobytes(), {"Inference-Header-Content-Length": str(len(text))}


def results(deploy, x=X):
    (expected,) = servers.expected(deploy, x)
    return expected


def test_metadata(server):
    assert server.json("GET", "/v2/health/live") == (200, {"live": True})
    assert server.json("GET", "/v2/health/ready") == (200, {"ready": True})
    status, about = server.json("GET", "/v2")
    assert (status, about["name"], about["extensions"]) == (200, "levada-run", ["binary_tensor_data"])
    assert server.json("GET", "/v2/models/tiny/ready") == (200, {"name": "tiny", "ready": True})
    metadata = {
        "name": "tiny",
        "versions": ["1"],
        "platform": "levada",
        "inputs": [{"name": "input", "datatype": "UINT8", "shape": [-1, 2, 2]}],
        "outputs": [{"name": "output0", "datatype": "FP32", "shape": [-1, 3]}],
    }
    assert server.json("GET", "/v2/models/tiny") == (200, metadata)
    assert server.json("GET", "/v2/models/tiny/versions/1") == (200, metadata)


@pytest.mark.parametrize(
    ("datatype", "kind"), [("UINT8", "u1"), ("INT64", "i8"), ("FP32", "f4"), ("FP64", "f8"), ("FP16", "f2")]
)
@pytest.mark.parametrize("way", ["json", "nested", "binary"])
def test_infer(server, deploy, datatype, kind, way):
    x = X.astype(kind)
    if way == "binary":
        body, headers = binary(x, datatype)
    else:
        data = x.reshape(-1) if way == "json" else x
        body, headers = json.dumps({"inputs": [tensor(x, datatype, data=data.tolist())]}), {}
    status, _, answer = server.ask("POST", INFER, body, headers)
    expected = results(deploy).reshape(-1).tolist()
    output = {"name": "output0", "datatype": "FP32", "shape": [2, 3], "data": expected}
    assert (status, json.loads(answer)) == (
        200,
        {"model_name": "tiny", "model_version": "1", "outputs": [output]},
    )


@pytest.mark.parametrize(
    "request_",
    [
        {"parameters": {"binary_data_output": True}},
        {"outputs": [{"name": "output0", "parameters": {"binary_data": True}}]},
    ],
)
def test_binary_results(server, deploy, request_):
    body, headers = binary(**request_, id="Zwölf \ud800")
    status, answered, answer = server.ask("POST", INFER, body, headers)
    length = int(answered["Inference-Header-Content-Length"])
    head = json.loads(answer[:length])
    assert (status, head["id"], answered["Content-Type"]) == (200, "Zwölf \ud800", "application/octet-stream")
    assert head["outputs"][0]["parameters"] == {"binary_data_size": 24}
    assert answer[length:] == results(deploy).tobytes()


def test_no_frames(server):
    status, answer = server.json("POST", INFER, {"inputs": [tensor(X[:0])]})
    assert (status, answer["outputs"][0]["shape"], answer["outputs"][0]["data"]) == (200, [0, 3], [])


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies(server, deploy, encoding, compress):
    body, headers = binary()
    headers |= {"Content-Encoding": encoding}
    status, _, answer = server.ask("POST", INFER, compress(body), headers)
    assert (status, json.loads(answer)["outputs"][0]["data"]) == (200, results(deploy).reshape(-1).tolist())
    for damaged, said in (
        (body, f"the body is no {encoding} ("),
        (compress(body)[:-3], f"the body is not one whole {encoding} stream"),
        (compress(body) + b"more", f"the body is not one whole {encoding} stream"),
    ):
        status, _, answer = server.ask("POST", INFER, damaged, headers)
        assert status == 400
        assert json.loads(answer)["error"].startswith(said)
    status, _, answer = server.ask("POST", INFER, compress(bytes(33 << 20)), headers)
    assert (status, json.loads(answer)["error"]) == (
        413,
        "a body that is larger when inflated; up to 33,554,432 bytes are taken: send fewer frames at once",
    )


REFUSED = [
    ({}, "inputs is None; it must be a list of one tensor, 'input'"),
    ([], "the request is []; it must be a JSON object"),
    ({"id": 1, "inputs": [tensor()]}, "id is 1; it must be a string"),
    ({"inputs": [tensor(name="x")]}, "input 'x' is unknown; tiny has 'input'"),
    ({"inputs": [tensor(shape=[2, 4])]}, "shape is [2, 4]; it must be [frames, 2, 2]"),
    ({"inputs": [tensor(shape=[-2, 2, 2])]}, "shape is [-2, 2, 2]; it must be [frames, 2, 2]"),
    ({"inputs": [tensor(shape=[10**30, 2, 2])]}, "data has 8 elements; shape [1"),
    ({"inputs": [tensor(data=[1, 2])]}, "data has 2 elements; shape [2, 2, 2] takes 8"),
    ({"inputs": [tensor(data=[[1, 2], [3]])]}, "data is no regular list of numbers ("),
    ({"inputs": [tensor(data=["1"] * 8)]}, "data has values that are not numbers of UINT8"),
    ({"inputs": [tensor(data=[None] * 8)]}, "data has values that are not numbers of UINT8"),
    ({"inputs": [tensor(data="12345678")]}, "data is '12345678'; it must be a list of numbers"),
    ({"inputs": [tensor(data=[300] * 8)]}, "there are values that UINT8 does not hold; send UINT8"),
    ({"inputs": [tensor(data=[-1] * 8)]}, "there are values that UINT8 does not hold; send UINT8"),
    ({"inputs": [tensor(X / 3, "FP32")]}, "there are values that UINT8 does not hold; send UINT8"),
    ({"inputs": [tensor(data=[16] * 8)]}, "input from 16 to 16 does not fit UINT4"),
    ({"inputs": [tensor(datatype="BYTES")]}, "datatype is 'BYTES'; send UINT8, or one of BOOL, UINT8"),
    ({"inputs": [tensor(parameters=[])]}, "parameters of the input are []; they must be a JSON object"),
    (
        {"inputs": [tensor(parameters={"shared_memory_region": "x"})]},
        "parameter 'shared_memory_region' of the input is not supported; leave it out",
    ),
    ({"inputs": [tensor()], "outputs": 3}, "outputs is 3; it must be a list of tensors"),
    ({"inputs": [tensor()], "outputs": [{"name": "y"}]}, "output 'y' is unknown; tiny has output0"),
    (
        {"inputs": [tensor()], "outputs": [{"name": "output0", "parameters": {"binary_data": 1}}]},
        "binary_data is 1; it must be true or false",
    ),
]


@pytest.mark.parametrize(("content", "text"), REFUSED)
def test_wrong_requests_are_refused(server, content, text):
    status, answer = server.json("POST", INFER, content)
    assert status == 400
    assert answer["error"].startswith(text)


def test_wrong_binary_requests_are_refused(server):
    body, headers = binary()
    for sent, given, text in (
        (body, {}, "the request is no JSON (Extra data"),
        (
            body,
            {"Inference-Header-Content-Length": "x"},
            "Inference-Header-Content-Length is 'x'; it must be a",
        ),
        (
            body,
            {"Inference-Header-Content-Length": "9999"},
            "Inference-Header-Content-Length is '9999'; it must",
        ),
        (body[:-1], headers, "binary_data_size is 8; 7 bytes follow the JSON, which must be all data"),
        (body + b"1", headers, "binary_data_size is 8; 9 bytes follow the JSON, which must be all data"),
        (b"[" * 100_000, {}, "the request is no JSON ("),
        (b"\xff\xfe\x00", {}, "the request is no JSON ("),
        (b"", {}, "the request is no JSON (Expecting value"),
    ):
        status, _, answer = server.ask("POST", INFER, sent, given)
        assert status == 400
        assert json.loads(answer)["error"].startswith(text)


def test_unknown_paths_and_methods(server):
    for method, path, status, text in (
        ("GET", "/v3", 404, "GET '/v3': Not Found"),
        ("GET", "/v2/models/tiny/", 404, "GET '/v2/models/tiny/': Not Found"),
        ("GET", "/demo", 404, "GET '/demo': Not Found"),
        ("GET", INFER, 405, f"GET '{INFER}': Method Not Allowed"),
        ("POST", "/v2/models/other/infer", 404, "model 'other' is unknown; this server has 'tiny'"),
        ("GET", "/v2/models/tiny/versions/2", 404, "version '2' is unknown; tiny has '1'"),
    ):
        assert server.json(method, path, {} if method == "POST" else None) == (status, {"error": text})


def test_a_body_that_is_too_large(server):
    status, _, answer = server.ask("POST", INFER, bytes((32 << 20) + 1))
    text = "a body that is larger; up to 33,554,432 bytes are taken: send fewer frames at once"
    assert (status, json.loads(answer)["error"]) == (413, text)
    lines = f"POST {INFER} HTTP/1.1", "Host: localhost", "Expect: 100-continue", "Content-Length: 99999999"
    with socket.create_connection((server.host, server.port), servers.SECONDS) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_metrics(server):
    server.json("POST", INFER, {"inputs": [tensor()]})
    server.json("POST", INFER, {})
    _, _, text = server.ask("GET", "/metrics")
    samples = {
        (sample.name, sample.labels.get("code")): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
    assert samples["levada_requests_total", "200"] >= 1
    assert samples["levada_requests_total", "400"] >= 1
    assert samples["levada_frames_total", None] >= 2
    assert samples["levada_requests_waiting", None] == 0
    assert ("process_resident_memory_bytes", None) in samples


def test_the_pipeline(deploy):
    with servers.running(deploy, backend="rtlsim") as server:
        status, answer = server.json("GET", "/v2/models/tiny/pipeline")
        assert (status, answer["frames"], answer["clock_mhz"]) == (200, 8, 100.0)
        assert all(stream["moving"] == 16 for stream in answer["streams"][:1])
        assert {"name", "moving", "starved", "stalled"} == set(answer["streams"][0])


def test_a_full_queue(deploy):
    with servers.running(deploy, "--queue", 1) as server:
        held = http.client.HTTPConnection(server.host, server.port, timeout=servers.SECONDS)
        body = json.dumps({"inputs": [tensor()]}).encode()
        held.putrequest("POST", INFER)
        held.putheader("Content-Length", str(len(body)))
        held.endheaders()
        held.send(body[:5])
        text = "1 requests wait, the most that may; ask again later"
        while (answer := server.json("POST", INFER, {"inputs": [tensor()]}))[0] == 200:
            pass  # until the server has seen the head of the one that is held
        assert answer == (503, {"error": text})
        assert server.json("GET", "/v2/health/live") == (200, {"live": True})
        held.send(body[5:])
        assert held.getresponse().status == 200
        held.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_finished(deploy, number):
    """The end comes while a request's body still arrives: it is answered, and then the server is gone."""
    with servers.running(deploy) as server:
        body = json.dumps({"inputs": [tensor()]}).encode()
        held = http.client.HTTPConnection(server.host, server.port, timeout=servers.SECONDS)
        held.putrequest("POST", INFER)
        held.putheader("Content-Length", str(len(body)))
        held.endheaders()
        waiting = b"levada_requests_waiting 1.0"
        while waiting not in server.ask("GET", "/metrics")[2]:
            pass
        ended = threading.Thread(target=lambda: found.append(server.stop(number)))
        found = []
        ended.start()
        _until_refused(server)
        held.send(body)
        assert held.getresponse().status == 200
        held.close()
        ended.join()
        assert found == [(0, "", "")]


def _until_refused(server):
    try:
        while True:
            socket.create_connection((server.host, server.port), servers.SECONDS).close()
    except OSError:
        pass  # it no longer listens


TOKEN = "a-token-of-some-length"


def test_a_token(deploy, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with servers.running(deploy, "--host", "0.0.0.0", "--token-file", tmp_path / "token", "--demo") as server:
        text = "the header `Authorization: Bearer TOKEN` is missing or has another token"
        for path in ("/v2", "/metrics", "/v2/models/tiny", "/demo.json", "/v2/models/tiny/pipeline", "/x"):
            for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN}):
                assert server.json("GET", path, headers=headers) == (401, {"error": text})
        assert server.ask("GET", "/v2/health/ready")[0] == 200
        assert server.ask("GET", "/demo")[0] == 200
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert server.json("POST", INFER, {"inputs": [tensor()]}, right)[0] == 200
        assert server.ask("GET", "/v2", headers=right | {"Host": "board.example"})[0] == 200


def test_without_a_token_only_this_machine_is_named(server):
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1:1", "[::1]:8000", "[::1]", "127.0.0.1"):
        assert server.ask("GET", "/v2", headers={"Host": host})[0] == 200
    for host in ("board.example", "127.0.0.1.board.example:8000", "10.0.0.1", ""):
        assert server.ask("GET", "/v2", headers={"Host": host})[0] == 403


@pytest.mark.parametrize(
    ("options", "token", "text"),
    [
        (
            ["--host", "0.0.0.0"],
            "",
            "--host 0.0.0.0: others reach that, so a bearer token is needed, and LEVADA_TOKEN has none; ",
        ),
        (["--host", "0.0.0.0"], "short", "LEVADA_TOKEN: a token has at least 16 visible ASCII characters"),
        (["--token-file", "nowhere"], TOKEN, "nowhere: the token cannot be read ("),
        (["--port", "70000"], "", "--port 70000: must be from 0 to 65535"),
        (["--queue", "0"], "", "--queue 0: must be from 1 to 65536"),
        (["--max-body", "0"], "", "--max-body 0: must be from 1 to 1024"),
        (["--host", "192.0.2.1"], TOKEN, "--host 192.0.2.1 --port 0: cannot listen there ("),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(deploy, options, token, text, monkeypatch):
    monkeypatch.setenv("LEVADA_TOKEN", token)
    done = subprocess.run(servers.command(deploy, *options), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.startswith(f"levada-run: {text}")


def test_a_port_that_is_taken(deploy, server):
    taken = servers.command(deploy, "--port", server.port)
    done = subprocess.run(taken, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"--port {server.port}: cannot listen there (" in done.stderr
