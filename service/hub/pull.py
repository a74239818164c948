"""The download, conversion and installation of a model from the Hugging Face Hub."""

import contextlib
import fnmatch
import hashlib
import ipaddress
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from service.errors import HubError, ModelError, OutputsRefused, WeightsMismatch
from service.hub.files import INDEX, PICKLE, SAFETENSORS, SHARDS
from service.hub.installed import InstalledModels, write_errors
from service.hub.lock import COMMIT_PATTERN, LockedRepository
from service.hub.pickles import rewrite
from service.hub.requirements import Needs, has, require_packages
from service.registry.catalog import MANIFEST, Catalog, Entry
from service.registry.manifest import EngineFiles, EngineKind, Hub, Manifest, dumps
from service.registry.verify import Digest, verify_whole

Report = Callable[[str, int, int | None], None]
"""A progress callback. Its arguments are the file name, the number of downloaded bytes, and the size or None."""

# The hub client builds cache paths from these headers. A valid value is a commit or a digest, which may be quoted and
# marked as weak.
_PATH_HEADERS = ("etag", "x-linked-etag", "x-repo-commit")
_PATH_HEADER_VALUE = re.compile(r'(?:W/)?"?[0-9A-Za-z_-]{1,128}"?')


@dataclass(frozen=True, slots=True)
class RepoFile:
    """A file in the hub's list of the files in a repository.

    The list contains a SHA-256 digest (``sha256``) for a large file, and a Git blob digest (``git``) for a small file.
    """

    name: str
    size_bytes: int
    sha256: str | None
    git: str | None


Announce = Callable[[Mapping[str, int], int | None], None]
"""A callback with the sizes of the files to download, and the number of parameters, if the hub states it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The downloaded files of a repository at one commit.

    ``files`` maps file names to paths in the cache of the hub client (the huggingface_hub library).
    """

    commit: str
    files: Mapping[str, Path]

    def locked(self) -> LockedRepository:
        """Return the commit and the digests of the files, in the form in which the lock file stores them."""
        return LockedRepository(
            commit=self.commit, files={name: Digest.of(path) for name, path in sorted(self.files.items())}
        )


