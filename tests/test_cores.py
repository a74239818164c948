"""Tests that the number of cores that a container may use is read correctly from Linux control groups."""

import os
from pathlib import Path

import pytest

from service import process as cores
from service.process import available_cores, granted_cores


@pytest.fixture
def cgroups(tmp_path: Path) -> Path:
    (tmp_path / "cgroup").mkdir()
    return tmp_path / "cgroup"


def granted(cgroups: Path, membership: str = "0::/\n") -> float | None:
    (cgroups.parent / "membership").write_text(membership)
    return granted_cores(cgroups, cgroups.parent / "membership")


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_without_control_groups_there_is_no_limit(cgroups: Path) -> None:
    assert granted(cgroups) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("max 100000\n", None), ("150000 100000\n", 1.5), ("50000 100000\n", 0.5), ("odd\n", None)]
)
def test_version_2_names_quota_and_period(cgroups: Path, text: str, expected: float | None) -> None:
    group(cgroups, cpu__max=text)
    assert granted(cgroups) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1\n", None), ("250000\n", 2.5)])
@pytest.mark.parametrize("controller", ["cpu", "cpu,cpuacct"])
def test_version_1_has_a_file_for_each(cgroups: Path, controller: str, quota: str, expected: float | None) -> None:
    group(cgroups / controller, cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000\n")
    assert granted(cgroups) == expected


def test_the_least_quota_on_the_way_up_counts(cgroups: Path) -> None:
    group(cgroups / "pods", cpu__max="200000 100000")
    group(cgroups / "pods" / "one", cpu__max="400000 100000")
    group(cgroups / "other", cpu__max="10000 100000")
    assert granted(cgroups, "0::/pods/one\n") == 2.0


@pytest.mark.parametrize(("quota", "expected"), [(None, 4), (0.3, 1), (1.2, 2), (64.0, 4)])
def test_a_part_of_a_core_counts_as_one_and_pinning_bounds_the_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, expected: int
) -> None:
    monkeypatch.setattr(cores, "granted_cores", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert available_cores() == expected
