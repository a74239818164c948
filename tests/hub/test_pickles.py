"""Tests of pickled weights: tensors are rewritten, malicious pickles are rejected, and the child process is limited."""

import json
import os
import pickle
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from service.errors import ModelError, UnsafeWeights
from service.hub import pickles
from service.hub.pickles import Limits, child_environment, rewrite
from tests.hub.desk import Program


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "pytorch_model.bin"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    return folder / "model.safetensors"


def run_as_child(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Replace the program of the child process by the Python code ``program``.

    The arguments, the environment and the limits of the child stay the same.
    """

    def command(source: Path, folder: Path, limits: Limits) -> list[str]:
        numbers = [str(limits.memory_bytes), str(limits.file_bytes), str(limits.cpu_s)]
        return [sys.executable, "-c", program, str(source), str(folder), *numbers]

    monkeypatch.setattr(pickles, "_child_command", command)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_are_rewritten_and_tied_embeddings_once(source: Path, target: Path, *, zipped: bool) -> None:
    shared, bias = torch.randn(50, 8), torch.randn(8, dtype=torch.float16)
    state = {
        "shared.weight": shared,
        "encoder.embed_tokens.weight": shared,
        "decoder.embed_tokens.weight": shared.clone(),
        "lm_head.weight": shared,
        "transposed": shared.T,
        "bias": bias,
    }
    torch.save(state, source, _use_new_zipfile_serialization=zipped)
    rewrite(source, target)
    read = load_file(target)
    assert set(read) == set(state) - {"encoder.embed_tokens.weight"}
    assert all(torch.equal(read[name], state[name]) for name in read)
    assert read["bias"].dtype == torch.float16
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("form", ["zip", "legacy", "bare pickle"])
def test_malicious_pickle_is_refused_and_not_run(source: Path, target: Path, form: str) -> None:
    trace = source.parent / "trace"
    program = Program(f"touch {trace}")
    if form == "bare pickle":
        source.write_bytes(pickle.dumps(program, protocol=2))
    else:
        state = {"weight": torch.zeros(2), "more": program}
        torch.save(state, source, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(
        UnsafeWeights, match=r"pytorch_model\.bin contains objects other than weights \(.*posix\.?system"
    ):
        rewrite(source, target)
    assert not trace.exists()
    assert not list(target.parent.iterdir())
    if form == "bare pickle":
        pickle.loads(source.read_bytes())  # noqa: S301 - shows that the file is malicious
        assert trace.exists()


@pytest.mark.parametrize("content", [{"weight": 3}, {"epoch": {"weight": torch.zeros(2)}}, [torch.zeros(2)]])
def test_objects_other_than_named_tensors_are_refused(source: Path, target: Path, content: object) -> None:
    torch.save(content, source)
    with pytest.raises(UnsafeWeights, match="contains objects other than weights"):
        rewrite(source, target)


def test_pickle_is_not_read_next_to_safetensors(source: Path, target: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, source)
    target.write_bytes(b"safetensors")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is not needed, because model\.safetensors"):
        rewrite(source, target)
    assert target.read_bytes() == b"safetensors"


def test_tensor_larger_than_its_file_is_refused(source: Path, target: Path) -> None:
    torch.save({"weight": torch.zeros(1).expand(2**40)}, source)
    with pytest.raises(ModelError, match=r"needs more than 1024 MiB of memory"):
        rewrite(source, target)
    assert not list(target.parent.iterdir())


def test_zip_bomb_exceeds_the_memory_limit(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "BASE_BYTES", 2**26)
    torch.save({"weight": torch.zeros(2**25)}, source)  # 128 MiB
    bomb = source.with_name("bomb.bin")
    with zipfile.ZipFile(source) as plain, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as small:
        for name in plain.namelist():
            with plain.open(name) as read, small.open(name, "w", force_zip64=True) as written:
                while piece := read.read(1 << 24):
                    written.write(piece)
    source.unlink()
    assert bomb.stat().st_size < 2**23
    with pytest.raises(ModelError, match=r"of memory|is damaged"):
        rewrite(bomb, target)


@pytest.mark.parametrize("kept", [0, 100, 0.5])
def test_truncated_file_is_damaged(source: Path, target: Path, kept: float) -> None:
    torch.save({"weight": torch.randn(1000)}, source)
    content = source.read_bytes()
    source.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is damaged") as raised:
        rewrite(source, target)
    assert not isinstance(raised.value, UnsafeWeights)


def test_late_child_is_killed_with_its_children(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.write_bytes(b"")
    run_as_child(
        monkeypatch,
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(600)\n",
    )
    monkeypatch.setattr(pickles, "BASE_S", 3)
    with pytest.raises(ModelError, match=r"could not be read within 6 s, .*on a less busy machine.*do not use"):
        rewrite(source, target)
    stat = Path("/proc") / (tmp_path / "pid").read_text() / "stat"
    deadline = time.monotonic() + 180
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_child_over_its_cpu_limit_gives_a_clear_error(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.write_bytes(b"")
    run_as_child(
        monkeypatch,
        "import sys; from service.hub.pickles import Limits, apply_limits\n"
        "apply_limits(Limits(*map(int, sys.argv[3:])))\n"
        "while True: pass\n",
    )
    monkeypatch.setattr(pickles, "BASE_S", 1)
    monkeypatch.setattr(Limits, "deadline_s", 300)
    with pytest.raises(ModelError, match=r"pytorch_model\.bin needs more than 1 s of processor time"):
        rewrite(source, target)


def test_memory_files_and_handles_are_limited(tmp_path: Path) -> None:
    program = """
import json, resource, sys
from service.hub.pickles import Limits, apply_limits
apply_limits(Limits(2**28, 1000, 60))
failed = []
def attempt(name, action):
    try:
        action()
    except (OSError, MemoryError) as error:
        failed.append(name)
attempt("memory", lambda: bytearray(2**29))
attempt("file", lambda: [open(sys.argv[1], "ab", buffering=0).write(bytes(1000)) for _ in range(2)])
attempt("handles", lambda: [open("/dev/null") for _ in range(100)])
print(json.dumps({"failed": failed, "core": resource.getrlimit(resource.RLIMIT_CORE)}))
"""
    command = [sys.executable, "-c", program, str(tmp_path / "large")]
    done = subprocess.run(command, env=child_environment(), check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == {"failed": ["memory", "file", "handles"], "core": [0, 0]}


def test_child_has_no_secrets_and_no_input(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "DEPESCHE_CACHE_KEY", "HTTPS_PROXY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hf_hunter2")
    source.write_bytes(b"")
    run_as_child(
        monkeypatch,
        "import os, pathlib, sys\n"
        "seen = repr(dict(os.environ)) + repr(sys.stdin.read()) + os.getcwd()\n"
        "pathlib.Path(sys.argv[1]).write_text(seen)\n"
        "(pathlib.Path(sys.argv[2]) / 'weights.safetensors').touch()\n",
    )
    rewrite(source, target)
    seen = source.read_text("utf-8")
    assert "hunter2" not in seen
    assert str(target.parent / ".pickle-") in seen
    names = {"PATH", "LD_LIBRARY_PATH", "TMPDIR", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX", "PYTHONPATH", "PYTHONSAFEPATH"}
    assert child_environment().keys() <= names


def test_missing_torch_names_the_extra(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"weight": torch.zeros(2)}, source)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "torch.py").write_text("raise ImportError", "utf-8")
    root = child_environment()["PYTHONPATH"]
    monkeypatch.setattr(pickles, "child_environment", lambda: {"PYTHONPATH": f"{hidden}{os.pathsep}{root}"})
    with pytest.raises(ModelError, match="make production-torch"):
        rewrite(source, target)


def test_limits_grow_with_the_file() -> None:
    assert Limits.for_file(0) == Limits(2**30, 2**24, 60)
    assert Limits.for_file(2**30).memory_bytes == 5 * 2**30
    assert Limits.for_file(2**30).deadline_s == 2 * (60 + 51)
