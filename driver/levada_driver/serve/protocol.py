"""Inference requests and answers on the wire: the Open Inference Protocol v2, JSON and binary tensors.

With binary tensors a body is JSON followed by the tensors' bytes; a header says how long the JSON is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from levada_driver.host import HostInput
from levada_driver.manifest import Manifest
from levada_driver.serve import tensors
from levada_driver.serve.errors import RequestError, shown
from levada_driver.serve.tensors import DATATYPES, Array, Spec

#: Length of the JSON at the head of a body with binary tensors.
HEADER_LENGTH = "Inference-Header-Content-Length"
#: The only version of a model that there is.
VERSION = "1"
#: Parameters of other servers that would change what an answer means.
_UNKNOWN = ("classification", "shared_memory_region", "shared_memory_offset", "shared_memory_byte_size")


@dataclass(frozen=True, eq=False)
class Model:
    """What may be asked for: the network's name, its input, and its outputs."""

    name: str
    host_input: HostInput
    input: Spec
    outputs: tuple[Spec, ...]

    @staticmethod
    def of(manifest: Manifest) -> Model:
        """The model that a deploy package holds."""
        specs = tensors.input_spec(manifest), tensors.output_specs(manifest)
        return Model(manifest.name, manifest.host_input, *specs)

    def metadata(self) -> dict[str, Any]:
        """The answer to a request for the model's metadata."""
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": "levada",
            "inputs": [self.input.to_json()],
            "outputs": [spec.to_json() for spec in self.outputs],
        }


@dataclass(frozen=True)
class Wanted:
    """An output that is asked for: its number, and whether its data are to be binary."""

    number: int
    binary: bool


@dataclass(frozen=True, eq=False)
class Request:
    """Frames [N, *shape] in the input's datatype, and the outputs that are asked for."""

    id: str | None
    x: Array
    outputs: tuple[Wanted, ...]


def decode(body: bytes, header_length: str | None, model: Model) -> Request:
    """The request in a body; `header_length` is its header of that name.

    Raises RequestError for whatever is not as the protocol and the model demand.
    """
    text, binary = _split(body, header_length)
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the request is no JSON ({error or type(error).__name__})") from error
    if not isinstance(request, dict):
        raise RequestError(400, f"the request is {shown(request)}; it must be a JSON object")
    name = request.get("id")
    if name is not None and not isinstance(name, str):
        raise RequestError(400, f"id is {shown(name)}; it must be a string")
    x = _input(request, binary, model)
    try:
        model.host_input.check(x)
    except ValueError as error:
        raise RequestError(400, str(error)) from error
    return Request(name, x, _outputs(request, model))


def _split(body: bytes, header_length: str | None) -> tuple[bytes, memoryview]:
    """The JSON of a body, and the binary data behind it."""
    if header_length is None:
        return body, memoryview(b"")
    digits = header_length.isascii() and header_length.isdigit() and len(header_length) <= len(str(len(body)))
    length = int(header_length) if digits else len(body) + 1
    if length > len(body):
        raise RequestError(
            400,
            f"{HEADER_LENGTH} is {shown(header_length)}; it must be a length within the body's {len(body)}",
        )
    return body[:length], memoryview(body)[length:]


def _input(request: dict[str, Any], binary: memoryview, model: Model) -> Array:
    inputs = request.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RequestError(
            400, f"inputs is {shown(inputs)}; it must be a list of one tensor, {model.input.name!r}"
        )
    (tensor,) = inputs
    if tensor.get("name") != model.input.name:
        raise RequestError(
            400, f"input {shown(tensor.get('name'))} is unknown; {model.name} has {model.input.name!r}"
        )
    datatype = tensor.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise RequestError(
            400,
            f"datatype is {shown(datatype)}; send {model.input.datatype}, or one of {', '.join(DATATYPES)}",
        )
    shape = _shape(tensor, model.input)
    size = _parameters(tensor, "the input").get("binary_data_size")
    if size is None:
        if len(binary):
            raise RequestError(
                400, f"{len(binary)} bytes follow the JSON; binary_data_size must say whose they are"
            )
        values = tensors.from_json(tensor.get("data"), datatype, shape)
    elif type(size) is not int or size != len(binary) or "data" in tensor:
        raise RequestError(
            400,
            f"binary_data_size is {shown(size)}; {len(binary)} bytes follow the JSON, which must be all data",
        )
    else:
        values = tensors.from_binary(binary, datatype, shape)
    return tensors.converted(values, model.input.datatype)


def _shape(tensor: dict[str, Any], spec: Spec) -> list[int]:
    shape = tensor.get("shape")
    whole = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
    if not isinstance(shape, list) or not whole or tuple(shape[1:]) != spec.shape or not shape:
        wanted = ", ".join(map(str, spec.shape))
        raise RequestError(400, f"shape is {shown(shape)}; it must be [frames, {wanted}]")
    return shape


def _parameters(holder: dict[str, Any], whose: str) -> dict[str, Any]:
    parameters = holder.get("parameters", {})
    if not isinstance(parameters, dict):
        raise RequestError(400, f"parameters of {whose} are {shown(parameters)}; they must be a JSON object")
    for name in _UNKNOWN:
        if name in parameters:
            raise RequestError(400, f"parameter {name!r} of {whose} is not supported; leave it out")
    return parameters


def _outputs(request: dict[str, Any], model: Model) -> tuple[Wanted, ...]:
    binary = _flag(_parameters(request, "the request"), "binary_data_output", default=False)
    asked = request.get("outputs")
    if asked is None or asked == []:
        return tuple(Wanted(number, binary) for number in range(len(model.outputs)))
    numbers = {spec.name: number for number, spec in enumerate(model.outputs)}
    if not isinstance(asked, list) or not all(isinstance(output, dict) for output in asked):
        raise RequestError(400, f"outputs is {shown(asked)}; it must be a list of tensors")
    wanted = []
    for output in asked:
        name = output.get("name")
        if not isinstance(name, str) or name not in numbers:
            raise RequestError(400, f"output {shown(name)} is unknown; {model.name} has {', '.join(numbers)}")
        parameters = _parameters(output, f"output {name}")
        wanted.append(Wanted(numbers.pop(name), _flag(parameters, "binary_data", default=binary)))
    return tuple(wanted)


def _flag(parameters: dict[str, Any], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise RequestError(400, f"{name} is {shown(value)}; it must be true or false")
    return value


def encode(request: Request, model: Model, results: Sequence[Array]) -> tuple[bytes, int | None]:
    """The body of an answer, and the length of its JSON where binary data follow it.

    `results`: those of all outputs, [N, *shape] each.
    """
    described, binary = [], []
    for wanted in request.outputs:
        spec, values = model.outputs[wanted.number], results[wanted.number]
        output: dict[str, Any] = {"name": spec.name, "datatype": spec.datatype, "shape": list(values.shape)}
        if wanted.binary:
            binary.append(tensors.to_binary(values, spec.datatype))
            output["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            output["data"] = tensors.to_json(values)
        described.append(output)
    answer: dict[str, Any] = {"model_name": model.name, "model_version": VERSION, "outputs": described}
    if request.id is not None:
        answer["id"] = request.id
    text = json.dumps(answer, separators=(",", ":")).encode()
    return (b"".join([text, *binary]), len(text)) if binary else (text, None)
