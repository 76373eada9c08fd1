"""Available devices, and the number of threads that this process can use."""

import os
import platform
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import onnxruntime as ort

from mien.errors import DeviceError

# Name of the device -> provider of ONNX Runtime.
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
CGROUPS = Path("/sys/fs/cgroup")


def available() -> dict[str, str]:
    """Return the devices that this installation can use: name -> provider."""
    have = set(ort.get_available_providers())
    return {name: provider for name, provider in PROVIDERS.items() if provider in have}


def provider_of(device: str) -> str:
    """Return the provider of a device.

    Raises:
        DeviceError: the device is unknown, or this installation cannot use it.
    """
    if device not in PROVIDERS:
        raise DeviceError(f"Device '{device}' is unknown: expected one of {', '.join(PROVIDERS)}.")
    have = available()
    if device not in have:
        raise DeviceError(
            f"Device '{device}' is not available: this ONNX Runtime offers only "
            f"{', '.join(have)}. Install the build of onnxruntime for it (for cuda: "
            "pip install onnxruntime-gpu), or use --device cpu."
        )
    return have[device]


def cpu_quota(root: Path = CGROUPS) -> int:
    """Return the number of threads for this process, at least 1.

    It is the smallest of: cores of the machine, the affinity mask, and the quota of the container
    (which os.cpu_count() ignores: a container with 2 of 64 cores would start 64 threads
    that then wait for each other).

    Args:
        root: mount point of the control groups, versions 1 and 2.
    """
    limits = [float(os.cpu_count() or 1)]
    if hasattr(os, "sched_getaffinity"):
        limits.append(float(len(os.sched_getaffinity(0))))
    # Version 2 has one file, `max 100000` or `200000 100000`: microseconds of CPU per period.
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        quota = _quota(root / name for name in names)
        limits += [quota] if quota else []
    return max(1, int(min(limits)))


@cache
def sums_bytes_exactly(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether this processor sums products of bytes without 16-bit saturation.

    Processors of Arm do; those of the x86 family do if they have VNNI. If it is unknown, the
    result is False.
    """
    if platform.machine().lower() not in ("x86_64", "amd64", "i686", "x86"):
        return True
    try:
        return "vnni" in cpuinfo.read_text("ascii", errors="replace")
    except OSError:
        return False  # not Linux


def _quota(paths: Iterable[Path]) -> float | None:
    try:
        allowed, period = " ".join(path.read_text("ascii") for path in paths).split()[:2]
        return float(allowed) / float(period) if float(allowed) > 0 else None  # -1: no limit
    except (OSError, ValueError):
        return None  # no such control group, or "max"
