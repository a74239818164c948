"""Tests of pulls with the real client and command line: requests, the lock file and rejected models."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load as load_bytes
from safetensors.torch import load_file as load_tensors

from service.domain import EngineInput, Tokens
from service.errors import HubError
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.hub.pull import Snapshot, discard
from service.registry.catalog import Catalog, Entry
from service.registry.manifest import EngineKind, load
from tests.hub.conftest import Pulled
from tests.hub.desk import CATALOG, NAME, REPO, Desk, pickled


def test_model_is_pulled_converted_and_served(pulled: Pulled, files: dict[str, bytes]) -> None:
    assert pulled.done.returncode == 0, pulled.done.stderr
    assert "is installed in" in pulled.done.stderr
    assert "licence CC-BY-4.0, commercial use: yes" in pulled.done.stderr
    wanted = [path.rpartition("/")[2] for method, path, _ in pulled.desk.hub.asked if method == "HEAD"]
    assert sorted(wanted) == sorted(files)
    assert entry_of(pulled.desk).manifest.engines.keys() == {"ctranslate2"}
    assert written(pulled.desk, "ctranslate2")


def test_installed_model_is_verified_listed_and_removed(desk: Desk, pulled: Pulled) -> None:
    desk.copy_models_from(pulled.desk)
    entry = entry_of(desk)
    assert entry.installed
    told = f"{NAME}: {len(entry.manifest.files)} files match the manifest, and 20 outputs were generated again\n"
    assert desk.run("verify").stdout == told
    (line,) = [line for line in desk.run("list").stdout.splitlines() if NAME in line]
    assert line.split()[-2] == "yes"
    assert desk.run("remove", NAME).returncode == 0
    assert not (desk.installed / NAME).exists()
    assert desk.leftovers() == []
    assert desk.locked()["commit"] == "1" * 40
    assert desk.error_of("remove", NAME) == f"{NAME} is not installed"


def test_pull_of_the_recommended_model_says_what_it_needs(desk: Desk) -> None:
    desk.describe(CATALOG.replace('quality = "production"', 'quality = "production"\npreferred = true'))
    done = desk.run("pull", "recommended")
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stderr.split())
    assert "The recommended translation model is tiny. The grammar rules still write the summaries" in told
    assert told.index("tests/tiny: the download size is 0.00 GiB") < told.index("tiny 1 is installed in")
    assert "of memory (this machine has" in told


def test_kept_checkpoint_runs_on_torch(desk: Desk, pulled: Pulled) -> None:
    desk.copy_models_from(pulled.desk)
    desk.program = "service"
    done = desk.run("pull", NAME, "--keep-checkpoint")
    assert done.returncode == 0, done.stderr
    assert entry_of(desk).manifest.engines.keys() == {"ctranslate2", "torch"}
    assert written(desk, "torch")
    assert desk.run("verify").returncode == 0


def entry_of(desk: Desk) -> Entry:
    return Catalog(desk.models, desk.installed).entry(NAME)


def written(desk: Desk, kind: EngineKind) -> Tokens:
    """Return the output tokens of the installed model for a test sentence, generated with the engine ``kind``."""
    entry = entry_of(desk)
    tokens = Tokenizer(entry.manifest, entry.folder).encode("Guten Morgen, Deutschland.")
    engine = load_engine(entry.manifest, entry.folder, kind, device="cpu", threads=1)
    (hypotheses,) = engine.generate([EngineInput(tokens, entry.manifest.decoding_options(len(tokens)))])
    engine.close()
    return hypotheses[0].tokens


def _more_pieces(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return a vocabulary file with more pieces than the weights in ``files`` have rows."""
    pieces = json.loads(files["vocab.json"])
    more = {f"more{number}": len(pieces) + number for number in range(500)}
    return {"vocab.json": json.dumps({**pieces, **more}).encode()}


def _other_architecture(files: dict[str, bytes]) -> dict[str, bytes]:
    return {"config.json": json.dumps({**json.loads(files["config.json"]), "model_type": "gpt2"}).encode()}


