"""Every setting of the service, read from the environment (prefix ``DEPESCHE_``). Only app and cli read them."""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from limits import parse_many
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from redis.asyncio.connection import parse_url as redis_options

from service.cache.seal import secrets_in


def _installed_dir() -> Path:
    """Where the XDG base directory specification puts a user's data."""
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "share") / "depesche" / "models"


class Settings(BaseSettings):
    """Defaults serve the embedded models on one machine. docs/settings.md lists them all.

    Raises ValidationError for a wrong value, and for a variable with the prefix that is no setting: a mistyped one
    would be ignored in silence.
    """

    model_config = SettingsConfigDict(env_prefix="DEPESCHE_", frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    admin_host: str = Field(default="127.0.0.1", description="Address that the administration port listens on.")
    admin_port: int = Field(default=0, ge=0, le=65535, description="Port for `/admin`; 0 turns it off.")
    metrics_port: Literal["main", "admin", "both"] = Field(
        default="main", description="Which ports answer `/metrics`: `main`, `admin` or `both`."
    )
    models_dir: Path = Field(
        Path(__file__).resolve().parent.parent / "models",
        description="Folder of the catalogue and the embedded models.",
    )
    installed_dir: Path = Field(
        default_factory=_installed_dir,
        description="Folder of the models that `depesche models pull` installs, and of their lock.",
    )
    glossaries_dir: Path | None = Field(
        default=None, description="Folder of named glossaries (`NAME.tsv`, German<TAB>English); none: no named ones."
    )
    profile: Literal["auto", "embedded", "production"] = Field(
        default="auto",
        description="Which models serve: the `embedded` ones, the `production` ones, or (`auto`) those if installed.",
    )
    translation_model: str | None = Field(
        default=None, min_length=1, description="Name of the model that translates; none: the profile's."
    )
    summary_model: str | None = Field(
        default=None, min_length=1, description="Name of the model that writes summaries; none: the profile's."
    )
    engine: Literal["auto", "ctranslate2", "torch"] = Field(
        default="auto",
        description="Engine of both models; `auto` is CTranslate2 where the model is converted, else torch.",
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="Device that the engines run on.")
    compute_type: Literal[
        "auto", "int8", "int8_float32", "int8_bfloat16", "int8_float16", "bfloat16", "float16", "float32"
    ] = Field(
        default="auto",
        description="Arithmetic of the engines; `auto` is the manifest's on a CPU, half precision on CUDA.",
    )
    threads: int = Field(
        default=0, ge=0, description="Cores that one engine call uses; 0 takes all that the process may use."
    )
    engine_replicas: int = Field(
        default=0, ge=0, description="Calls that CTranslate2 works on at once; 0 finds the fastest at start."
    )
    batch_tokens: int = Field(default=4_096, ge=16, description="Padded source tokens of an engine call at most.")
    batch_items: int = Field(
        default=0,
        ge=0,
        description="Sentences of an engine call at most, of a beam k never more than 64 / k; "
        "0 is 32 for a model of up to 32 MiB, else 64.",
    )
    queue_items: int = Field(
        default=20_000, ge=1, description="Sentences that may wait before requests are answered with 503."
    )
    queue_tokens: int = Field(
        default=400_000, ge=16, description="Tokens that may wait before requests are answered with 503."
    )
    engine_hang_s: float = Field(default=60.0, gt=0, description="Seconds after which an engine call counts as hung.")
    request_timeout_ms: int = Field(
        120_000, ge=1, description="Milliseconds a request may take where it names no time of its own."
    )
    keep_alive_s: float = Field(
        default=75.0,
        gt=0,
        description="Seconds that an idle connection stays open. Has to be more than the proxy keeps its own "
        "(by default nginx 60, Envoy 3600), which else may ask on one that was just closed.",
    )
    drain_s: float = Field(default=30.0, ge=0, description="Seconds that accepted requests get to finish at shutdown.")
    cache_bytes: int = Field(default=64 * 2**20, ge=0, description="Bytes of the memory cache; 0 turns it off.")
    cache_ttl_s: float = Field(default=7 * 86_400.0, gt=0, description="Seconds until a cache entry expires.")
    cache_key: SecretStr | None = Field(
        default=None, min_length=1, description="Secret for the cache keys (HMAC); none: plain SHA-256."
    )
    cache_seal_key: SecretStr | None = Field(
        default=None,
        description=(
            "Secrets that seal what Redis keeps (base64 of 32 bytes; the first seals, all open, with commas); "
            "none: not sealed. Needs `depesche[seal]`."
        ),
    )
    redis_url: SecretStr | None = Field(
        default=None, min_length=1, description="Redis for the shared cache tier (`redis://…`); none: no shared tier."
    )
    rate_redis_url: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Redis that counts for the rates and evicts nothing; none: that of the cache.",
    )
    redis_timeout_ms: int = Field(
        default=50, ge=1, description="Milliseconds that one round trip to Redis may take, connecting included."
    )
    keys_file: Path | None = Field(
        default=None, description="File of API keys (`depesche keys new`); none: no key is asked for."
    )
    rate_requests: str | None = Field(
        default=None,
        description="Requests that one caller may send (`60/minute; 1000/hour`); none: as many as it likes.",
    )
    rate_chars: str | None = Field(
        default=None, description="Characters that one caller may send (`2000000/day`); none: as many as it likes."
    )
    trusted_proxies: str | None = Field(
        default=None,
        description="Addresses and networks, with commas, whose `X-Forwarded-For` is believed; none: nobody's.",
    )
    max_body_bytes: int = Field(default=4 * 2**20, ge=1, description="Bytes of a request body at most.")
    max_json_depth: int = Field(
        default=64, ge=1, description="How deep arrays and objects of a JSON body may lie in each other."
    )
    header_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds until the head of a request has to be there."
    )
    body_timeout_s: float = Field(
        default=60.0, gt=0, description="Seconds until the body of a request has to be there."
    )
    cors_origins: str | None = Field(
        default=None,
        description="Origins, with commas, whose pages may call the API (`https://cms.example`); none: only its own.",
    )
    max_texts: int = Field(default=256, ge=1, description="Texts of a request at most.")
    max_text_chars: int = Field(default=250_000, ge=1, description="Characters (code points) of a text at most.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )

    @field_validator("cache_seal_key")
    @classmethod
    def _secrets(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            secrets_in(given.get_secret_value())  # a ValueError says what is wrong, and not with what
        return given

    @field_validator("redis_url", "rate_redis_url")
    @classmethod
    def _a_url_of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        try:
            if url is not None:
                redis_options(url.get_secret_value())
        except ValueError:
            # Without the cause: it may quote a part of the password.
            raise ValueError("is no URL of Redis (redis://…, rediss://… or unix://…)") from None
        return url

    @field_validator("rate_requests", "rate_chars")
    @classmethod
    def _a_rate(cls, rate: str | None) -> str | None:
        if rate is not None and not all(item.amount for item in parse_many(rate)):
            raise ValueError("a rate of nothing lets nobody in")
        return rate

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, given: str | None) -> str | None:
        for one in [] if given is None else given.split(","):
            ip_network(one.strip())  # a ValueError says what is wrong
        return given

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, given: str | None) -> str | None:
        for one in [] if given is None else given.split(","):
            if re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?", one.strip()) is None:
                raise ValueError("an origin is a scheme, a host and perhaps a port (https://cms.example)")
        return given

    @model_validator(mode="after")
    def _ports_that_go_together(self) -> "Settings":
        if self.admin_port and self.admin_port == self.port:
            raise ValueError("port and admin_port are the same")
        if self.metrics_port != "main" and not self.admin_port:
            raise ValueError(f"metrics_port is {self.metrics_port}, but there is no admin_port")
        return self

    @model_validator(mode="after")
    def _no_unknown_variables(self) -> "Settings":
        prefix = "DEPESCHE_"
        known = {prefix + name.upper() for name in type(self).model_fields}
        given = {name.upper() for name in os.environ if name.upper().startswith(prefix)}
        unknown = sorted(name for name in given - known if not name.startswith(f"{prefix}TEST_"))
        if unknown:
            raise ValueError(f"there is no setting {', '.join(unknown)}")
        return self
