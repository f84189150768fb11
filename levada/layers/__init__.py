"""The hardware library: every folder of hls/ that holds <name>/<name>.py is a layer, loaded on import."""

from __future__ import annotations

import importlib

from levada import content

__path__ = [str(content.root("hls"))]

for _folder in sorted(content.root("hls").iterdir()):
    if (_folder / f"{_folder.name}.py").is_file():
        importlib.import_module(f"{__name__}.{_folder.name}.{_folder.name}")
