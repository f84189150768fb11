"""Searches on a cluster of Ray, where that is installed: a head of one processor, started for these tests.

Ray is large and no part of what tests need; `pip install 'levada[ray]'` brings it.
"""

from __future__ import annotations

import functools
import math
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from levada import models
from levada.errors import LevadaError
from levada.search import search as searching
from levada.search.clock import TimeUpError
from levada.search.search import search
from levada.search.subject import subject
from levada.search.workers import workers
from tests.require_tools import require
from tests.unit import searches

ray = pytest.importorskip("ray", reason="Ray is not installed; it is large, so no part of levada[dev]")
ROOT = Path(__file__).parents[2]
#: Every Python of the cluster runs it first: those that work are to train on the tests' few images.
SITE = """
import sys
if any("default_worker.py" in word for word in sys.orig_argv):
    from tests.unit import searches
    searches.install()
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a cluster that was started in another folder, and knows nothing of this process."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    paths = [str(folder), str(ROOT), str(ROOT / "driver"), os.environ.get("PYTHONPATH", "")]
    address = f"127.0.0.1:{free_port()}"
    words = ["start", "--head", "--block", "--num-cpus=1", "--include-dashboard=false"]
    words += ["--node-ip-address=127.0.0.1", f"--port={address.rpartition(':')[2]}", "--disable-usage-stats"]
    with pytest.MonkeyPatch.context() as patch, (folder / "log").open("w") as log:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        head = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", *words],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(address, head, folder / "log")
            yield address
        finally:
            ray.shutdown()
            head.terminate()
            head.wait(60)


def wait_for(address, head, log):
    for _ in range(60):
        assert head.poll() is None, log.read_text()
        if "started" in log.read_text():
            return
        time.sleep(1)
    raise AssertionError(log.read_text())


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few images here, too, and one subject for all searches."""
    require("lightning_fabric")
    monkeypatch.setattr(models, "load_data", searches.few_images())
    monkeypatch.setattr(searching, "subject", searches.remembering(subject))


def refuse(number):
    raise LevadaError(f"{number}: is refused")


def late(number):
    raise TimeUpError("the time is over")


def die(number):
    os._exit(1)


class TestCluster:
    def test_it_keeps_the_order(self, cluster):
        made = workers(ray=cluster)
        assert made.jobs == 1
        assert made.all(math.pow, [(n, 2) for n in range(9)]) == [n**2 for n in range(9)]
        assert sorted(made.each(math.pow, [(n, 2) for n in range(9)])) == [n**2 for n in range(9)]

    def test_arguments_are_asked_for_when_a_process_is_free(self, cluster):
        asked = []

        def arguments():
            for number in range(5):
                asked.append(number)
                yield number, 2

        answers = workers(2, cluster).each(math.pow, arguments())
        next(answers)
        assert len(asked) <= 4
        assert len(list(answers)) == 4

    @pytest.mark.parametrize(("call", "kind"), [(refuse, LevadaError), (late, TimeUpError)])
    def test_errors_are_those_of_the_function(self, cluster, call, kind):
        made = workers(ray=cluster)
        for ask in (made.all, lambda *job: list(made.each(*job))):
            with pytest.raises(LevadaError) as error:
                ask(call, [(1,)])
            assert type(error.value) is kind
            assert str(error.value) in {"1: is refused", "the time is over"}

    def test_a_process_that_dies(self, cluster):
        with pytest.raises(LevadaError) as error:
            workers(ray=cluster).all(die, [(1,)])
        assert str(error.value).startswith(f"--ray {cluster}: a process of the cluster ended before its work")
        assert "\n" not in str(error.value)


def test_a_search_ends_as_one_with_local_processes(cluster, tmp_path, monkeypatch):
    """In a folder that is named from where the search is, as unless --out is given."""
    monkeypatch.chdir(tmp_path)
    given = {"designs": 1, "strategy": "uniform"}
    (tmp_path / "local").mkdir()
    local = search(searches.options(tmp_path / "local", **given))
    far = search(searches.options(tmp_path, out=Path("far"), jobs=None, ray=cluster, **given))
    assert far.designs == local.designs
    assert far.front == local.front
    place = far.search.work.place_of(far.designs[far.front[0]].candidate)
    assert (tmp_path / "far") in place.parents
    assert (place / "network.onnx").is_file()


def test_no_cluster_answers(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    ray.shutdown()
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(LevadaError) as error:
        workers(ray=address)
    assert str(error.value).startswith(f"--ray {address}: no cluster answers there (")
    assert str(error.value).endswith("; start one by `ray start --head`")


def test_a_partial_function(cluster):
    assert workers(ray=cluster).all(functools.partial(math.pow, 2), [(3,)]) == [8]
