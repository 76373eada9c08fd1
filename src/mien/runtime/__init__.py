"""The one place that knows ONNX Runtime and LiteRT."""

from mien.runtime.devices import available, cpu_quota, provider_of
from mien.runtime.sessions import LiteSession, Session
from mien.types import Device

__all__ = ["Device", "LiteSession", "Session", "available", "cpu_quota", "provider_of"]
