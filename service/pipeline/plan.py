"""The plan: what the service is asked to be, before anything of it is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.batching.limits import Limits
from service.manifest import EngineKind, Task
from service.registry.choice import Profile


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve, and within which bounds.

    ``names`` are those of the models that are asked for by name; the profile chooses for the other tasks. ``engine`` is
    None for the one that suits each model.
    """

    models_dir: Path
    installed_dir: Path
    profile: Profile
    names: Mapping[Task, str]
    engine: EngineKind | None
    device: str
    threads: int
    replicas: int
    limits: Limits
    cache_bytes: int
    cache_ttl_s: float
    cache_secret: bytes | None
    redis_url: str | None = field(repr=False)  # it may hold a password
    redis_timeout_s: float
    drain_s: float
    glossaries_dir: Path | None = None
    compute_type: str = "auto"
    seal_secrets: Sequence[bytes] = field(default=(), repr=False)
