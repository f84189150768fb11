"""Weights and thresholds for an accelerator that takes others: the file that `levada weights` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from levada_driver.datatype import IntArray
from levada_driver.errors import DriverError
from levada_driver.host import HostInput, HostOutput, HostOutputs
from levada_driver.manifest import Manifest

_MOST_NAMED = 4


def differing(forms: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    """The layers in which two accelerators differ, by their digests, and those that only one has."""
    return sorted(name for name in forms.keys() | others.keys() if forms.get(name) != others.get(name))


@dataclass(frozen=True, eq=False)
class Parameters:
    """What another network puts in place of an accelerator's own.

    `words` [n, 2] are addresses and 32 bits of data each, in the order in which they are written. `forms` are
    digests of all that must be alike, by layer; `samples` and `golden` are for a selftest.
    """

    name: str
    forms: Mapping[str, str]
    words: npt.NDArray[np.uint32]
    host_input: HostInput
    host_outputs: HostOutputs
    samples: npt.NDArray[Any]
    golden: IntArray

    @property
    def checksum(self) -> int:
        """That of `param_regs` after all words."""
        folded = self.words[:, 0] ^ self.words[:, 1]
        return int(np.cumsum(folded, dtype=np.uint32).sum(dtype=np.uint32))

    def check(self, manifest: Manifest) -> None:
        """DriverError unless the accelerator of `manifest` takes them."""
        if manifest.forms is None:
            raise DriverError(
                f"{manifest.name}: its parameters cannot be written; build it with --runtime-weights"
            )
        wrong = differing(manifest.forms, self.forms)
        if wrong:
            shown = ", ".join(wrong[:_MOST_NAMED])
            raise DriverError(
                f"{self.name}: is for another accelerator than {manifest.name} (differs in {shown}); make "
                "the parameters again with `levada weights`"
            )

    def save(self, file: Any) -> None:  # noqa: ANN401 - a path or what is open for writing
        """Writes the file."""
        about = {
            "name": self.name,
            "forms": dict(self.forms),
            "host_input": self.host_input.to_json(),
            "host_outputs": [part.to_json() for part in self.host_outputs.parts],
        }
        np.savez_compressed(
            file,
            about=np.array(json.dumps(about)),
            words=self.words,
            samples=self.samples,
            golden=self.golden,
        )

    @staticmethod
    def load(path: Path) -> Parameters:
        """The parameters of a file; DriverError where it is none."""
        try:
            with np.load(path) as data:
                about = json.loads(str(data["about"]))
                return Parameters(
                    about["name"],
                    about["forms"],
                    data["words"].astype(np.uint32).reshape(-1, 2),
                    HostInput.from_json(about["host_input"]),
                    HostOutputs(tuple(HostOutput.from_json(part) for part in about["host_outputs"])),
                    data["samples"],
                    data["golden"],
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise DriverError(
                f"{path}: cannot be read as parameters ({error}); make it with `levada weights`"
            ) from error
