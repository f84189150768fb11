"""A server in a process of its own, as users start it, and plain HTTP to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from levada_driver import manifest as manifests
from levada_driver.packing import pack, unpack

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120  # after which a server that does not answer has failed


@dataclass(eq=False)
class Server:
    """A running server: its address and its process."""

    process: subprocess.Popen
    host: str
    port: int

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, method, path, content=None, headers=None):
        """Status and content of an answer, which is JSON as the request is."""
        body = None if content is None else json.dumps(content)
        status, _, data = self.ask(method, path, body, headers)
        return status, json.loads(data)

    def resident(self):
        """MiB of memory that the process has."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) / 1024

    def stop(self, number=signal.SIGTERM):
        """Exit code, stdout and stderr of the process after the signal."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err


def command(folder, *options, backend="cppsim", python=sys.executable):
    """What starts a server at any free port."""
    words = ("-m", "levada_driver.cli", folder, "--backend", backend, "serve", "--port", 0, *options)
    return [str(python), *map(str, words)]


@contextlib.contextmanager
def running(folder, *options, backend="cppsim", python=sys.executable, **environment):
    """A server of a deploy package, with more variables of its environment; it must end well."""
    words = command(folder, *options, backend=backend, python=python)
    pipe, env = subprocess.PIPE, {**os.environ, **environment}
    process = subprocess.Popen(words, env=env, stdout=pipe, stderr=pipe, text=True)
    try:
        line = process.stdout.readline()
        found = re.search(r"http://(.*?):(\d+)", line)
        assert found, line + process.stderr.read()
        yield Server(process, found[1], int(found[2]))
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, err) == (0, "")
    finally:
        process.kill()
        process.communicate()


def expected(folder, x):
    """The answers to frames, by the same library in this process, without driver threads and server."""
    from levada_driver.backends.cppsim import LIBRARY, CppLibrary

    manifest = manifests.read(folder)
    library = CppLibrary(folder / LIBRARY, manifest.outputs)
    packed = [pack(manifest.host_input.quantize(x), manifest.inputs[0])]
    streams = zip(library.run(packed), manifest.outputs, strict=True)
    integers = np.concatenate([unpack(data, stream) for data, stream in streams], axis=1)
    return manifest.host_outputs.finish(integers)
