"""Limits of image size, checked before decoding."""

from dataclasses import dataclass

from mien.errors import ImageError


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest permitted image; larger ones are refused from their header."""

    # The largest camera files: a 100-megapixel 16-bit RGB TIFF has 600 MB and is refused; its 8-bit
    # form, and all JPEG, HEIC and PNG files of cameras on sale in 2025, are accepted.
    max_bytes: int = 300_000_000
    # Phones with 200-megapixel sensors write 16,320 x 12,240; decoded that is 600 MB.
    max_pixels: int = 200_000_000
    # What decoding may take at its peak. A file of 24 kB can ask for gigabytes.
    max_memory: int = 2**29  # bytes: 512 MiB

    def check_bytes(self, size: int, where: str) -> None:
        """Raise an error if a file of `size` bytes is too large."""
        if size > self.max_bytes:
            raise ImageError(
                f"{where} has {size:,} bytes, more than the {self.max_bytes:,} permitted; "
                "reduce it, or increase Limits.max_bytes."
            )

    def check_pixels(self, width: int, height: int, where: str) -> None:
        """Raise an error if an image of `width` x `height` px is empty or too large."""
        if width < 1 or height < 1:
            raise ImageError(f"{where} has no pixels ({width} x {height}); use another image.")
        if width * height > self.max_pixels:
            raise ImageError(
                f"{where} has {width:,} x {height:,} pixels, more than the {self.max_pixels:,} "
                "permitted; reduce it, or increase Limits.max_pixels."
            )

    def check_memory(self, width: int, height: int, bytes_each: float, where: str) -> None:
        """Refuse a picture that takes too much memory while it is decoded.

        Args:
            width: px.
            height: px.
            bytes_each: bytes per pixel at the peak: of the decoder, and of what comes out.
            where: names the picture in errors.
        """
        needed = round(width * height * bytes_each)
        if needed > self.max_memory:
            raise ImageError(
                f"{where} has {width:,} x {height:,} pixels and would take {needed / 2**20:,.0f} "
                f"MiB of memory to decode, more than the {self.max_memory / 2**20:,.0f} MiB "
                "allowed; make it smaller, or raise Limits.max_memory."
            )


LIMITS = Limits()
