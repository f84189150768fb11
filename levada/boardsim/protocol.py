"""The messages and services of PYNQ.remote, version 4 of pynq: names, numbers and types of their fields.

They are stated here and become classes when they are needed, since those that pynq ships are made for one
version of protobuf and one of grpcio.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Of each package: messages with their fields ("name:number:type"), and the methods of its service, where
# "stream:" before a message stands for many of it.
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "remote_device": {
        "ReadFileRequest": "file_path:1:string",
        "ReadFileResponse": "data:1:bytes",
        "WriteFileRequest": "file_path:1:string data:2:bytes",
        "WriteFileResponse": "",
        "ExistsFileRequest": "file_path:1:string",
        "ExistsFileResponse": "exists:1:bool",
        "SetBitstreamAttrsRequest": "binfile_name:1:string partial:2:bool",
        "SetBitstreamAttrsResponse": "status:1:bool",
        "ShutdownRequest": "",
        "ShutdownResponse": "status:1:bool",
        "SetPlClkRequest": "i:1:int32 div0:2:int32 div1:3:int32 clk_mhz:4:int32",
        "SetPlClkResponse": "status:1:bool",
    },
    "mmio": {
        "GetMmioRequest": "base_addr:1:uint64 length:2:uint64",
        "GetMmioResponse": "status:1:bool msg:2:string mmio_id:3:string",
        "ReadRequest": "mmio_id:1:string length:2:uint64 offset:3:uint64 word_order:4:string",
        "ReadResponse": "status:1:bool msg:2:string data:3:uint32",
        "WriteRequest": "mmio_id:1:string offset:2:uint64 data:3:bytes",
        "WriteResponse": "status:1:bool msg:2:string",
    },
    "buffer": {
        "CacheableRequest": "buffer_id:1:string",
        "CacheableResponse": "msg:2:string cacheable:3:bool",
        "AddressRequest": "buffer_id:1:string",
        "AddressResponse": "msg:2:string address:3:uint64",
        "InvalidateRequest": "buffer_id:1:string",
        "InvalidateResponse": "msg:2:string",
        "FlushRequest": "buffer_id:1:string",
        "FlushResponse": "msg:2:string",
        "AllocateRequest": "size:1:int32 dtype:2:string cacheable:3:bool",
        "AllocateResponse": "msg:2:string buffer_id:3:string",
        "BufferWriteRequest": "buffer_id:1:string data:2:bytes start:3:int32 end:4:int32",
        "BufferWriteResponse": "msg:2:string",
        "BufferReadRequest": "buffer_id:1:string start:2:int32 end:3:int32",
        "BufferReadResponse": "msg:2:string data:3:bytes",
        "FreeBufferRequest": "buffer_id:1:string",
        "FreeBufferResponse": "msg:2:string",
    },
}
_SERVICES: Mapping[str, Mapping[str, str]] = {
    "remote_device.RemoteDevice": {
        "set_bitstream_attrs": "SetBitstreamAttrsRequest SetBitstreamAttrsResponse",
        "set_pl_clk": "SetPlClkRequest SetPlClkResponse",
        "shutdown": "ShutdownRequest ShutdownResponse",
        "readfile": "ReadFileRequest stream:ReadFileResponse",
        "writefile": "stream:WriteFileRequest WriteFileResponse",
        "existsfile": "ExistsFileRequest ExistsFileResponse",
    },
    "mmio.Mmio": {
        "get_mmio": "GetMmioRequest GetMmioResponse",
        "read": "ReadRequest ReadResponse",
        "write": "WriteRequest WriteResponse",
    },
    "buffer.RemoteBuffer": {
        "allocate": "AllocateRequest AllocateResponse",
        "write": "stream:BufferWriteRequest BufferWriteResponse",
        "read": "BufferReadRequest stream:BufferReadResponse",
        "freebuffer": "FreeBufferRequest FreeBufferResponse",
        "flush": "FlushRequest FlushResponse",
        "invalidate": "InvalidateRequest InvalidateResponse",
        "physical_address": "AddressRequest AddressResponse",
        "virtual_address": "AddressRequest AddressResponse",
        "cacheable": "CacheableRequest CacheableResponse",
    },
}


@dataclass(frozen=True)
class Method:
    """A method of a service: the classes of its messages, and whether there may be many of them."""

    name: str
    request: Any
    response: Any
    many_requests: bool
    many_responses: bool


def services() -> dict[str, list[Method]]:
    """The methods of each service, by the service's full name."""
    return {
        service: [_method(service.split(".")[0], name, line) for name, line in methods.items()]
        for service, methods in _SERVICES.items()
    }


def _method(package: str, name: str, line: str) -> Method:
    request, response = line.split()
    many = [word.startswith("stream:") for word in (request, response)]
    asked, answered = (
        _classes()[f"{package}.{word.removeprefix('stream:')}"] for word in (request, response)
    )
    return Method(name, asked, answered, many[0], many[1])


@cache
def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    found: dict[str, Any] = {}
    for package, messages in _MESSAGES.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=f"levada_{package}.proto", package=package, syntax="proto3"
        )
        for name, fields in messages.items():
            message = file.message_type.add(name=name)
            for field in fields.split():
                label, number, kind = field.split(":")
                message.field.add(
                    name=label,
                    number=int(number),
                    type=descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}"),
                    label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
                )
        pool.Add(file)
        for name in messages:
            full = f"{package}.{name}"
            found[full] = message_factory.GetMessageClass(pool.FindMessageTypeByName(full))
    return found
