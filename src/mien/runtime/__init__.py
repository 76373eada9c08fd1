"""Sessions of ONNX Runtime and LiteRT; no other room imports them."""

from mien.runtime.devices import available, cpu_quota, provider_of
from mien.runtime.sessions import LiteSession, Session
from mien.types import Device

__all__ = ["Device", "LiteSession", "Session", "available", "cpu_quota", "provider_of"]
