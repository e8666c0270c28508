"""As many workers as quota and memory allow, whichever way the system tells them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bnviz.jobs import resources

GIB = 2**30


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 64 processors."""
    monkeypatch.delenv("BNVIZ_WORKERS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


def machine(root: Path, **files: str) -> Path:
    """A system with 256 GiB whose files hold what is said."""
    texts = {"proc/meminfo": f"MemTotal:       {256 * 2**20} kB\nMemFree: 1 kB\n", **files}
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def version_2(root: Path, cpu: str, memory: str, path: str = "/") -> Path:
    folder = f"sys/fs/cgroup{path}".rstrip("/")
    return machine(
        root, **{"proc/self/cgroup": f"0::{path}\n", f"{folder}/cpu.max": cpu, f"{folder}/memory.max": memory}
    )


@pytest.mark.usefixtures("cores")
def test_a_machine_without_quota_gets_a_worker_for_each_processor_up_to_a_bound(tmp_path: Path) -> None:
    root = version_2(tmp_path, "max 100000\n", "max\n")
    assert resources.processors(root) == 64
    assert resources.memory_bytes(root) == 256 * GIB
    assert resources.worker_count(root) == resources.MAX_WORKERS
    assert resources.run_bytes(32, root) == resources.MAX_RUN_BYTES


@pytest.mark.usefixtures("cores")
def test_a_container_gets_what_its_quota_and_its_memory_allow(tmp_path: Path) -> None:
    assert resources.worker_count(version_2(tmp_path / "a", "200000 100000\n", f"{4 * GIB}\n")) == 2
    assert resources.worker_count(version_2(tmp_path / "b", "150000 100000\n", f"{4 * GIB}\n")) == 2
    small = version_2(tmp_path / "c", "max 100000\n", f"{4 * GIB}\n")
    assert resources.worker_count(small) == 3  # 64 processors, but no room for more
    assert resources.worker_count(version_2(tmp_path / "d", "50000 100000\n", f"{GIB}\n")) == 1


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("quota", ["max", "100000", "200000", "400000", "800000", "3200000"])
@pytest.mark.parametrize("gigabytes", [3, 4, 6, 8, 16, 64])
def test_server_workers_and_computations_fit_into_memory_though_all_take_what_they_may(
    tmp_path: Path, quota: str, gigabytes: int
) -> None:
    root = version_2(tmp_path, f"{quota} 100000\n", f"{gigabytes * GIB}\n")
    workers, computing = resources.worker_count(root), resources.compute_count(root)
    taken = workers * (resources.IDLE_BYTES + resources.run_bytes(workers, root))
    taken += computing * (resources.IDLE_BYTES + resources.COMPUTE_BYTES)
    assert resources.SERVER_BYTES + taken <= gigabytes * GIB


@pytest.mark.usefixtures("cores")
def test_one_processor_is_left_to_the_server_where_there_are_several(tmp_path: Path) -> None:
    quotas = {"50000": 1, "200000": 1, "300000": 2, "6400000": resources.MAX_COMPUTING}
    for quota, count in quotas.items():
        assert resources.compute_count(version_2(tmp_path / quota, f"{quota} 100000\n", "max\n")) == count
    assert resources.compute_count(version_2(tmp_path / "small", "max 100000\n", f"{2 * GIB}\n")) == 1


@pytest.mark.usefixtures("cores")
def test_limits_of_the_groups_above_hold_too(tmp_path: Path) -> None:
    root = version_2(tmp_path, "300000 100000\n", "max\n", "/school/bnviz.service")
    machine(root, **{"sys/fs/cgroup/school/memory.max": f"{3 * GIB}\n"})
    assert resources.memory_bytes(root) == 3 * GIB
    assert resources.worker_count(root) == 2


@pytest.mark.usefixtures("cores")
def test_a_container_whose_path_only_the_machine_knows(tmp_path: Path) -> None:
    root = version_2(tmp_path, "200000 100000\n", f"{2 * GIB}\n")
    machine(root, **{"proc/self/cgroup": "0::/docker/0123456789abcdef\n"})
    assert resources.processors(root) == 2
    assert resources.memory_bytes(root) == 2 * GIB


@pytest.mark.usefixtures("cores")
def test_control_groups_of_version_1(tmp_path: Path) -> None:
    base = "sys/fs/cgroup"
    root = machine(
        tmp_path,
        **{
            "proc/self/cgroup": "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n",
            f"{base}/cpu/cpu.cfs_quota_us": "150000\n",
            f"{base}/cpu/cpu.cfs_period_us": "50000\n",
            f"{base}/memory/memory.limit_in_bytes": f"{8 * GIB}\n",
        },
    )
    assert resources.processors(root) == 3
    assert resources.memory_bytes(root) == 8 * GIB


@pytest.mark.usefixtures("cores")
def test_who_runs_the_server_may_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_WORKERS", "7")
    assert resources.worker_count(version_2(tmp_path, "100000 100000\n", f"{GIB}\n")) == 7


@pytest.mark.usefixtures("cores")
def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    assert resources.memory_bytes(tmp_path) == resources.UNKNOWN_BYTES
    assert resources.processors(tmp_path) == 64
    assert resources.worker_count(tmp_path) == 3
