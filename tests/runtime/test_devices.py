import pytest

from mien.errors import DeviceError
from mien.runtime import available, cpu_quota, provider_of


@pytest.mark.parametrize(
    ("files", "threads"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),  # half a core is still one thread
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
    ],
)
def test_a_quota_of_the_container_limits_the_threads(tmp_path, files, threads):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpu_quota(tmp_path) == threads


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu.max": "max 100000"},
        {"cpu.max": "nonsense"},
        {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
    ],
)
def test_without_a_quota_every_core_of_the_affinity_mask_counts(tmp_path, monkeypatch, files):
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(7)), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpu_quota(tmp_path) == 7


def test_a_gpu_that_is_missing_is_an_error_that_names_what_there_is():
    assert "cpu" in available()
    missing = next(name for name in ("tensorrt", "rocm", "directml") if name not in available())
    with pytest.raises(DeviceError, match=f"'{missing}' is not available: .* offers only cpu"):
        provider_of(missing)


def test_a_device_that_does_not_exist_is_an_error():
    with pytest.raises(DeviceError, match="Device 'toaster' is unknown"):
        provider_of("toaster")
