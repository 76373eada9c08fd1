"""The bytes of an ONNX file: the few messages of the format that the converters write.

The package `onnx` writes the same bytes, and a test compares them; it costs 28 MB, and only those
who train networks need the rest of it. Source: onnx.proto of ONNX 1.13 (IR version 8) for numbers
of fields and types; Protocol Buffers, "Encoding", for what stands before a field.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT, UINT8 = 1, 2  # TensorProto.DataType
TYPES = {"float32": FLOAT, "uint8": UINT8, "int8": 3, "int32": 6, "int64": 7}
AN_INT, A_STRING, SOME_INTS = 2, 3, 7  # AttributeProto.AttributeType
Side = int | str  # of a shape; a name stands for any length


def model(
    nodes: Iterable[bytes],
    weights: Iterable[bytes],
    inputs: Iterable[bytes],
    outputs: Iterable[bytes],
    *,
    name: str,
    opset: int,
    version: int,
) -> bytes:
    """A ModelProto: a whole file."""
    graph = _fields(1, nodes) + _field(2, name) + _fields(5, weights)
    graph += _fields(11, inputs) + _fields(12, outputs)
    operators = _field(1, "") + _field(2, opset)
    return _field(1, version) + _field(2, name) + _field(7, graph) + _field(8, operators)


def node(kind: str, inputs: Iterable[str], output: str, attributes: dict[str, Any]) -> bytes:
    """A NodeProto: one operation; an attribute is a whole number, a text or a list of numbers."""
    named = (_attribute(key, value) for key, value in sorted(attributes.items()))
    return _fields(1, inputs) + _field(2, output) + _field(4, kind) + _fields(5, named)


def tensor(name: str, value: NDArray[Any]) -> bytes:
    """A TensorProto: an array of one of TYPES."""
    data = np.asarray(value, value.dtype.newbyteorder("<"), order="C").tobytes()
    kind = _field(2, TYPES[value.dtype.name])
    return _fields(1, value.shape) + kind + _field(8, name) + _field(9, data)


def value_info(name: str, kind: int, shape: Sequence[Side]) -> bytes:
    """A ValueInfoProto: an input or output with its type and shape."""
    sides = (_field(1 if isinstance(side, int) else 2, side) for side in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, _fields(1, sides))))


def _attribute(name: str, value: Any) -> bytes:
    match value:
        case int():
            return _field(1, name) + _field(3, value) + _field(20, AN_INT)
        case str():
            return _field(1, name) + _field(4, value) + _field(20, A_STRING)
        case _:
            return _field(1, name) + _fields(8, value) + _field(20, SOME_INTS)


def _fields(number: int, values: Iterable[int | str | bytes]) -> bytes:
    return b"".join(_field(number, value) for value in values)


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)  # wire type 0
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data  # wire type 2


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    if value < 0:
        raise ValueError(f"{value} is negative, which no field of a converted graph can be.")
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
