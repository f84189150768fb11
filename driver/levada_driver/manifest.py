"""accelerator.json: all that the driver knows of an accelerator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levada_driver.datatype import IntType
from levada_driver.errors import DriverError
from levada_driver.host import HostInput, HostOutput, HostOutputs
from levada_driver.packing import Stream, Transfer

SCHEMA_VERSION = 5
FILE = "accelerator.json"
#: Hexadecimal digits of a design's digest that its registers hold.
REGISTER_DIGITS = 16


@dataclass(frozen=True, eq=False)
class Setting:
    """One of several networks that an accelerator may be: the same but for how many bits its weights have.

    `weight_bits` are those of its widest weights, `accuracy` is in percent, or None where it is not known.
    """

    name: str
    weight_bits: int
    accuracy: float | None
    host_outputs: HostOutputs

    def to_json(self) -> dict[str, Any]:
        """Plain values for accelerator.json."""
        own = {"name": self.name, "weight_bits": self.weight_bits, "accuracy": self.accuracy}
        return own | {"host_outputs": [part.to_json() for part in self.host_outputs.parts]}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Setting:
        """The inverse of `to_json`."""
        accuracy = None if data["accuracy"] is None else float(data["accuracy"])
        outputs = HostOutputs(tuple(HostOutput.from_json(part) for part in data["host_outputs"]))
        return Setting(data["name"], int(data["weight_bits"]), accuracy, outputs)


@dataclass(frozen=True, eq=False)
class Manifest:
    """An accelerator: its name, board and clock, what the host does around it, and its streams.

    `ports` are the memory ports of each input, then of each output; `interval` and `latency` are cycles.
    `digest` identifies the sources of the hardware, `streams` names those between the stages, in the order in
    which its registers know them, and `registers` is where these are. `baud` are the bits a second of the
    board's serial line, or None. `writable` are the layers whose parameters can be written; where there are
    any, `forms` is what others must agree with (see `parameters`). `settings` are in the order of their
    numbers; none where there is no choice.
    """

    name: str
    board: str
    part: str
    clock_mhz: float
    digest: str
    interval: int
    latency: int
    host_input: HostInput
    host_outputs: HostOutputs
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    ports: tuple[int, ...]
    streams: tuple[str, ...]
    registers: int
    baud: int | None = None
    writable: tuple[str, ...] = ()
    forms: Mapping[str, str] | None = None
    settings: tuple[Setting, ...] = ()

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """How frames lie in memory: those of the inputs, then those of the outputs."""
        both = (*self.inputs, *self.outputs)
        return tuple(Transfer(stream, ports) for stream, ports in zip(both, self.ports, strict=True))

    @property
    def engines(self) -> tuple[str, ...]:
        """What moves words between memory and streams, in the order of its registers: one for each port."""
        first = len(self.inputs)
        counts = {"reader": sum(self.ports[:first]), "writer": sum(self.ports[first:])}
        return tuple(f"{kind} {number}" for kind, count in counts.items() for number in range(count))

    @property
    def words(self) -> tuple[int, ...]:
        """Words of a frame that each engine moves."""
        return tuple(transfer.words for transfer in self.transfers for _ in range(transfer.ports))

    @property
    def register_digest(self) -> int:
        """What the accelerator's registers say of its sources: the first 64 bits of `digest`."""
        return int(self.digest[:REGISTER_DIGITS], 16)

    def to_json(self) -> str:
        """The text of accelerator.json."""
        data = {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "board": self.board,
            "part": self.part,
            "clock_mhz": self.clock_mhz,
            "digest": self.digest,
            "interval_cycles": self.interval,
            "latency_cycles": self.latency,
            "host_input": self.host_input.to_json(),
            "host_outputs": [part.to_json() for part in self.host_outputs.parts],
            "inputs": [_stream_json(stream) for stream in self.inputs],
            "outputs": [_stream_json(stream) for stream in self.outputs],
            "ports": list(self.ports),
            "streams": list(self.streams),
            "registers": self.registers,
            "baud": self.baud,
            "writable": list(self.writable),
            "forms": None if self.forms is None else dict(self.forms),
        }
        if self.settings:
            data["settings"] = [setting.to_json() for setting in self.settings]
        return json.dumps(data, indent=1) + "\n"


def _stream_json(stream: Stream) -> dict[str, Any]:
    return {
        "dtype": stream.dtype.name,
        "elements": stream.elements,
        "beats": stream.beats,
        "beat_bytes": stream.beat_bytes,
    }


def _stream(data: dict[str, Any]) -> Stream:
    stream = Stream(IntType.parse(data["dtype"]), data["elements"], data["beats"])
    if stream.beat_bytes != data["beat_bytes"]:
        raise ValueError(f"a beat of {data['beat_bytes']} bytes does not hold {stream.bits} bits")
    return stream


def read(folder: Path) -> Manifest:
    """The manifest of a deploy package; DriverError where there is none or it cannot be used."""
    path = folder / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DriverError(f"{path}: there is no such file; give the deploy/ folder of a build") from error
    except (OSError, ValueError) as error:
        raise DriverError(f"{path}: cannot be read ({error}); copy the deploy/ folder again") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise DriverError(
            f"{path}: schema version {version}, this driver reads {SCHEMA_VERSION}; "
            "install the levada-driver that is in the package's driver/ folder"
        )
    try:
        return Manifest(
            name=data["name"],
            board=data["board"],
            part=data["part"],
            clock_mhz=float(data["clock_mhz"]),
            digest=data["digest"],
            interval=int(data["interval_cycles"]),
            latency=int(data["latency_cycles"]),
            host_input=HostInput.from_json(data["host_input"]),
            host_outputs=HostOutputs(tuple(HostOutput.from_json(part) for part in data["host_outputs"])),
            inputs=tuple(_stream(entry) for entry in data["inputs"]),
            outputs=tuple(_stream(entry) for entry in data["outputs"]),
            ports=tuple(map(int, data["ports"])),
            streams=tuple(map(str, data["streams"])),
            registers=int(data["registers"]),
            baud=None if data["baud"] is None else int(data["baud"]),
            writable=tuple(map(str, data["writable"])),
            forms=data["forms"],
            settings=tuple(Setting.from_json(entry) for entry in data.get("settings", [])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DriverError(f"{path}: is damaged ({error!r}); copy the deploy/ folder again") from error