def pull(hub: Hub, commit: str | None, report: Report, announce: Announce) -> Snapshot:
    """Download the model's files from the repository ``hub.repo`` into the cache of the hub client.

    The files are those of ``commit`` or, if it is None, of ``hub.revision``. An interrupted download is resumed, and
    complete files are not downloaded again. If HF_HUB_OFFLINE is set, nothing is downloaded and the files must be in
    the cache. ``commit`` is then required, because only the hub can resolve a revision.

    ``announce`` is called once before the download, unless HF_HUB_OFFLINE is set. ``report`` is called with the
    progress of the download.

    Raises:
        HubError: the hub is unreachable or refuses the request; the repository, revision or files are missing; the
            hub's response is invalid; or the hub's address uses plain HTTP and is not a loopback address.
        WeightsMismatch: a file differs from the digest in the hub's list. The file is deleted from the cache.
        ModelError: the cache cannot be written, or ``announce`` raised this error.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - the import takes a second, and only this command needs it

    with _hub_errors(hub.repo):
        if constants.is_offline_mode():
            return _from_cache(hub, commit)
        _require_private_connection(constants.ENDPOINT)
        return _download(hub, commit or hub.revision, report, announce)


def discard(snapshot: Snapshot) -> None:
    """Delete the files of ``snapshot`` from the hub client's cache, so that the next pull downloads them again.

    Raises:
        HubError: a file is outside the hub client's cache.
    """
    for path in snapshot.files.values():
        _require_inside_cache(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def wanted(names: Iterable[str], hub: Hub, where: str = "in this revision") -> list[str]:
    """Return the names of the files to download: those that match ``hub.patterns``, and the weights.

    ``names`` are the files in the repository. Files in folders are ignored. Pickled weights are used only if the
    repository has no safetensors files. The messages about missing files end with ``where``.

    Raises:
        HubError: the repository has no weights in a supported format, or a pattern without ``*`` matches no file.
    """
    present = sorted({name for name in names if "/" not in name})
    missing = [pattern for pattern in hub.patterns if not fnmatch.filter(present, pattern) and "*" not in pattern]
    if missing:
        raise HubError(f"{hub.repo} has no {', '.join(missing)} {where}")
    matching = {name for pattern in hub.patterns for name in fnmatch.filter(present, pattern)} - {PICKLE}
    if SAFETENSORS in present:
        return sorted({SAFETENSORS, *matching})
    shards = fnmatch.filter(present, SHARDS)
    if INDEX in present and shards:
        return sorted({INDEX, *shards, *matching})
    other = fnmatch.filter(present, "*.safetensors")
    if other:
        raise HubError(
            f"{hub.repo}: the safetensors file {other[0]} has an unsupported name. Pickled weights are not "
            "used if a repository has safetensors files; choose another model"
        )
    if f"{PICKLE}.index.json" in present:
        raise HubError(f"{hub.repo} has a pickle in several files, which is not supported")
    if PICKLE not in present:
        raise HubError(f"{hub.repo} has neither {SAFETENSORS} nor {PICKLE} {where}")
    return sorted({PICKLE, *matching})


def _download(hub: Hub, revision: str, report: Report, announce: Announce) -> Snapshot:
    from huggingface_hub import HfApi, hf_hub_download, set_client_factory  # noqa: PLC0415 - see `pull`

    set_client_factory(_http_client)
    api = HfApi()
    info = api.model_info(hub.repo, revision=revision)
    commit = info.sha
    if commit is None or not re.fullmatch(COMMIT_PATTERN, commit):
        raise HubError(f"{hub.repo}: the hub returned no valid commit for {revision}")
    listed = {file.name: file for file in _list_files(api, hub.repo, commit)}
    names = wanted(listed, hub)
    parameters = None if PICKLE in names or info.safetensors is None else info.safetensors.total
    announce({name: listed[name].size_bytes for name in names}, parameters)
    files = {}
    for name in names:
        path = Path(hf_hub_download(hub.repo, name, revision=commit, tqdm_class=_progress_class(name, report)))
        _require_inside_cache(path)
        files[name] = path
        _check_digest(hub.repo, listed[name], path)
    return Snapshot(commit, files)


def _http_client() -> Any:
    """Return an HTTP client for the hub client that rejects suspicious responses.

    The hub client builds cache paths from some response headers. The returned client rejects header values that could
    result in a path outside the cache.
    """
    import httpx2  # noqa: PLC0415 - see `pull`

    # The hub client sets a timeout for each request.
    return httpx2.Client(event_hooks={"response": [_check_headers]}, follow_redirects=True, timeout=None)


def _check_headers(response: Any) -> None:
    for name in _PATH_HEADERS:
        value = response.headers.get(name)
        if value is not None and not _PATH_HEADER_VALUE.fullmatch(value):
            raise HubError(f"{response.url.host} returned an invalid {name} header; the download was aborted")


def _list_files(api: Any, repo: str, commit: str) -> Iterator[RepoFile]:
    for entry in api.list_repo_tree(repo, revision=commit):
        if hasattr(entry, "blob_id"):  # folders have no blob_id
            large = entry.lfs
            yield RepoFile(entry.path, entry.size, large.sha256 if large else None, None if large else entry.blob_id)


def _from_cache(hub: Hub, commit: str | None) -> Snapshot:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - see `pull`

    if commit is None:
        raise HubError(
            f"{hub.repo} is not in models.lock, which is required with HF_HUB_OFFLINE; copy models.lock from the "
            "machine that pulled the model"
        )
    folder = Path(snapshot_download(hub.repo, revision=commit, allow_patterns=["config.json"], local_files_only=True))
    present = [path.name for path in folder.iterdir() if path.is_file()]  # excludes links to deleted blobs
    names = wanted(present, hub, "in the hub client's cache, and HF_HUB_OFFLINE forbids downloads")
    return Snapshot(folder.name, {name: folder / name for name in names})


def _check_digest(repo: str, file: RepoFile, path: Path) -> None:
    """Raise `WeightsMismatch` if the file ``path`` differs from the digest in the hub's list.

    The hub client compares only the sizes of files.
    """
    if file.sha256 is not None:
        correct = Digest.of(path).sha256 == file.sha256
    else:
        content = path.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        correct = file.git in {git, None}
    if not correct:
        discard(Snapshot("", {file.name: path}))
        raise WeightsMismatch(
            f"{repo}: {file.name} does not match its digest in the hub's listing: the file was damaged during "
            "the download or in the cache. The cached copy has been deleted; pull the model again"
        )


def _require_inside_cache(path: Path) -> Path:
    """Return the resolved path.

    Raises:
        HubError: the path is outside the hub client's cache, where the service must not read or delete files.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - see `pull`

    resolved = path.resolve()
    if not resolved.is_relative_to(Path(constants.HF_HUB_CACHE).resolve()):
        raise HubError(f"{path.name} is outside the hub client's cache ({resolved}); the hub's response was rejected")
    return resolved


