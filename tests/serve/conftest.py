"""A package that all servers of these tests have, and a server of it."""

from __future__ import annotations

import pytest

from tests.serve import servers
from tests.unit import packages


@pytest.fixture(scope="session")
def deploy(tmp_path_factory):
    """The folder of a package: frames [2, 2] of UINT4 to three FP32."""
    folder = tmp_path_factory.mktemp("package") / "deploy"
    packages.write(folder, 16)
    return folder


@pytest.fixture(scope="module")
def server(deploy):
    """A server with its defaults."""
    with servers.running(deploy) as found:
        yield found