@pytest.mark.parametrize(
    ("change", "message"),
    [(_more_pieces, "pieces, but the weights have"), (_other_architecture, "the checkpoint has architecture 'gpt2'")],
)
def test_unusable_checkpoint_leaves_the_installed_model(
    desk: Desk,
    pulled: Pulled,
    files: dict[str, bytes],
    change: Callable[[dict[str, bytes]], dict[str, bytes]],
    message: str,
) -> None:
    desk.copy_models_from(pulled.desk)
    desk.program = "service"
    before = desk.content()
    (desk.installed / "models.lock").unlink()  # accept another version
    desk.publish({**files, **change(files)}, commit="2" * 40)
    assert message in desk.error_of("pull", NAME)
    assert desk.content() == before
    assert desk.leftovers() == []
    assert written(desk, "ctranslate2")


def test_lock_holds_commit_and_digests(desk: Desk, files: dict[str, bytes]) -> None:
    desk.pull()
    expected = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        for name, content in files.items()
    }
    assert desk.locked() == {"commit": "1" * 40, "files": expected}


def test_pickle_gives_the_same_model(desk: Desk, files: dict[str, bytes]) -> None:
    desk.publish(pickled(files))
    desk.pull()
    installed = load_tensors(desk.installed / NAME / "ct2" / "model.safetensors")
    published = load_bytes(files["model.safetensors"])
    assert set(installed) == set(published)
    assert all(installed[name].equal(published[name]) for name in published)
    assert set(desk.locked()["files"]) == {*files} - {"model.safetensors"} | {"pytorch_model.bin"}


def test_safetensors_are_preferred_to_a_pickle(desk: Desk, files: dict[str, bytes]) -> None:
    desk.publish({**files, **pickled(files)})
    desk.pull()
    assert not [path for path in desk.hub.fetched() if path.endswith(".bin")]


def test_pattern_never_selects_a_pickle(desk: Desk, files: dict[str, bytes]) -> None:
    desk.describe(CATALOG.replace('"*.spm"', '"*.spm", "*.bin"'))
    desk.publish({**files, **pickled(files)})
    desk.pull()
    assert not [path for path in desk.hub.fetched() if path.endswith(".bin")]


def test_renamed_safetensors_are_refused(desk: Desk, files: dict[str, bytes]) -> None:
    desk.publish({**pickled(files), "model-00001-of-00002.safetensors": b"a shard"})
    assert "model-00001-of-00002.safetensors has an unsupported name" in desk.error_of("pull", NAME)
    assert desk.hub.fetched() == []


@pytest.mark.parametrize("commit", ["../../../..", "1" * 39, "main", "1" * 40 + "\n"])
def test_invalid_commit_is_refused(desk: Desk, files: dict[str, bytes], commit: str) -> None:
    desk.publish(files, commit=commit)
    assert "the hub returned no valid commit for main" in desk.error_of("pull", NAME)
    assert not (desk.installed / "models.lock").exists()


def test_etag_with_a_path_is_refused(desk: Desk, files: dict[str, bytes]) -> None:
    canary = desk.folder / "canary"
    canary.write_text("alive", "utf-8")
    for etag in (f"../../../../../..{canary}", f"../../../../../..{desk.folder}/new"):
        desk.publish(files, etag=etag)
        assert "returned an invalid etag header; the download was aborted" in desk.error_of("pull", NAME)
    assert canary.read_text("utf-8") == "alive"
    assert not list(desk.folder.glob("new*"))


