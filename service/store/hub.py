"""The Hugging Face hub, through its own client, which reads HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and HF_HUB_CACHE."""

import contextlib
import fnmatch
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from service.errors import HubError, ModelError, WeightsMismatch
from service.manifest import Hub
from service.store.digest import Digest
from service.store.lock import Locked

Report = Callable[[str, int, int | None], None]  # a file's name, its bytes that are here, its bytes
SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Published:
    """A file as the hub lists it: its SHA-256 where it is a large one, else git's digest of it; None: not known."""

    name: str
    sha256: str | None
    git: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files of a repository at one commit, in the client's cache."""

    commit: str
    files: Mapping[str, Path]

    def locked(self) -> Locked:
        """Commit and digests, as the lock keeps them."""
        return Locked(commit=self.commit, files={name: Digest.of(path) for name, path in sorted(self.files.items())})


def pull(hub: Hub, commit: str | None, report: Report) -> Snapshot:
    """Bring the wanted files of ``hub.repo`` into the client's cache, at ``commit`` or, where it is None, the revision.

    A connection that breaks is taken up where it broke; files that an earlier, interrupted pull finished are kept.
    Offline (HF_HUB_OFFLINE) the cache alone is asked, and ``commit`` has to say for what, as no digest is there.

    Raises:
        HubError: the hub cannot be reached, refuses, or lacks repository, revision or files.
        WeightsMismatch: a file is not the one that the hub lists; it has been taken out of the cache.
        ModelError: the cache cannot be written.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - a second to import, and only this command needs it

    with _told(hub.repo):
        if constants.is_offline_mode():
            return _cached(hub, commit)
        return _downloaded(hub, commit or hub.revision, report)


def discard(snapshot: Snapshot) -> None:
    """Take the files out of the cache, so that a next pull does not find them there again."""
    for path in snapshot.files.values():
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _downloaded(hub: Hub, revision: str, report: Report) -> Snapshot:
    from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415 - see `pull`

    api = HfApi()
    commit = api.model_info(hub.repo, revision=revision).sha
    if commit is None:
        raise HubError(f"{hub.repo}: the hub names no commit for {revision}")
    listed = {file.name: file for file in _listed(api, hub.repo, commit)}
    files = {}
    for name in wanted(listed, hub):
        path = hf_hub_download(hub.repo, name, revision=commit, tqdm_class=_bar(name, report))
        files[name] = Path(path)
        _compare(hub.repo, listed[name], files[name])
    return Snapshot(commit, files)


def _listed(api: Any, repo: str, commit: str) -> Iterator[Published]:
    for entry in api.list_repo_tree(repo, revision=commit):
        if hasattr(entry, "blob_id"):  # a folder has none
            large = entry.lfs
            yield Published(entry.path, large.sha256 if large else None, None if large else entry.blob_id)


def _cached(hub: Hub, commit: str | None) -> Snapshot:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - see `pull`

    if commit is None:
        raise HubError(
            f"{hub.repo} is not in models.lock, which alone says what to take from the client's cache while "
            "HF_HUB_OFFLINE forbids to ask the hub; copy the lock from where the model was pulled"
        )
    folder = Path(snapshot_download(hub.repo, revision=commit, allow_patterns=["config.json"], local_files_only=True))
    names = [path.name for path in folder.iterdir() if path.is_file()]  # not a link to what was cleaned away
    there = wanted(names, hub, "in the client's cache, and HF_HUB_OFFLINE forbids to ask the hub")
    return Snapshot(folder.name, {name: folder / name for name in there})


def wanted(names: Iterable[str], hub: Hub, where: str = "in this revision") -> list[str]:
    """Of a repository's files those that make the model: what ``hub.patterns`` name, and weights in their safest form.

    ``where`` ends the sentence that says what is missing.

    Raises:
        HubError: there are no weights in a form that can be read, or a pattern without ``*`` names no file.
    """
    there = sorted({name for name in names if "/" not in name})
    missing = [pattern for pattern in hub.patterns if not fnmatch.filter(there, pattern) and "*" not in pattern]
    if missing:
        raise HubError(f"{hub.repo} has no {', '.join(missing)} {where}")
    weights = next((name for name in (SAFE, PICKLED) if name in there), None)
    if weights is None:
        raise HubError(f"{hub.repo} has neither {SAFE} nor {PICKLED} {where}")
    return sorted({weights, *(name for pattern in hub.patterns for name in fnmatch.filter(there, pattern))})


def _compare(repo: str, file: Published, path: Path) -> None:
    """Hold a file against what the hub lists. The client compares sizes alone."""
    if file.sha256 is not None:
        right = Digest.of(path).sha256 == file.sha256
    else:
        content = path.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        right = file.git in {git, None}
    if not right:
        discard(Snapshot("", {file.name: path}))
        raise WeightsMismatch(
            f"{repo}: {file.name} is not the file that the hub lists, "
            "so it was damaged on its way or in the cache and has been taken out of it; pull again"
        )


def _bar(name: str, report: Report) -> Any:
    """What the client takes for a progress bar: a class whose instances are told of every piece."""
    from huggingface_hub.utils.tqdm import tqdm  # noqa: PLC0415 - see `pull`

    class Bar(tqdm):
        def __init__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> None:
            super().__init__(disable=True)  # type: ignore[no-untyped-call]  # the client leaves it untyped
            self._here, self._all = initial, total

        def update(self, n: float | None = 1) -> None:
            self._here += int(n or 0)
            report(name, self._here, self._all)

    return Bar


@contextlib.contextmanager
def _told(repo: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
    import httpx2  # noqa: PLC0415 - see `pull`
    from huggingface_hub import errors  # noqa: PLC0415

    try:
        yield
    except errors.LocalEntryNotFoundError as error:
        raise HubError(_absent(repo)) from error
    except errors.HfHubHTTPError as error:
        raise HubError(f"{repo}: {_answer(error)}") from error
    except httpx2.HTTPError as error:
        raise HubError(_unreachable(type(error).__name__)) from error
    except OSError as error:
        raise ModelError(f"{repo}: the download cannot be kept: {error.strerror or error}") from error


def _absent(repo: str) -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - see `pull`

    if constants.is_offline_mode():
        return f"{repo} is not in the client's cache, and HF_HUB_OFFLINE forbids to ask the hub"
    return _unreachable("or what answers there is no hub")


def _unreachable(why: str) -> str:
    return f"{_endpoint()} cannot be reached ({why}); a pull that was interrupted can be repeated"


def _answer(error: Any) -> str:
    """What the hub's refusal means."""
    from huggingface_hub import errors  # noqa: PLC0415 - see `pull`

    status = error.response.status_code
    where = f"{_endpoint()} answers {status}"
    if isinstance(error, errors.GatedRepoError):
        return f"{where}: its terms must be accepted on the hub, and HF_TOKEN set to a token of who accepted them"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{where}: the repository has no such revision"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{where}: it is not public, or does not exist, or HF_TOKEN is wrong"
    there = "" if status != HTTPStatus.NOT_FOUND else ": there is no such repository or file"
    return where + there


def _endpoint() -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - see `pull`

    return constants.ENDPOINT
