"""The one place that knows ONNX Runtime and LiteRT."""

from mien.runtime.devices import Device, available, cpu_quota, provider_of
from mien.runtime.sessions import LiteSession, Session

__all__ = ["Device", "LiteSession", "Session", "available", "cpu_quota", "provider_of"]
