"""What the host of a simulated board is given: a deploy package with a stand-in for the bitstream.

pynq wants a .bit file with the name of its .hwh, and sends it to the board. The stand-in holds the design's
digest, so that the simulated board knows whether its own design is loaded. A real chip would refuse it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from levada_driver import manifest as manifests
from levada_driver.accelerator import SAMPLES
from levada_driver.manifest import FILE

from levada import content
from levada.emit.shell import BITSTREAM, HARDWARE_FILE
from levada.errors import LevadaError

#: Where pynq looks for remote boards.
PORT = 7967
_MARK = b"levada simulated bitstream "


def client_package(deploy: Path, target: Path) -> None:
    """Writes the host's package of a build's `deploy` folder into `target`."""
    manifest = manifests.read(deploy)
    if not (deploy / HARDWARE_FILE).is_file():
        raise LevadaError(
            f"{deploy / HARDWARE_FILE}: there is no such file; build for a board with a shell (pynq-z2)"
        )
    target.mkdir(parents=True, exist_ok=True)
    for name in (FILE, SAMPLES, HARDWARE_FILE):
        shutil.copyfile(deploy / name, target / name)
    content.write_whole(target / BITSTREAM, bit_file(payload(manifest.digest), manifest.part))


def payload(digest: str) -> bytes:
    """What the stand-in configures a chip with."""
    data = _MARK + digest.encode()
    return data + b" " * (-len(data) % 4)


def bit_file(data: bytes, part: str) -> bytes:
    """A .bit file: a preamble, design, part, date and time, each with its letter and length, and the data.

    pynq remembers the .hwh that it has read by a digest of this file, so those of two boards must differ.
    """
    head = bytes.fromhex("0009 0ff00ff00ff00ff000 0001")
    fields = b"".join(
        letter + (len(text) + 1).to_bytes(2, "big") + text + b"\0"
        for letter, text in ((b"a", b"accelerator"), (b"b", part.encode()), (b"c", b"-"), (b"d", b"-"))
    )
    return head + fields + b"e" + len(data).to_bytes(4, "big") + data


def is_payload(binary: bytes, digest: str) -> bool:
    """Whether a .bin, whose words of four bytes are turned round, is the stand-in of this design."""
    turned = b"".join(binary[at : at + 4][::-1] for at in range(0, len(binary), 4))
    return payload(digest) in (turned, binary)
