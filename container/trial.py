"""Serves from an image: confined, until ready, asked for work over HTTP, and stopped as its orchestrator would."""

import http.client
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container.buildah import Config
from container.confined import Running, health, running
from container.findings import Disproved, confirm

TEXT = "Der Präsident sprach am Freitag mit der Kanzlerin. Der Bundestag stimmt am Montag über den Haushalt ab."
READY_S = 300.0
ANSWER_S = 120.0
NOBODY = "65532"
OK = 200


@dataclass(frozen=True, slots=True)
class Port:
    """The service on a port of this machine."""

    number: int

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the answer; raises OSError where nothing listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.number, timeout=ANSWER_S)
        try:
            sent = None if body is None else json.dumps(body).encode("utf-8")
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        finally:
            connection.close()

    def given(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a POST is answered with; raises Disproved where that is a problem."""
        status, answer = self.ask("POST", path, body)
        if status != OK:
            raise Disproved(f"{path}: {status} {answer}")
        return answer


def try_out(root: Path, config: Config, engine: str, article: Path | None, log: Path) -> None:
    """Run the image's command on ``engine``, ask it for work, and stop it by the image's signal; ``log`` is its output.

    Raises:
        Disproved: it is not confined, does not get ready, answers wrongly, or does not stop as it should.
    """
    port = Port(_free_port())
    environment = {"DEPESCHE_PORT": str(port.number), "DEPESCHE_ENGINE": engine}
    with running(root, config, environment, log) as service:
        print(f"ready on {engine} after {_until_ready(port, service):.1f} s")
        _confirm_confined(service)
        confirm("the image's health check", so=health(root, config, environment) == 0)
        print("POST /v1/translate:", port.given("/v1/translate", {"text": TEXT})["translations"][0]["text"])
        if article is not None:
            _show(port.given("/v1/articles", {"body": article.read_text("utf-8")}))
        print(f"memory: {service.status['VmRSS']}, at most {service.status['VmHWM']}")
        confirm(f"exit code 0 after {config.stop_signal}", so=service.stop(config.stop_signal) == 0)


def _show(answer: dict[str, Any]) -> None:
    print("POST /v1/articles, summary:", answer["summary"]["text"])
    print("POST /v1/articles, translation:", answer["translation"]["text"][:200], "…")


def _until_ready(port: Port, service: Running) -> float:
    began = time.monotonic()
    while time.monotonic() < began + READY_S:
        if service.process.poll() is not None:
            raise Disproved(f"the service ended with {service.process.returncode} before it was ready")
        if _ready(port):
            return time.monotonic() - began
        time.sleep(0.1)
    raise Disproved(f"not ready after {READY_S} s")


def _ready(port: Port) -> bool:
    try:
        status, answer = port.ask("GET", "/readyz")
    except OSError:  # nothing listens yet
        return False
    if answer["status"] == "failed":
        raise Disproved(f"the models were not loaded: {answer['detail']}")
    return status == OK


def _confirm_confined(service: Running) -> None:
    status = service.status
    confirm("user and group 65532", so=status["Uid"].split() == status["Gid"].split() == [NOBODY] * 4)
    sets = [int(status[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")]
    confirm("no capability", so=not any(sets))
    confirm("no new privileges", so=status["NoNewPrivs"] == "1")
    for folder in ("", "/opt/depesche", "/var", "/home"):
        refused = service.refusal(f"{folder}/proof")
        confirm(f"no file can be made in {folder or '/'}: {refused}", so=refused == "Read-only file system")
    confirm("a file can be made in /tmp", so=not service.refusal("/tmp/proof"))  # noqa: S108 - the image's own


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
