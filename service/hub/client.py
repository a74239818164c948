"""Access to the Hugging Face hub through its own client (HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HUB_CACHE apply)."""

import contextlib
import fnmatch
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from service.errors import HubError, ModelError, WeightsMismatch
from service.hub.lock import COMMIT_PATTERN, Locked
from service.registry.manifest import Hub
from service.registry.verify import Digest

Report = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes fetched so far, and its size in bytes (None: unknown)."""

SAFETENSORS, PICKLE = "model.safetensors", "pytorch_model.bin"
# The client builds paths of its cache from these headers: a commit or a digest, perhaps quoted and weak.
_PATH_HEADERS = ("etag", "x-linked-etag", "x-repo-commit")
_PATH_HEADER_VALUE = re.compile(r'(?:W/)?"?[0-9A-Za-z_-]{1,128}"?')


@dataclass(frozen=True, slots=True)
class RepoFile:
    """A file as the hub lists it: SHA-256 of a large file, git's blob digest of a small one; None: not given."""

    name: str
    sha256: str | None
    git: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files of a repository at one commit. The paths are in the client's cache."""

    commit: str
    files: Mapping[str, Path]

    def locked(self) -> Locked:
        """Commit and digests for the lock file."""
        return Locked(commit=self.commit, files={name: Digest.of(path) for name, path in sorted(self.files.items())})


