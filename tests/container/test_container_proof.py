"""The parts of `make prove`: confinement is the kernel's, the audit finds what is left, sizes and indexes are right."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from container.audit import audit
from container.buildah import Config
from container.confined import health, running
from container.findings import Disproved
from container.index import CERTIFICATES_INSIDE, INSIDE, named_paths, of_this_machine, parsed
from container.size import content_bytes, largest
from container.trial import NOBODY

SAYS_READY = "import time; print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def machine() -> Path:
    """This machine's own root file system, as if it were an image's."""
    missing = [name for name in ("unshare", "setpriv", "chroot") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"has to be root, and needs {missing or 'nothing more'}")
    return Path("/")


def config(command: list[str]) -> Config:
    return Config({"PATH": "/usr/bin:/bin", "OWN": "1"}, command, "65532:65532", "/tmp", "SIGTERM", ["true"], {})  # noqa: S108


def test_a_command_runs_as_nobody_without_powers_on_a_read_only_root(machine: Path, tmp_path: Path) -> None:
    command = ["sh", "-c", "touch here; echo $OWN $GIVEN; id -u; exec sleep 60"]
    log = tmp_path / "log"
    with running(machine, config(command), {"GIVEN": "2"}, log) as found:
        wait_for(log, lines=2)
        status = found.status
        assert status["Uid"].split() == status["Gid"].split() == [NOBODY] * 4
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert found.refusal("/proof") == found.refusal("/var/proof") == "Read-only file system"
        assert found.refusal("/tmp/proof") == ""  # noqa: S108 - the image's own
        assert found.refusal("/tmp/here") == "File exists"  # noqa: S108
        assert not Path("/tmp/here").exists()  # noqa: S108
        assert found.stop("SIGTERM") == -15
    assert log.read_text("utf-8") == "1 2\n65532\n"


def wait_for(log: Path, *, lines: int) -> None:
    import time

    end = time.monotonic() + 30
    while log.read_text("utf-8").count("\n") < lines:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_health_check_is_judged_by_its_exit_code(machine: Path) -> None:
    assert health(machine, config([]), {}) == 0
    failing = Config({"PATH": "/usr/bin:/bin"}, [], "65532:65532", "/tmp", "SIGTERM", ["sh", "-c", "exit 3"], {})  # noqa: S108
    assert health(machine, failing, {}) == 3


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root file system with nothing wrong."""
    packages = tmp_path / "opt/depesche/lib/python3.11/site-packages"
    (packages / "service").mkdir(parents=True)
    (packages / "service" / "app.py").write_text("x" * 100, "utf-8")
    (tmp_path / "usr/bin").mkdir(parents=True)
    return tmp_path


def test_an_image_with_nothing_left_behind_is_let_through(image: Path) -> None:
    audit(image, torch=False)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("usr/bin/gcc", "but gcc"),
        ("opt/depesche/bin/pip", "but pip"),
        ("root/.cache/pip/wheel", "but root/.cache/pip/wheel"),
        ("var/lib/apt/lists/debian", "but var/lib/apt/lists/debian"),
        ("opt/depesche/lib/python3.11/site-packages/torch/version.py", "torch is not in it"),
    ],
)
def test_the_audit_finds_what_is_left_behind(image: Path, path: str, complaint: str) -> None:
    (image / path).parent.mkdir(parents=True, exist_ok=True)
    (image / path).touch(0o755)
    with pytest.raises(Disproved, match=complaint):
        audit(image, torch=False)


def test_the_audit_finds_what_others_could_write_and_that_torch_is_missing(image: Path) -> None:
    with pytest.raises(Disproved, match="torch is in it"):
        audit(image, torch=True)
    (image / "opt/depesche/lib/python3.11/site-packages/service/app.py").chmod(0o666)
    with pytest.raises(Disproved, match="written by others, but"):
        audit(image, torch=False)


def test_sizes_count_a_file_with_two_names_once(image: Path) -> None:
    folder = image / "opt/depesche/lib/python3.11/site-packages"
    os.link(folder / "service" / "app.py", folder / "service" / "again.py")
    (folder / "other").mkdir()
    (folder / "other" / "a").write_text("y" * 30, "utf-8")
    assert content_bytes(image) == 130
    assert largest(folder, 1) == [("service", 100)]


LISTED = """:env:.find-links='{wheels}'
:env:.default-timeout='5'
global.find-links='/nowhere'
global.extra-index-url='file://{index}/simple https://index.example/simple'
global.cert='/nowhere/ca.crt'
"""


def test_the_environments_options_go_before_those_of_files_and_others_stay_here() -> None:
    assert parsed(LISTED.format(wheels="/w", index="/i")) == {
        "find-links": "/w",
        "extra-index-url": "file:///i/simple https://index.example/simple",
        "cert": "/nowhere/ca.crt",
    }


def test_folders_that_an_index_is_in_are_found_with_what_lies_beside_them(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "index" / "simple").mkdir(parents=True)
    options = parsed(LISTED.format(wheels=tmp_path / "wheels", index=tmp_path / "index"))
    assert named_paths(options) == [str(tmp_path / "index"), str(tmp_path / "wheels")]


def test_this_machines_index_is_written_for_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CERT", sys.executable)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    volumes = of_this_machine(tmp_path).volumes
    assert f"{tmp_path}:{tmp_path}:ro" in volumes
    assert f"{sys.executable}:{CERTIFICATES_INSIDE}:ro" in volumes
    assert volumes[-1] == f"{tmp_path / 'pip.conf'}:{INSIDE}:ro"
    assert f"cert = {CERTIFICATES_INSIDE}\n" in (tmp_path / "pip.conf").read_text("utf-8")