def _require_private_connection(endpoint: str) -> None:
    """Raise `HubError` if ``endpoint`` uses plain HTTP and is not a loopback address.

    An attacker could manipulate responses that are sent over plain HTTP.
    """
    address = urlsplit(endpoint)
    if address.scheme != "https" and not _is_loopback(address.hostname or ""):
        raise HubError(f"HF_ENDPOINT {endpoint} does not use https; plain http is accepted only for loopback addresses")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _progress_class(name: str, report: Report) -> Any:
    """Return a progress bar class for the hub client.

    Its instances show nothing, but call ``report`` with the progress of the file ``name``.
    """
    from huggingface_hub.utils.tqdm import tqdm  # noqa: PLC0415 - see `pull`

    class Progress(tqdm):
        def __init__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> None:
            super().__init__(disable=True)  # type: ignore[no-untyped-call]  # the hub client has no types
            self._done_bytes, self._total_bytes = initial, total

        def update(self, n: float | None = 1) -> None:
            self._done_bytes += int(n or 0)
            report(name, self._done_bytes, self._total_bytes)

    return Progress


@contextlib.contextmanager
def _hub_errors(repo: str) -> Iterator[None]:
    """Convert exceptions of the hub client in the ``with`` block to `HubError` or `ModelError`."""
    import httpx2  # noqa: PLC0415 - see `pull`
    from huggingface_hub import errors  # noqa: PLC0415

    try:
        yield
    except errors.LocalEntryNotFoundError as error:
        raise HubError(_not_cached(repo)) from error
    except errors.HfHubHTTPError as error:
        raise HubError(f"{repo}: {_http_error(error)}") from error
    except httpx2.HTTPError as error:
        raise HubError(_unreachable(type(error).__name__)) from error
    except OSError as error:
        raise ModelError(f"{repo}: the download cannot be written: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        # The hub client parses responses without validation.
        raise HubError(f"{repo}: {_endpoint()} returned an invalid response ({type(error).__name__})") from error


def _not_cached(repo: str) -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - see `pull`

    if constants.is_offline_mode():
        return f"{repo} is not in the hub client's cache, and HF_HUB_OFFLINE forbids downloads"
    return _unreachable("or it does not serve a model hub")


def _unreachable(reason: str) -> str:
    return f"{_endpoint()} cannot be reached ({reason}); pull again to resume the download"


def _http_error(error: Any) -> str:
    """Return a message that explains ``error``, an HTTP error status from the hub."""
    from huggingface_hub import errors  # noqa: PLC0415 - see `pull`

    status = error.response.status_code
    answer = f"{_endpoint()} returned {status}"
    if isinstance(error, errors.GatedRepoError):
        return f"{answer}: accept the terms of the repository on the hub, and set HF_TOKEN to a token of that account"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{answer}: the repository has no such revision"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{answer}: the repository is private or does not exist, or HF_TOKEN is wrong"
    return f"{answer}: the repository or file does not exist" if status == HTTPStatus.NOT_FOUND else answer


def _endpoint() -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - see `pull`

    endpoint: str = constants.ENDPOINT
    return endpoint


FILE_MODE, FOLDER_MODE = 0o644, 0o755
REVISION_CHARS = 12

Quantization = Literal["int8", "float32"]


def convert(
    snapshot: Path,
    manifest: Manifest,
    target: Path,
    *,
    quantization: Quantization = "int8",
    keep_checkpoint: bool = False,
    trim: bool = True,
) -> Manifest:
    """Convert the checkpoint in ``snapshot`` for CTranslate2, and install the model in the folder ``target``.

    The checkpoint of an architecture without a CTranslate2 converter is installed unchanged. ``snapshot`` contains
    config.json, the weights as safetensors and the tokenizer files that ``manifest`` names. It is not changed. If
    ``keep_checkpoint`` is True, the checkpoint is also installed, so that the torch engine can use the model. If
    ``trim`` is False, the vocabulary keeps all pieces. An existing model in ``target`` is replaced when the new one is
    complete and has been accepted (see `service.hub.acceptance`).

    Returns:
        The manifest with revision, engines, files and their SHA-256, as written to ``manifest.toml`` in ``target``.

    Raises:
        OutputsRefused: the outputs for the test sentences differ too much from their references.
        ModelError: the checkpoint has another architecture, lacks files or does not match its tokenizer; the outputs of
            the converted model differ from those of the checkpoint; the libraries for the conversion are not installed;
            or ``target`` cannot be written.
    """
    try:
        from service.hub.acceptance import Installation  # noqa: PLC0415 - imports the engine
        from service.hub.installation import install  # noqa: PLC0415 - imports transformers
    except ImportError as error:
        raise ModelError(
            f"converting {manifest.id} requires the package {error.name}, which is not installed; run: make production"
        ) from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(target) as folder, _scratch_folder(target) as scratch:
            described, engines = install(
                snapshot, manifest, folder, scratch, quantization, keep=keep_checkpoint, trim=trim
            )
            Installation(described.model_copy(update={"engines": engines}), folder).accept()
            completed = _complete_manifest(described, engines, folder)
            (folder / MANIFEST).write_text(dumps(completed), "utf-8")
            _make_readable(folder)
    except OSError as error:
        raise ModelError(f"{manifest.id} cannot be converted: {error.strerror or error}") from error
    return completed


@contextmanager
def _scratch_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder on the same file system as ``target``. Delete the folder at the end of the block."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-scratch-") as scratch:
        yield Path(scratch)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a new folder. If the block succeeds, the folder replaces ``target``. Otherwise, the folder is deleted."""
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-new-"))
    try:
        yield folder
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-old-") as old:
            if target.exists():
                target.rename(Path(old) / target.name)
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the folder no longer exists after success


def _complete_manifest(manifest: Manifest, engines: dict[EngineKind, EngineFiles], folder: Path) -> Manifest:
    """Return ``manifest`` with the engines, the digests of the files in ``folder``, and the revision.

    The revision consists of the hub's commit and a hash of the names and digests of the files.
    """
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    files = {path.relative_to(folder).as_posix(): Digest.of(path).sha256 for path in paths}
    digest = hashlib.sha256("".join(f"{name}{files[name]}" for name in files).encode()).hexdigest()[:REVISION_CHARS]
    commit = manifest.hub.revision if manifest.hub else manifest.revision
    described = {"revision": "-".join(filter(None, (commit, digest))), "engines": engines, "files": files}
    return Manifest.model_validate({**manifest.model_dump(), **described})


def _make_readable(folder: Path) -> None:
    """Allow all users to read the files in ``folder``, because the service may run as a different user."""
    folder.chmod(FOLDER_MODE)
    for path in folder.rglob("*"):
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)


VERIFIED = ("architecture", "hub.revision")  # manifest fields that a pull verifies
Convert = Callable[[Path, Manifest, Path], Manifest]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pull:
    """An installer for models from the hub.

    ``catalog`` describes the models, and ``installed`` manages the folders of the installed models.
    ``convert(checkpoint, manifest, target)`` writes the model's files and its manifest to the new folder ``target``,
    and returns the new manifest. ``report`` is called with the download progress, and ``say`` is called with the name
    of each step. ``keep_checkpoint`` states whether ``convert`` also installs the checkpoint.
    """

    catalog: Catalog
    installed: InstalledModels
    convert: Convert
    report: Report
    say: Say
    keep_checkpoint: bool = False

    def install(self, name: str, *, licence_accepted: bool) -> Entry:
        """Download and install the model ``name``, and return its entry in the catalogue.

        An installed model of the same name is replaced only in the last step. ``licence_accepted`` states whether the
        user accepts restricted terms.

        Raises:
            ModelError: the terms are restricted and not accepted, or a step failed. See `pull`, `Lock.check`,
                `pickles.rewrite` and ``convert``.
        """
        manifest = self.catalog.published(name)
        hub = _hub_of(name, manifest)
        require_packages(manifest, name)
        _check_licence(name, manifest, hub, accepted=licence_accepted)
        with self.installed.changing():
            snapshot = self._download(hub)
            with write_errors(name):
                return self._install_snapshot(name, manifest, hub, snapshot)

    def _download(self, hub: Hub) -> Snapshot:
        """Download the files of the repository, and check them against the lock file.

        If the lock file does not contain the repository, add the commit and the digests of the files to it.
        """
        lock = self.installed.lock
        snapshot = pull(hub, lock.commit(hub.repo), self.report, partial(self._announce, hub))
        found = snapshot.locked()
        try:
            lock.check(hub.repo, found)
        except ModelError:
            discard(snapshot)
            raise
        if lock.commit(hub.repo) is None:
            with write_errors("the lock file"):
                lock.keep(hub.repo, found)
        return snapshot

    def _install_snapshot(self, name: str, manifest: Manifest, hub: Hub, snapshot: Snapshot) -> Entry:
        pinned = manifest.model_copy(
            update={
                "hub": hub.model_copy(update={"revision": snapshot.commit}),
                "verified": tuple(sorted({*manifest.verified, *VERIFIED})),
            }
        )
        with self.installed.draft() as draft:
            checkpoint, target = draft / "checkpoint", draft / name
            self._write_checkpoint(snapshot, checkpoint)
            self.say("converting")
            converted = self._converted(checkpoint, pinned, target)
            verify_whole(Entry(name, converted, target))
            self.installed.put(name, target)
        return self.catalog.entry(name)

    def _converted(self, checkpoint: Path, manifest: Manifest, target: Path) -> Manifest:
        try:
            return self.convert(checkpoint, manifest, target)
        except OutputsRefused as error:
            for source, output in error.outputs:
                self.say(f"  {source}\n  → {output}")
            raise

    def _announce(self, hub: Hub, sizes_bytes: Mapping[str, int], parameters: int | None) -> None:
        """Say how much disk space and memory the installation needs, and how much this machine has.

        Raises:
            ModelError: the weights are a pickle, and torch is not installed.
        """
        needs = Needs.of(sizes_bytes, parameters, keep=self.keep_checkpoint)
        if needs.pickled and not has("torch"):
            raise ModelError(f"{hub.repo} has a pickle, which only torch can read; run: make production-torch")
        free = shutil.disk_usage(self.installed.folder).free
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        self.say(
            f"{hub.repo}: the download size is {_gib(needs.download_bytes)}. The installation needs up to "
            f"{_gib(needs.disk_bytes)} on the disk of {self.installed.folder} ({_gib(free)} are free) and "
            f"{_gib(needs.memory_bytes)} of memory (this machine has {_gib(memory)})"
        )

    def _write_checkpoint(self, snapshot: Snapshot, checkpoint: Path) -> None:
        """Create the folder ``checkpoint`` with links to the files of ``snapshot``.

        If the weights are pickled, write them to the folder as safetensors instead.
        """
        checkpoint.mkdir()
        for name, path in snapshot.files.items():
            if name != PICKLE:
                (checkpoint / name).symlink_to(path.resolve())
        if PICKLE in snapshot.files:
            self.say("rewriting pickled weights as safetensors, in a separate process")
            rewrite(snapshot.files[PICKLE], checkpoint / SAFETENSORS)


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 30):.2f} GiB"


def _hub_of(name: str, manifest: Manifest) -> Hub:
    if manifest.remote is not None:
        raise ModelError(f"{name} runs on a remote server and cannot be pulled; docs/remote.md describes its use")
    if manifest.hub is None:
        raise ModelError(f"{name} is part of Depesche and cannot be pulled")
    return manifest.hub


def _check_licence(name: str, manifest: Manifest, hub: Hub, *, accepted: bool) -> None:
    if hub.restricted and not accepted:
        raise ModelError(
            f"{name} has restricted terms: licence {manifest.licence}, commercial use: {manifest.commercial_use}. "
            f"Read the terms of {hub.repo} on the hub; pull with --licence-accepted if they allow your use"
        )
