"""Tests that a service with a pulled model keeps responding while another pull is failing, and after a reload."""

import hashlib
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.chaos.server import PATIENCE_S, Server, serving
from tests.hub.desk import NAME, REPO, Desk, Program, checkpoint, pickled
from tests.hub_server import serving as hub
from tests.redis_server import free_port

pytestmark = pytest.mark.slow

STORY = {"text": "Der Zug fährt heute nicht."}
STARTER = "starter-sum-de"
Files = dict[str, bytes]
Model = dict[str, object]


@dataclass(frozen=True)
class Site:
    """An operator's environment (`Desk`), and the service that serves the pulled model."""

    desk: Desk
    server: Server
    admin: str
    installed: Files
    lock: bytes

    @property
    def trace(self) -> Path:
        """Return the path of the file that a malicious pickle creates if it is loaded."""
        return self.desk.folder / "trace"

    def translated(self) -> Model:
        """Translate a text without the cache, and return the response's description of the model."""
        answer = self.server.post("/v1/translate", STORY, {"Cache-Control": "no-store"})
        assert answer.status_code == 200, answer.text
        found: Model = answer.json()["model"]
        assert (found["id"], found["quality"]) == (REPO, "production")
        return found

    def reloaded(self) -> tuple[int, Model]:
        """Reload the models through the administration port, and then again with SIGHUP.

        Return the status of the first response, and the description of the model that is served after both reloads.
        """
        answer = httpx.post(f"{self.admin}/admin/reload", json={}, timeout=PATIENCE_S)
        self.server.process.send_signal(signal.SIGHUP)
        self.server.event("models_reloaded")
        return answer.status_code, self.translated()

    def unharmed(self) -> bool:
        """Return whether the installed model is unchanged, no files are left over, and no malicious program has run."""
        return self.desk.content() == self.installed and not self.desk.leftovers() and not self.trace.exists()

    def restore(self, files: Files) -> None:
        """Restore the hub, the lock file and the environment of the first pull, and delete the client's cache."""
        hub = self.desk.hub
        hub.status = None
        hub.spoilt.clear()
        hub.held.set()
        hub.half.clear()
        shutil.rmtree(self.desk.cache, ignore_errors=True)
        self.desk.environment.clear()
        self.desk.publish(files)
        (self.desk.installed / "models.lock").write_bytes(self.lock)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, models_dir: Path, files: Files) -> Iterator[Site]:
    """Start one service with a pulled model for all tests in this module."""
    with hub() as state:
        desk = Desk(tmp_path_factory.mktemp("site"), state, program="service")
        shutil.copy(models_dir / "catalog" / f"{STARTER}.toml", desk.models / "catalog")
        (desk.models / "embedded").symlink_to(models_dir / "embedded")
        desk.publish(files)
        desk.pull()
        port = str(free_port())
        settings = {
            "models_dir": str(desk.models),
            "installed_dir": str(desk.installed),
            "translation_model": NAME,
            "admin_port": port,
            "engine_replicas": "1",
        }
        with serving(ready=True, **settings) as server:
            lock = (desk.installed / "models.lock").read_bytes()
            yield Site(desk, server, f"http://127.0.0.1:{port}", desk.content(), lock)


@pytest.fixture(autouse=True)
def restored(site: Site, files: Files) -> Iterator[None]:
    yield
    site.restore(files)


def other(site: Site, files: Files) -> None:
    """Publish another commit on the hub, and remove the lock file."""
    site.desk.publish(files, commit="2" * 40)
    (site.desk.installed / "models.lock").unlink()


def unreachable(site: Site, _: Files) -> None:
    site.desk.environment["HF_ENDPOINT"] = "http://127.0.0.1:1"


def refusing(site: Site, _: Files) -> None:
    site.desk.hub.status = 401


def without_it(site: Site, _: Files) -> None:
    site.desk.hub.status = 404


def spoilt(site: Site, files: Files) -> None:
    weights = files["model.safetensors"] + b"\0"
    other(site, {**files, "model.safetensors": weights})
    site.desk.hub.spoilt.add(hashlib.sha256(weights).hexdigest())


def unsupported(site: Site, files: Files) -> None:
    other(site, {**files, "config.json": amended(files["config.json"], model_type="gpt2")})


def mismatched(site: Site, files: Files) -> None:
    more = {f"more{number}": len(json.loads(files["vocab.json"])) + number for number in range(500)}
    other(site, {**files, "vocab.json": amended(files["vocab.json"], **more)})


def malicious(site: Site, files: Files) -> None:
    other(site, pickled(files, more=Program(f"touch {site.trace}")))


def changed(site: Site, files: Files) -> None:
    site.desk.publish({**files, "config.json": files["config.json"] + b"\n"})


def amended(content: bytes, **more: object) -> bytes:
    return json.dumps({**json.loads(content), **more}).encode()


@dataclass(frozen=True)
class Case:
    """A pull that fails: the change that makes it fail, its arguments, and the expected error message."""

    message: str
    change: Callable[[Site, Files], None] = other
    name: str = NAME
    file_bytes: int | None = None


CASES = {
    "hub unreachable": Case("http://127.0.0.1:1 cannot be reached", unreachable),
    "401": Case("returned 401: the repository is private or does not exist", refusing),
    "404": Case("returned 404: the repository or file does not exist", without_it),
    "no such name": Case("there is no model 'tinny'; possible names: tiny", name="tinny"),
    "flipped byte": Case("model.safetensors does not match its digest in the hub's listing", spoilt),
    "disk full": Case("File too large", file_bytes=20_000),
    "unsupported architecture": Case("the checkpoint has architecture 'gpt2'", unsupported),
    "tokenizer and weights": Case("pieces, but the weights have", mismatched),
    "malicious pickle": Case("pytorch_model.bin contains objects other than weights", malicious),
    "disagreeing lock": Case("config.json has changed: SHA-256", changed),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_failed_pull_keeps_the_model_serving(site: Site, files: Files, case: Case) -> None:
    serving_before = site.translated()
    case.change(site, files)
    running = site.desk.start("pull", case.name, file_bytes=case.file_bytes)
    assert site.translated() == serving_before
    assert case.message in site.desk.error_from(running)
    assert site.unharmed()
    assert site.reloaded() == (200, serving_before)
    assert site.translated() == serving_before


def test_killed_pull_keeps_the_model_serving(site: Site, files: Files) -> None:
    serving_before = site.translated()
    other(site, {**files, "large.spm": bytes(2**20)})
    site.desk.hub.held.clear()
    running = site.desk.start("pull", NAME)
    assert site.desk.hub.half.wait(PATIENCE_S)
    assert site.translated() == serving_before
    running.process.kill()
    assert running.end(PATIENCE_S).returncode == -signal.SIGKILL
    assert site.unharmed()
    assert site.reloaded() == (200, serving_before)


def test_damaged_weights_are_not_loaded(site: Site) -> None:
    serving_before = site.translated()
    path = site.desk.installed / NAME / "ct2" / "model.bin"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        answer = httpx.post(f"{site.admin}/admin/reload", json={}, timeout=PATIENCE_S)
        site.server.process.send_signal(signal.SIGHUP)
        message = site.server.event("models_not_reloaded")
        assert site.translated() == serving_before
    finally:
        path.write_bytes(content)
    assert (answer.status_code, answer.json()["code"]) == (500, "weights_mismatch")
    assert "ct2/model.bin does not match its SHA-256 in the manifest" in message["detail"]
    assert site.reloaded() == (200, serving_before)