def test_file_outside_the_cache_is_not_deleted(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    with pytest.raises(HubError, match="outside the hub client's cache"):
        discard(Snapshot("1" * 40, {"config.json": outside}))
    assert outside.exists()


@pytest.mark.parametrize("endpoint", ["http://hub.example", "http://192.0.2.1:8080", "ftp://hub.example"])
def test_plain_http_is_refused_off_loopback(desk: Desk, endpoint: str) -> None:
    desk.environment["HF_ENDPOINT"] = endpoint
    assert f"HF_ENDPOINT {endpoint} does not use https" in desk.error_of("pull", NAME)


def test_impossible_file_size_is_one_line(desk: Desk, files: dict[str, bytes]) -> None:
    desk.publish(files, size_bytes=10**30)
    assert desk.error_of("pull", NAME)
    assert not (desk.installed / NAME).exists()


def test_second_pull_fetches_nothing(desk: Desk) -> None:
    desk.pull()
    desk.hub.asked.clear()
    desk.pull()
    assert desk.hub.fetched() == []
    assert all("/main" not in path for _, path, _ in desk.hub.asked)


def test_offline_pull_reads_the_cache(desk: Desk) -> None:
    desk.pull()
    desk.hub.asked.clear()
    shutil.rmtree(desk.installed / NAME)
    desk.environment["HF_HUB_OFFLINE"] = "1"
    desk.pull()
    assert desk.hub.asked == []
    shutil.rmtree(desk.cache)
    assert "HF_HUB_OFFLINE forbids" in desk.error_of("pull", NAME)


def test_offline_pull_without_a_lock_is_refused(desk: Desk) -> None:
    desk.pull()
    (desk.installed / "models.lock").unlink()
    desk.environment["HF_HUB_OFFLINE"] = "1"
    installed = desk.content()
    assert desk.error_of("pull", NAME) == (
        f"{REPO} is not in models.lock, which is required with HF_HUB_OFFLINE; copy models.lock from the machine "
        "that pulled the model"
    )
    assert desk.content() == installed
    assert not (desk.installed / "models.lock").exists()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("vocab.json", "has no vocab.json in the hub client's cache"),
        ("model.safetensors", "has neither model.safetensors nor pytorch_model.bin in the hub client's cache"),
    ],
)
def test_offline_pull_names_the_missing_file(desk: Desk, file: str, message: str) -> None:
    desk.pull()
    installed, lock = desk.content(), desk.locked()
    desk.environment["HF_HUB_OFFLINE"] = "1"
    (link,) = desk.cache.rglob(f"snapshots/*/{file}")
    link.resolve().unlink()
    assert desk.error_of("pull", NAME) == f"{REPO} {message}, and HF_HUB_OFFLINE forbids downloads"
    assert (desk.content(), desk.locked()) == (installed, lock)


def test_token_opens_a_private_repository(desk: Desk, files: dict[str, bytes]) -> None:
    desk.publish(files, token="hf_right")  # noqa: S106 - token of a test hub
    desk.environment |= {"HF_TOKEN": "hf_wrong"}
    assert "returned 401: the repository is private or does not exist, or HF_TOKEN is wrong" in desk.error_of(
        "pull", NAME
    )
    desk.environment |= {"HF_TOKEN": "hf_right"}
    desk.pull()


def test_restricted_terms_are_accepted_before_any_request(desk: Desk) -> None:
    desk.describe(
        CATALOG.replace("CC-BY-4.0", "CC-BY-NC-4.0").replace('_use = "yes"', '_use = "no"') + "restricted = true\n"
    )
    message = desk.error_of("pull", NAME)
    assert "licence CC-BY-NC-4.0, commercial use: no" in message
    assert "--licence-accepted" in message
    assert desk.hub.asked == []
    assert desk.run("pull", NAME, "--licence-accepted").returncode == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tinny", "there is no model 'tinny'; possible names: tiny"),
        ("starter", "starter is part of Depesche and cannot be pulled"),
    ],
)
def test_unknown_and_embedded_names_are_refused(desk: Desk, name: str, message: str) -> None:
    desk.describe(
        CATALOG.partition("[hub]")[0].replace("quality", 'revision = "1"\nweights = "x"\nquality') + EMBEDDED, "starter"
    )
    assert desk.error_of("pull", name) == message


