"""Unit vectors as bytes: a fast first pass of a search, with a bound of its error.

A search reads each vector once, so its time is that of reading memory: bytes take a quarter of the
time of float32. The cosines of the codes deviate from the exact ones by at most a known number;
`mien.gallery.index` computes the exact cosine of each row that could be among the best.

Vectors of faces lie close together: their mean has a length of about 0.9. Codes are therefore those
of the distance to a centre c, which makes the deviation several times smaller:
q v = (q - c)(v - c) + c v + (q - c) c.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mien.runtime.products import Products
from mien.types import Floats
from mien.zoo.convert.onnx_bytes import TYPES, model, node, value_info

Bytes = NDArray[np.int8]
Counts = NDArray[np.int32]

LARGEST = 127  # of a code of a row
# A code of a query is 1 to 127, with 64 for 0: processors without VNNI add pairs of products in 16
# bits, and 2 * 127 * 127 is the largest sum that fits.
ZERO = 64
ENOUGH = 64  # vectors whose mean is a better centre than 0
ROUNDING = 2e-6  # of the float32 steps after the exact sum in integers
MARGIN = np.float32(1.001)  # of lengths that are computed in float32


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Rows of a gallery as bytes, dimension by dimension: the order in which they are summed."""

    values: Bytes  # (D, M)
    scales: Floats  # (M,) vector - centre = scale * values, about
    shifts: Counts  # (M,) ZERO times the sum of the values of a row
    offsets: Floats  # (M,) product of vector and centre
    error: float  # largest distance of vector - centre from its code
    radius: float  # largest distance of a vector from the centre

    def __len__(self) -> int:
        return len(self.scales)

    def __add__(self, other: "Codes") -> "Codes":
        """Return the rows of both."""
        return Codes(
            np.concatenate([self.values, other.values], axis=1),
            np.concatenate([self.scales, other.scales]),
            np.concatenate([self.shifts, other.shifts]),
            np.concatenate([self.offsets, other.offsets]),
            max(self.error, other.error),
            max(self.radius, other.radius),
        )

    def part(self, rows: slice | NDArray[np.bool_]) -> "Codes":
        """Return a copy of some rows."""
        return replace(
            self,
            values=np.ascontiguousarray(self.values[:, rows]),
            scales=self.scales[rows].copy(),
            shifts=self.shifts[rows].copy(),
            offsets=self.offsets[rows].copy(),
        )

    def erase(self, rows: NDArray[np.int64]) -> None:
        """Overwrite rows in place."""
        self.values[:, rows] = 0
        self.scales[rows] = 0
        self.shifts[rows] = 0
        self.offsets[rows] = 0


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Queries as bytes."""

    values: NDArray[np.uint8]  # (Q, D)
    scales: Floats  # (Q, 1)
    offsets: Floats  # (Q, 1) product of query - centre and centre
    errors: Floats  # (Q,) distance of query - centre from its code
    lengths: Floats  # (Q,) distance of each query from the centre

    def similarities(self, codes: Codes, out: Floats) -> None:
        """Write the approximate cosines of Q queries and M rows to `out`, (Q, M)."""
        sums = products()(self.values, codes.values)
        sums -= codes.shifts
        np.multiply(sums, codes.scales, out=out, dtype=np.float32, casting="unsafe")
        out *= self.scales
        out += codes.offsets
        out += self.offsets

    def bounds(self, error: float, radius: float) -> Floats:
        """Return (Q,) largest deviations of a cosine, for rows with at most that error and radius.

        |q v - p w| <= |q - p| |v| + |p| |v - w| for a query q, a vector v and their codes p, w,
        all minus the centre.
        """
        bounds = self.errors * radius + (self.lengths + self.errors) * error + ROUNDING
        return np.asarray(bounds, dtype=np.float32)


def centre_of(vectors: Floats) -> Floats:
    """Return the centre (D,) for an index that begins with (N, D) vectors; 0 if they are few."""
    if len(vectors) < ENOUGH:
        return np.zeros(vectors.shape[1], dtype=np.float32)
    centre: Floats = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return centre


def encode(vectors: Floats, centre: Floats) -> Codes:
    """Encode (M, D) unit vectors, M >= 1."""
    values, scales, errors, lengths = quantised(vectors - centre, LARGEST)
    shifts = ZERO * values.sum(axis=1, dtype=np.int32)
    return Codes(
        np.ascontiguousarray(values.T),
        scales[:, 0],
        shifts.astype(np.int32),
        products_with(vectors, centre),
        float(errors.max()),
        float(lengths.max()),
    )


def encode_queries(vectors: Floats, centre: Floats) -> Queries:
    """Encode (Q, D) unit vectors, for codes with the same centre."""
    away = vectors - centre
    values, scales, errors, lengths = quantised(away, ZERO - 1)
    offsets = products_with(away, centre)[:, None]
    return Queries((values + np.int8(ZERO)).astype(np.uint8), scales, offsets, errors, lengths)


def products_with(vectors: Floats, centre: Floats) -> Floats:
    """Return the (N,) products of (N, D) vectors with one vector, rounded once."""
    found: Floats = np.einsum("nd,d->n", vectors, centre, dtype=np.float64).astype(np.float32)
    return found


def quantised(vectors: Floats, largest: int) -> tuple[Bytes, Floats, Floats, Floats]:
    """Round (N, D) vectors to integers in -largest ... largest.

    Returns:
        The integers (N, D), their scales (N, 1), the errors (N,) and the lengths of the vectors
        (N,).
    """
    scales = np.abs(vectors).max(axis=1, keepdims=True) / np.float32(largest)
    scales[scales == 0] = 1.0  # a vector that is the centre
    rounded = np.rint(vectors / scales)
    left = vectors - rounded * scales
    return rounded.astype(np.int8), scales, lengths_of(left), lengths_of(vectors)


def lengths_of(vectors: Floats) -> Floats:
    """Return upper limits of the (N,) lengths of (N, D) vectors."""
    found: Floats = np.sqrt(np.einsum("nd,nd->n", vectors, vectors)) * MARGIN
    return found


@cache
def products() -> Products:
    """Return the product of bytes; the same graph for all galleries."""
    inputs = [
        value_info("a", TYPES["uint8"], ["q", "d"]),
        value_info("b", TYPES["int8"], ["d", "m"]),
    ]
    output = value_info("c", TYPES["int32"], ["q", "m"])
    step = node("MatMulInteger", ["a", "b"], "c", {})
    return Products(model([step], [], inputs, [output], name="similarities", opset=13, version=8))
