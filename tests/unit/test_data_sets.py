"""The data sets of pictures: those that packages ship, and look-alikes of the published archives."""

import hashlib
import importlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from levada import models
from levada.errors import LevadaError
from tests.require_tools import require
from tests.unit import published

data = importlib.import_module("levada.models.data")
cifar10 = importlib.import_module("levada.models.data.cifar10")
packages = importlib.import_module("levada.models.data.reading.packages")
main = importlib.import_module("levada.models.data.__main__")


def tarred(files):
    """A .tar.gz of {name: bytes}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, raw in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return buffer.getvalue()


class TestDigits8x8:
    def test_shipped_digits(self):
        found = data.load("digits8x8")
        assert (found.x_train.shape, found.x_test.shape) == ((1437, 1, 8, 8), (360, 1, 8, 8))
        assert (found.x_train.dtype, found.x_train.max(), found.divisor) == (np.uint8, 16, 16)
        assert found.y_train[:12].tolist() == [*range(10), 0, 1]
        assert np.bincount(found.y_test).min() >= 33

    def test_they_are_those_of_scikit_learn(self):
        theirs = importlib.import_module("sklearn.datasets").load_digits()
        found = data.load("digits8x8")
        np.testing.assert_array_equal(np.concatenate([found.x_train, found.x_test])[:, 0], theirs.images)
        np.testing.assert_array_equal(np.concatenate([found.y_train, found.y_test]), theirs.target)


class TestFaces:
    def test_shipped_faces(self):
        require("skimage")
        found = data.load("faces")
        assert (found.x_train.shape, found.x_test.shape) == ((160, 1, 25, 25), (40, 1, 25, 25))
        assert (found.x_train.dtype, found.x_train.max()) == (np.uint8, 255)
        assert np.bincount(found.y_train).tolist() == [80, 80]
        assert np.bincount(found.y_test).tolist() == [20, 20]
        # Faces are about equally bright in the middle; the others are anything.
        middle = found.x_train[:, 0, 8:17, 8:17].mean(axis=(1, 2))
        assert 2 * middle[found.y_train == 1].std() < middle[found.y_train == 0].std()

    def test_without_the_package(self, monkeypatch):
        monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(LevadaError) as error:
            data.load("faces")
        assert str(error.value) == (
            "the file skimage/data/lfw_subset.npy is not here; `pip install scikit-image` brings it"
        )


class TestCifar10:
    @pytest.fixture
    def parts(self):
        """Classes and pixels by the number of a file, 0 for the one for testing."""
        rng = np.random.default_rng(1)
        return {
            number: (rng.integers(0, 10, count, np.uint8), rng.integers(0, 256, (count, 3072), np.uint8))
            for number, count in enumerate([3, 4, 4, 4, 4, 4])
        }

    def archives(self, parts):
        binary, pickled = {}, {}
        for number, (classes, pixels) in parts.items():
            name = f"data_batch_{number}" if number else "test_batch"
            records = np.concatenate([classes[:, None], pixels], axis=1)
            binary[f"cifar-10-batches-bin/{name}.bin"] = records.tobytes()
            table = {b"labels": classes.tolist(), b"data": pixels, b"filenames": [], b"batch_label": b""}
            pickled[f"cifar-10-batches-py/{name}"] = pickle.dumps(table, protocol=2)
        extra = {"cifar-10-batches-py/readme.html": b"x"}
        return {cifar10.BINARY: tarred(binary), cifar10.PYTHON: tarred(pickled | extra)}

    @pytest.mark.parametrize("name", [cifar10.BINARY, cifar10.PYTHON])
    def test_both_archives_hold_the_same(self, parts, monkeypatch, tmp_path, name):
        archives = self.archives(parts)
        folder = published.give(monkeypatch, tmp_path, cifar10, archives)
        (folder / (set(archives) - {name}).pop()).unlink()
        found = data.load("cifar10")
        assert (found.x_train.shape, found.x_test.shape) == ((20, 3, 32, 32), (3, 3, 32, 32))
        assert (found.x_train.dtype, found.y_train.dtype) == (np.uint8, np.int64)
        np.testing.assert_array_equal(found.x_train[4:8].reshape(4, -1), parts[2][1])
        np.testing.assert_array_equal(found.y_train[4:8], parts[2][0])
        np.testing.assert_array_equal(found.x_test.reshape(3, -1), parts[0][1])

    def test_a_cut_archive_is_refused(self, parts, monkeypatch, tmp_path):
        folder = published.give(monkeypatch, tmp_path, cifar10, self.archives(parts))
        path = folder / cifar10.BINARY
        wanted = hashlib.md5(path.read_bytes()).hexdigest()
        path.write_bytes(path.read_bytes()[:-100])
        got = hashlib.md5(path.read_bytes()).hexdigest()
        with pytest.raises(LevadaError) as error:
            data.load("cifar10")
        assert str(error.value) == (
            f"{path}: is not CIFAR-10's {cifar10.BINARY}: expected MD5 {wanted}, got {got}; "
            "replace or remove this file"
        )

    def test_it_is_large_and_not_fetched_by_itself(self, monkeypatch, tmp_path):
        published.nothing_set(monkeypatch, tmp_path)
        monkeypatch.setattr(cifar10.sources, "download", None)
        with pytest.raises(data.UnavailableError) as error:
            data.load("cifar10")
        assert str(error.value) == (
            f"CIFAR-10 cannot be had: LEVADA_DATA is not set; {tmp_path}/cache/data/cifar10 lacks "
            "cifar-10-binary.tar.gz and cifar-10-python.tar.gz; `python -m levada.models.data cifar10` "
            "fetches about 170 MB, or put cifar-10-binary.tar.gz or cifar-10-python.tar.gz into a folder "
            "cifar10/ and set LEVADA_DATA to the folder around it"
        )

    def test_on_demand_it_is_fetched_once(self, parts, monkeypatch, tmp_path, capsys):
        archives = self.archives(parts)
        published.nothing_set(monkeypatch, tmp_path)
        mirrors = cifar10.PUBLISHED.mirrors
        published.replace(monkeypatch, cifar10, archives, mirrors)
        asked = []

        def download(url, path):
            asked.append(url)
            path.write_bytes(archives[path.name])

        monkeypatch.setattr(cifar10.sources, "download", download)
        for _ in range(2):
            assert main._main(["cifar10"]) == 0
        assert asked == [f"{mirrors[0]}{cifar10.BINARY}"]
        kept = tmp_path / "cache" / "data" / "cifar10" / cifar10.BINARY
        assert capsys.readouterr().out == f"{kept}\n" * 2
        assert len(data.load("cifar10").x_train) == 20


def test_fetching_what_has_no_files_or_no_network(monkeypatch, tmp_path, capsys):
    published.nothing_set(monkeypatch, tmp_path)
    monkeypatch.setenv("LEVADA_OFFLINE", "1")
    assert main._main(["faces"]) == 1
    assert (
        capsys.readouterr().err
        == "error: data set 'faces' is never fetched; see docs/data.md for its source\n"
    )
    assert main._main(["cifar10"]) == 1
    assert (
        "; the network is left out (LEVADA_OFFLINE=1); put cifar-10-binary.tar.gz or"
        in capsys.readouterr().err
    )
    monkeypatch.delenv("LEVADA_OFFLINE")
    assert main._main(["visual_wake_words"]) == 1
    assert "lacks annotations_trainval2017.zip; put annotations_trainval2017.zip, " in capsys.readouterr().err


def test_the_documentation_has_them_all():
    rows = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8").splitlines()
    listed = [row.split("`")[1] for row in rows if row.startswith("| `") and row.count("|") == 6]
    assert sorted(listed) == data.names()
    files = {row.split("`")[1]: row for row in rows if row.startswith("| `") and row.count("|") == 4}
    for name in data.names():
        published_files = getattr(data.module(name), "PUBLISHED", None)
        if published_files and name != "mnist":
            assert all(f"`{file}`" in files[name] for file in published_files.files)


def test_models_name_data_sets_with_classes():
    named = {models.find(name).dataset for name in models.names()} - {None}
    for name in named:
        assert get_type_hints(data.module(name).load)["return"] is data.Dataset
    assert {"mnist", "cifar10", "speech_commands", "visual_wake_words"} <= named


def test_the_same_name_is_in_the_file_and_in_what_it_loads():
    for name in data.names():
        assert (
            getattr(data.module(name), "PUBLISHED", None) is None or data.module(name).PUBLISHED.name == name
        )
