"""What the demo page needs to know of a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from levada_driver.accelerator import Accelerator
from levada_driver.errors import DriverError

#: May lie in a deploy package, and says what its manifest does not: see docs/serve.md.
FILE = "demo.json"
_ACTIVATIONS = ("hardtanh", "sigmoid")


def read(accelerator: Accelerator) -> dict[str, Any]:
    """What the manifest and the package's demo.json say; DriverError where that cannot be used.

    The page sends brightness from 0 to 1, times `full` and from `least` to `most` where these are integers.
    `labels` are the classes' names, `detection` says how the outputs are boxes.
    """
    host = accelerator.manifest.host_input
    whole = host.thresholds is None
    return {
        "model": accelerator.manifest.name,
        "full": host.divisor if whole else 1,
        "least": host.dtype.min if whole else None,
        "most": host.dtype.max if whole else None,
        **_own(accelerator.folder / FILE, len(accelerator.manifest.host_outputs.parts)),
    }


def _own(path: Path, outputs: int) -> dict[str, Any]:
    """The content of a demo.json, where there is one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DriverError(f"{path}: cannot be read ({error}); mend it, or remove it") from error
    wrong = _wrong(data, outputs)
    if wrong:
        raise DriverError(f"{path}: {wrong}; mend it, or remove it")
    return dict(data)


def _wrong(data: Any, outputs: int) -> str | None:  # noqa: ANN401 - whatever the file holds
    """What is wrong with the content of a demo.json."""
    if not isinstance(data, dict) or not data.keys() <= {"labels", "detection"}:
        return "must be an object with labels, detection, or both"
    labels, detection = data.get("labels", []), data.get("detection")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        return "labels must be a list of names"
    if detection is None:
        return None
    if not isinstance(detection, dict) or detection.get("activation") not in _ACTIVATIONS:
        return f"the activation of detection must be one of {', '.join(_ACTIVATIONS)}"
    anchors = detection.get("anchors")
    if not isinstance(anchors, list) or len(anchors) != outputs or not all(map(_are_sizes, anchors)):
        return f"the anchors of detection must be a list of [width, height] for each of {outputs} outputs"
    return None


def _are_sizes(anchors: Any) -> bool:  # noqa: ANN401
    return isinstance(anchors, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(side, (int, float)) for side in pair)
        for pair in anchors
    )
