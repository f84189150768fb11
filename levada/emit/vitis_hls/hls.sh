#!/bin/sh
# levada: runs the script hls.tcl of a layer: hls.sh LAYER. Vitis HLS is called vitis_hls up to 2024.2, and a part
# of vitis-run since 2023.2 (AMD UG1399; UG1702, vitis-run Command).
set -eu
cd "$1"
if command -v vitis_hls >/dev/null; then
  exec vitis_hls -f hls.tcl
elif command -v vitis-run >/dev/null; then
  exec vitis-run --mode hls --tcl hls.tcl
fi
echo "levada: neither vitis_hls nor vitis-run is on PATH; add one" >&2
exit 3