EMBEDDED = """
[engines.ctranslate2]
folder = "."
compute_type = "int8"

[files]
"model.bin" = "0"
"""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda desk: desk.hub.repos.clear(), "returned 401: the repository is private or does not exist"),
        (
            lambda desk: setattr(desk.hub.repos[REPO], "gated", True),
            "returned 403: accept the terms of the repository on the hub",
        ),
        (lambda desk: setattr(desk.hub, "status", 404), "returned 404: the repository or file does not exist"),
        (lambda desk: setattr(desk.hub, "status", 401), "returned 401: the repository is private or does not exist"),
        (lambda desk: setattr(desk.hub, "status", 503), "returned 503"),
        (lambda desk: desk.describe(CATALOG + 'revision = "v9"\n'), "the repository has no such revision"),
        (lambda desk: desk.hub.repos[REPO].files.pop("vocab.json"), f"{REPO} has no vocab.json in this revision"),
        (
            lambda desk: desk.hub.repos[REPO].files.pop("model.safetensors"),
            "has neither model.safetensors nor pytorch_model.bin",
        ),
        (
            lambda desk: setattr(desk.hub, "url", "http://127.0.0.1:1"),
            "http://127.0.0.1:1 cannot be reached (ConnectError)",
        ),
        (lambda desk: desk.environment.update(HF_HUB_OFFLINE="1"), "is not in models.lock, which is required"),
    ],
    ids=[
        "no repository",
        "gated",
        "404",
        "401",
        "503",
        "no revision",
        "no file",
        "no weights",
        "unreachable",
        "offline",
    ],
)
def test_hub_error_is_one_line(desk: Desk, change: object, message: str) -> None:
    assert callable(change)
    change(desk)
    assert message in desk.error_of("pull", NAME)
    assert not (desk.installed / "models.lock").exists()
    assert not (desk.installed / NAME).exists()


def test_moved_branch_is_not_followed(desk: Desk, files: dict[str, bytes]) -> None:
    desk.pull()
    first = desk.content()
    desk.publish({**files, "config.json": files["config.json"] + b"\n"}, commit="2" * 40)
    assert "the repository has no such revision" in desk.error_of("pull", NAME)
    assert desk.content() == first


@pytest.mark.parametrize(("file", "by"), [("config.json", b"\n"), ("model.safetensors", b"\0")])
def test_file_changed_at_the_locked_commit_is_refused(
    desk: Desk, files: dict[str, bytes], file: str, by: bytes
) -> None:
    desk.pull()
    first, lock = desk.content(), desk.locked()
    shutil.rmtree(desk.cache)
    desk.publish({**files, file: files[file] + by})
    message = desk.error_of("pull", NAME)
    assert f"{REPO}: {file} has changed: SHA-256" in message
    assert "models.lock pins the first pull" in message
    assert (desk.content(), desk.locked()) == (first, lock)
    desk.publish(files)
    desk.pull()  # the refused file is no longer in the cache


def test_damaged_lock_is_named_and_kept(desk: Desk) -> None:
    desk.pull()
    (desk.installed / "models.lock").write_text("half a [", "utf-8")
    assert "models.lock is not a valid lock file" in desk.error_of("pull", NAME)
    assert (desk.installed / "models.lock").read_text("utf-8") == "half a ["


def test_deleted_lock_entry_accepts_a_version(desk: Desk, files: dict[str, bytes]) -> None:
    desk.pull()
    (desk.installed / "models.lock").unlink()
    desk.publish({**files, "config.json": files["config.json"] + b"\n"}, commit="2" * 40)
    desk.pull()
    assert desk.locked()["commit"] == "2" * 40


def test_installed_manifest_names_the_commit(desk: Desk) -> None:
    desk.pull()
    manifest = load(desk.installed / NAME / "manifest.toml")
    assert manifest.hub is not None
    assert manifest.hub.revision == "1" * 40
    assert manifest.revision
    assert manifest.verified == ("architecture", "hub.revision")


def test_verify_names_a_missing_model(desk: Desk) -> None:
    assert f"{NAME} failed the check and must be reinstalled" in desk.error_of("verify", NAME)
    assert desk.run("verify").returncode == 0


def test_verify_finds_a_flipped_byte(desk: Desk) -> None:
    desk.pull()
    (path,) = Path(desk.installed / NAME).rglob("model.safetensors")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = desk.run("verify")
    assert done.returncode == 1
    assert "model.safetensors does not match its SHA-256 in the manifest" in done.stderr
