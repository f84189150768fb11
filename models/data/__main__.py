"""Fetches data sets into the cache, even large ones: `python -m levada.models.data NAME ...`."""

from __future__ import annotations

import argparse
import sys

from levada.errors import LevadaError

from . import module, names
from .reading.sources import find


def _main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m levada.models.data", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help=", ".join(names()))
    try:
        for name in parser.parse_args(arguments).names:
            published = getattr(module(name), "PUBLISHED", None)
            if published is None:
                raise LevadaError(f"data set {name!r} is never fetched; see docs/data.md for its source")
            if published.megabytes is not None:
                sys.stderr.write(f"{published.title}: about {published.megabytes:,} MB, if not there yet\n")
            for path in find(published, demanded=True).values():
                sys.stdout.write(f"{path}\n")
    except LevadaError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