def pull(hub: Hub, commit: str | None, report: Report) -> Snapshot:
    """Download the model's files from ``hub.repo`` at ``commit`` (None: at ``hub.revision``) into the client's cache.

    An interrupted download resumes; complete files are not fetched again. With HF_HUB_OFFLINE only the cache is read.
    ``commit`` is required then, because the hub cannot say which files belong to the revision.

    Raises:
        HubError: the hub cannot be reached, refuses, or lacks repository, revision or files; its answer is invalid; its
            address is plain http and not loopback.
        WeightsMismatch: a file differs from the digest that the hub lists. The file is deleted from the cache.
        ModelError: the cache cannot be written.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - a second to import, and only this command needs it

    with _hub_errors(hub.repo):
        if constants.is_offline_mode():
            return _from_cache(hub, commit)
        _require_private_connection(constants.ENDPOINT)
        return _download(hub, commit or hub.revision, report)


def discard(snapshot: Snapshot) -> None:
    """Delete the files from the client's cache, so that the next pull downloads them again."""
    for path in snapshot.files.values():
        _require_inside_cache(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def wanted(names: Iterable[str], hub: Hub, where: str = "in this revision") -> list[str]:
    """The repository's files that make the model: those that match ``hub.patterns``, and the weights.

    A pickle is only taken from a repository without safetensors. ``where`` ends the error message.

    Raises:
        HubError: the repository has no weights in a readable format, or a pattern without ``*`` matches no file.
    """
    present = sorted({name for name in names if "/" not in name})
    missing = [pattern for pattern in hub.patterns if not fnmatch.filter(present, pattern) and "*" not in pattern]
    if missing:
        raise HubError(f"{hub.repo} has no {', '.join(missing)} {where}")
    matching = {name for pattern in hub.patterns for name in fnmatch.filter(present, pattern)} - {PICKLE}
    if SAFETENSORS in present:
        return sorted({SAFETENSORS, *matching})
    other = fnmatch.filter(present, "*.safetensors")
    if other:
        raise HubError(f"{hub.repo} has safetensors only as {other[0]}, which is not supported; a pickle is not read")
    if PICKLE not in present:
        raise HubError(f"{hub.repo} has neither {SAFETENSORS} nor {PICKLE} {where}")
    return sorted({PICKLE, *matching})


def _download(hub: Hub, revision: str, report: Report) -> Snapshot:
    from huggingface_hub import HfApi, hf_hub_download, set_client_factory  # noqa: PLC0415 - see `pull`

    set_client_factory(_http_client)
    api = HfApi()
    commit = api.model_info(hub.repo, revision=revision).sha
    if commit is None or not re.fullmatch(COMMIT_PATTERN, commit):
        raise HubError(f"{hub.repo}: the hub names no valid commit for {revision}")
    listed = {file.name: file for file in _list_files(api, hub.repo, commit)}
    files = {}
    for name in wanted(listed, hub):
        path = Path(hf_hub_download(hub.repo, name, revision=commit, tqdm_class=_progress_class(name, report)))
        _require_inside_cache(path)
        files[name] = path
        _check_digest(hub.repo, listed[name], path)
    return Snapshot(commit, files)


def _http_client() -> Any:
    """The hub client's HTTP client. It refuses header values that would lead out of the client's cache."""
    import httpx2  # noqa: PLC0415 - see `pull`

    # The hub's client sets a timeout for each request.
    return httpx2.Client(event_hooks={"response": [_check_headers]}, follow_redirects=True, timeout=None)


def _check_headers(response: Any) -> None:
    for name in _PATH_HEADERS:
        value = response.headers.get(name)
        if value is not None and not _PATH_HEADER_VALUE.fullmatch(value):
            raise HubError(f"{response.url.host} answers with an invalid {name} header; the download is refused")


def _list_files(api: Any, repo: str, commit: str) -> Iterator[RepoFile]:
    for entry in api.list_repo_tree(repo, revision=commit):
        if hasattr(entry, "blob_id"):  # a folder has none
            large = entry.lfs
            yield RepoFile(entry.path, large.sha256 if large else None, None if large else entry.blob_id)


def _from_cache(hub: Hub, commit: str | None) -> Snapshot:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - see `pull`

    if commit is None:
        raise HubError(
            f"{hub.repo} is not in models.lock, which alone says what to take from the client's cache while "
            "HF_HUB_OFFLINE forbids to ask the hub; copy the lock from where the model was pulled"
        )
    folder = Path(snapshot_download(hub.repo, revision=commit, allow_patterns=["config.json"], local_files_only=True))
    present = [path.name for path in folder.iterdir() if path.is_file()]  # False for a link to a deleted blob
    names = wanted(present, hub, "in the client's cache, and HF_HUB_OFFLINE forbids to ask the hub")
    return Snapshot(folder.name, {name: folder / name for name in names})


def _check_digest(repo: str, file: RepoFile, path: Path) -> None:
    """Compare a file with the digest that the hub lists. The client itself only compares sizes."""
    if file.sha256 is not None:
        correct = Digest.of(path).sha256 == file.sha256
    else:
        content = path.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        correct = file.git in {git, None}
    if not correct:
        discard(Snapshot("", {file.name: path}))
        raise WeightsMismatch(
            f"{repo}: {file.name} is not the file that the hub lists: it was damaged in transit or in the cache. "
            "The cached copy is deleted; pull again"
        )


def _require_inside_cache(path: Path) -> Path:
    """The resolved path.

    Raises:
        HubError: it is outside the client's cache, where nothing may be read or deleted.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - see `pull`

    resolved = path.resolve()
    if not resolved.is_relative_to(Path(constants.HF_HUB_CACHE).resolve()):
        raise HubError(f"{path.name} would be outside the client's cache ({resolved}); the hub's answer is refused")
    return resolved


def _require_private_connection(endpoint: str) -> None:
    """Refuse plain http, which anybody on the way can change. Loopback is exempt."""
    address = urlsplit(endpoint)
    if address.scheme != "https" and not _is_loopback(address.hostname or ""):
        raise HubError(f"HF_ENDPOINT {endpoint} is not https; plain http is accepted from loopback addresses alone")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _progress_class(name: str, report: Report) -> Any:
    """A progress bar class for the client, whose instances call ``report``."""
    from huggingface_hub.utils.tqdm import tqdm  # noqa: PLC0415 - see `pull`

    class Progress(tqdm):
        def __init__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> None:
            super().__init__(disable=True)  # type: ignore[no-untyped-call]  # the client leaves it untyped
            self._done_bytes, self._total_bytes = initial, total

        def update(self, n: float | None = 1) -> None:
            self._done_bytes += int(n or 0)
            report(name, self._done_bytes, self._total_bytes)

    return Progress


@contextlib.contextmanager
def _hub_errors(repo: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
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
        raise ModelError(f"{repo}: the download cannot be kept: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        # The client parses the hub's answers without checking them.
        raise HubError(f"{repo}: {_endpoint()} gives an invalid answer ({type(error).__name__})") from error


def _not_cached(repo: str) -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - see `pull`

    if constants.is_offline_mode():
        return f"{repo} is not in the client's cache, and HF_HUB_OFFLINE forbids to ask the hub"
    return _unreachable("or what answers there is no hub")


def _unreachable(reason: str) -> str:
    return f"{_endpoint()} cannot be reached ({reason}); a pull that was interrupted can be repeated"


def _http_error(error: Any) -> str:
    """The meaning of an error status of the hub."""
    from huggingface_hub import errors  # noqa: PLC0415 - see `pull`

    status = error.response.status_code
    answer = f"{_endpoint()} answers {status}"
    if isinstance(error, errors.GatedRepoError):
        return f"{answer}: its terms must be accepted on the hub, and HF_TOKEN set to a token of who accepted them"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{answer}: the repository has no such revision"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{answer}: it is not public, or does not exist, or HF_TOKEN is wrong"
    return f"{answer}: there is no such repository or file" if status == HTTPStatus.NOT_FOUND else answer


def _endpoint() -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - see `pull`

    endpoint: str = constants.ENDPOINT
    return endpoint
