"""The settings of the service, read from environment variables with the prefix ``DEPESCHE_``.

Only the modules ``app``, ``cli`` and ``server`` read these settings. These three pass the values to all other modules.
"""

import os
import re
from collections.abc import Collection
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from limits import parse_many
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from redis.asyncio.connection import parse_url as redis_options

from service.cache.seal import SealMissing, secrets_in
from service.registry.catalog import default_weights_dir

UNSEALED = "none"
"""The value of ``cache_seal_key`` that turns off the encryption of values in Redis."""
NO_LIMIT = "none"
"""The value of ``rate_denied`` that turns the limit off."""


def _installed_dir() -> Path:
    """Return the default folder for installed models, according to the XDG Base Directory Specification."""
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "share") / "depesche" / "models"


class Settings(BaseSettings):
    """The settings of the service.

    With the default values, the service uses the installed production models or, if there are none, the embedded
    models. docs/settings.md describes all settings.

    Raises:
        ValidationError: a value is invalid, or an environment variable with the prefix ``DEPESCHE_`` is not a setting.
            Unknown variables are rejected because a misspelt name would otherwise be ignored. Variables with the
            prefix ``DEPESCHE_TEST_`` are ignored.
    """

    model_config = SettingsConfigDict(env_prefix="DEPESCHE_", frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on. 0 selects a free port.")
    root_path: str = Field(
        default="",
        pattern="^(/[A-Za-z0-9._~-]+)*$",
        description="Path prefix under which a proxy publishes the service (`/depesche`). The proxy may remove it.",
    )
    docs: bool = Field(default=True, description="Whether `/docs` and `/openapi.json` are served.")
    admin_host: str = Field(default="127.0.0.1", description="Address that the administration port listens on.")
    admin_port: int = Field(default=0, ge=0, le=65535, description="Port for `/admin`. 0 disables it.")
    metrics_port: Literal["main", "admin", "both"] = Field(
        default="main", description="Ports that serve `/metrics`: `main`, `admin` or `both`."
    )
    models_dir: Path = Field(
        Path(__file__).resolve().parent.parent / "models",
        description="Folder with the catalogue and the embedded models.",
    )
    installed_dir: Path = Field(
        default_factory=_installed_dir,
        description="Folder for the models that `depesche models pull` installs, and for their lock file.",
    )
    weights_dir: Path = Field(
        default_factory=default_weights_dir,
        description=(
            "Cache folder for weights that are stored in parts. They are joined at the first start, or by "
            "`depesche models join`."
        ),
    )
    glossaries_dir: Path | None = Field(
        default=None,
        description=(
            "Folder of named glossaries (`NAME.tsv`, German<TAB>English). If unset, there are no named glossaries."
        ),
    )
    house_styles_file: Path | None = Field(
        default=None,
        description="TOML file with named house styles, one table each. If unset, there are no named house styles.",
    )
    memory_file: Path | None = Field(
        default=None,
        description=(
            "File of corrected translations that the web page exported as JSON Lines or TMX. They apply to all "
            "translations, except translated summaries. If unset, there are none."
        ),
    )
    profile: Literal["auto", "embedded", "production"] = Field(
        default="auto",
        description="Models to serve: `embedded`, `production`, or `auto` (production if installed, else embedded).",
    )
    source_lang: str = Field(
        default="de", pattern="^[a-z]{2,3}$", description="Language of the submitted texts (ISO 639-1)."
    )
    target_lang: str = Field(
        default="en", pattern="^[a-z]{2,3}$", description="Language to translate into (ISO 639-1)."
    )
    translation_model: str | None = Field(
        default=None, min_length=1, description="Name of the translation model. If unset, the profile determines it."
    )
    summary_model: str | None = Field(
        default=None, min_length=1, description="Name of the summary model. If unset, the profile determines it."
    )
    remote_url: str | None = Field(
        default=None,
        description=(
            "Base URL of an OpenAI-compatible server for remote models (`http://vllm:8000/v1`). Texts are sent there "
            "only if a remote model is selected."
        ),
    )
    remote_model: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the model on the remote server. If unset, the id in the manifest is used.",
    )
    remote_key_file: Path | None = Field(
        default=None, description="File with the key for the remote server. If unset, no key is sent."
    )
    remote_style_file: Path | None = Field(
        default=None,
        description=(
            "File with the house style of the newsroom, at most 4,000 characters. It is part of every prompt for the "
            "remote server."
        ),
    )
    remote_timeout_s: float = Field(
        default=60.0, gt=0, description="Timeout, in seconds, for each attempt to get an answer from the remote server."
    )
    remote_concurrency: int = Field(
        default=64, ge=1, le=4096, description="Maximum number of simultaneous requests for each remote model."
    )
    remote_host: Literal["auto", "private", "public"] = Field(
        default="auto",
        description=(
            "Network of the remote server, for `/v1/models` and the provenance: `private`, `public`, or `auto` "
            "(private if the URL has a private address, a name without a dot, or a name in a private zone)."
        ),
    )
    embargo_models: bool = Field(
        default=True,
        description=(
            "Whether local models are loaded in addition to remote ones, for requests under embargo. If false, such "
            "requests get status 422 if they need a remote model, or if the translation model is remote."
        ),
    )
    engine: Literal["auto", "ctranslate2", "torch"] = Field(
        default="auto",
        description=(
            "Engine for local models. `auto` selects CTranslate2 if the model has been converted, and torch otherwise."
        ),
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="Device that runs the models: `cpu` or `cuda`.")
    compute_type: Literal[
        "auto", "int8", "int8_float32", "int8_bfloat16", "int8_float16", "bfloat16", "float16", "float32"
    ] = Field(
        default="auto",
        description=(
            "Compute type of the engines. `auto` selects the manifest's type on a CPU, and half precision on CUDA."
        ),
    )
    threads: int = Field(
        default=0, ge=0, description="CPU cores for each model. 0 means all cores that the process may use."
    )
    engine_replicas: int = Field(
        default=0,
        ge=0,
        description=(
            "Number of engine calls that CTranslate2 runs in parallel. 0 selects the fastest number on a CPU, which is "
            "measured at startup."
        ),
    )
    batch_tokens: int = Field(
        default=4_096,
        ge=16,
        description=(
            "Maximum number of padded source tokens in an engine call. A longer sentence is processed in its own call."
        ),
    )
    batch_items: int = Field(
        default=0,
        ge=0,
        description=(
            "Maximum number of sentences in an engine call. With a beam size of k, no call has more than 64 / k "
            "sentences. 0 means 32 for a model of up to 32 MiB, and 64 for a larger one."
        ),
    )
    queue_items: int = Field(
        default=5_000,
        ge=1,
        description="Maximum number of queued sentences for each model. Further requests get status 503.",
    )
    queue_tokens: int = Field(
        default=100_000,
        ge=16,
        description="Maximum number of queued source tokens for each model. Further requests get status 503.",
    )
    engine_hang_s: float = Field(default=180.0, gt=0, description="Seconds after which an engine call counts as hung.")
    request_timeout_ms: int = Field(
        300_000, ge=1, description="Deadline, in milliseconds, for requests without a `Request-Timeout-Ms` header."
    )
    keep_alive_s: float = Field(
        default=75.0,
        gt=0,
        description=(
            "Seconds until an idle connection is closed, rounded up to whole seconds. This must be longer than the "
            "idle timeout of the proxy (by default 60 s in nginx and 3600 s in Envoy). Otherwise the proxy may send a "
            "request on a connection that was just closed."
        ),
    )
    wait_for_models: bool = Field(
        default=False,
        description=(
            "Whether the process keeps running if the models cannot be loaded at startup. It then waits for a reload, "
            "and `/readyz` reports the reason. Otherwise it exits with code 1."
        ),
    )
    drain_s: float = Field(
        default=30.0, ge=0, description="Maximum time, in seconds, for accepted requests to finish at shutdown."
    )
    cache_bytes: int = Field(
        default=64 * 2**20, ge=0, description="Size limit, in bytes, of the memory cache. 0 disables this cache."
    )
    cache_ttl_s: float = Field(default=7 * 86_400.0, gt=0, description="Seconds until a cache entry expires.")
    cache_key: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Secret for the cache keys (HMAC). If unset, the keys are plain SHA-256 hashes.",
    )
    cache_seal_key: SecretStr | None = Field(
        default=None,
        description=(
            "Secrets for the encryption of values in Redis (32 bytes each, in base64, separated by commas). The "
            "first one encrypts, and all of them decrypt. Required if `DEPESCHE_REDIS_URL` is set. `none` stores "
            "values unencrypted."
        ),
    )
    redis_url: SecretStr | None = Field(
        default=None,
        min_length=1,
        description=(
            "URL of the Redis server for the shared cache tier, the results of jobs and, by default, the rate limits "
            "(`redis://…`). If unset, there is no shared tier, and there are no jobs."
        ),
    )
    rate_redis_url: SecretStr | None = Field(
        default=None,
        min_length=1,
        description=(
            "URL of the Redis server for the rate limits. It must not evict keys. If unset, the server of the cache is "
            "used. If there is no such server either, each process counts separately."
        ),
    )
    redis_password: SecretStr | None = Field(
        default=None,
        min_length=1,
        description=(
            "Password of the Redis servers, for each URL that contains none. If unset, only the URLs can contain "
            "passwords."
        ),
    )
    redis_timeout_ms: int = Field(
        default=50,
        ge=1,
        description=(
            "Timeout, in milliseconds, for one round trip to Redis for the cache or the rate limits, including the "
            "time to connect."
        ),
    )
    keys_file: Path | None = Field(
        default=None, description="File with the API keys (see `depesche keys new`). If unset, requests need no key."
    )
    rate_requests: str | None = Field(
        default=None,
        description="Request limits for each caller (`60/minute; 1000/hour`). If unset, there is no limit.",
    )
    rate_chars: str | None = Field(
        default=None, description="Character limits for each caller (`2000000/day`). If unset, there is no limit."
    )
    rate_denied: str = Field(
        default="60/minute",
        description=(
            "Rate limits, for each client address, on requests without a valid API key, if `DEPESCHE_KEYS_FILE` is "
            "set. Requests beyond a limit get status 429. Requests with a valid key are not counted. `none` turns "
            "these limits off."
        ),
    )
    trusted_proxies: str | None = Field(
        default=None,
        description=(
            "Addresses and networks, separated by commas, from which `X-Forwarded-For` is trusted. If unset, the "
            "header is ignored."
        ),
    )
    max_body_bytes: int = Field(
        default=4 * 2**20,
        ge=1,
        description=(
            "Maximum number of bytes in a request body. A body that contains the API key can have at most 1 MiB."
        ),
    )
    max_json_depth: int = Field(default=64, ge=1, description="Maximum nesting depth of a JSON body.")
    header_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds that a client has to send the request line and headers."
    )
    body_timeout_s: float = Field(
        default=60.0, gt=0, description="Seconds that a client has to send the body of a request."
    )
    write_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds in which a client must read the next 32 KiB of a response, or all of it if less remains.",
    )
    cors_origins: str | None = Field(
        default=None,
        description=(
            "Origins, separated by commas, that may call the API from a browser (`https://cms.example`). If "
            "unset, only the API's own origin may."
        ),
    )
    webhook_origins: str | None = Field(
        default=None,
        description=(
            "Origins, separated by commas, to which webhooks may be sent (`https://cms.example`). If unset, requests "
            "with a webhook are refused."
        ),
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description=(
            "Secret for the signatures of webhooks (32 bytes in base64). Required if `DEPESCHE_WEBHOOK_ORIGINS` is set."
        ),
    )
    max_texts: int = Field(
        default=256,
        ge=1,
        description="Maximum number of texts in a request. Values above 10,000 have the same effect as 10,000.",
    )
    max_text_chars: int = Field(
        default=50_000, ge=1, description="Maximum number of characters (code points) in a text."
    )
    headline_chars: int = Field(
        default=70, ge=20, le=200, description="Maximum number of characters (code points) in a headline."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Minimum level of log messages: `debug`, `info`, `warning` or `error`."
    )

    @field_validator("cache_seal_key")
    @classmethod
    def _secrets(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and given.get_secret_value() != UNSEALED:
            secrets_in(given.get_secret_value())  # the ValueError describes the error without the secret
        return given

    @field_validator("redis_url", "rate_redis_url")
    @classmethod
    def _a_url_of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        try:
            if url is not None:
                redis_options(url.get_secret_value())
        except ValueError:
            # The original error may contain part of the password.
            raise ValueError("this is not a Redis URL (redis://…, rediss://… or unix://…)") from None
        return url

    @field_validator("remote_url")
    @classmethod
    def _a_url_of_http(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
                raise ValueError("this is not a base URL (http://… or https://…, without a query)")
            if parts.username is not None or parts.password is not None:
                raise ValueError("the URL must not contain a user name or password; use `remote_key_file` for the key")
        return url

    @field_validator("rate_requests", "rate_chars")
    @classmethod
    def _a_rate(cls, rate: str | None) -> str | None:
        if rate is not None and not all(item.amount for item in parse_many(rate)):
            raise ValueError("a rate limit must allow at least one request or character")
        return rate

    @field_validator("rate_denied")
    @classmethod
    def _a_rate_or_none(cls, rate: str) -> str:
        if rate != NO_LIMIT:
            cls._a_rate(rate)
        return rate

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, given: str | None) -> str | None:
        for one in [] if given is None else given.split(","):
            ip_network(one.strip())  # the ValueError describes the error
        return given

    @field_validator("cors_origins", "webhook_origins")
    @classmethod
    def _origins(cls, given: str | None) -> str | None:
        for one in [] if given is None else given.split(","):
            if re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?", one.strip()) is None:
                raise ValueError(
                    "an origin must consist of a scheme, a host and an optional port (https://cms.example)"
                )
        return given

    @model_validator(mode="after")
    def _ports_that_go_together(self) -> "Settings":
        if self.admin_port and self.admin_port == self.port:
            raise ValueError("`port` and `admin_port` must differ")
        if self.metrics_port != "main" and not self.admin_port:
            detail = f"`metrics_port` is {self.metrics_port!r}, but `admin_port` is not set; set `admin_port` too"
            raise ValueError(detail)
        return self

    @field_validator("webhook_secret")
    @classmethod
    def _a_secret(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            secrets = secrets_in(given.get_secret_value())  # the ValueError describes the error without the secret
            if len(secrets) > 1:
                raise ValueError("there must be exactly one secret, without a comma")
        return given

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> "Settings":
        if self.webhook_origins is not None and self.webhook_secret is None:
            raise ValueError("`webhook_origins` requires `webhook_secret`; set `webhook_secret` too")
        return self

    @property
    def seal_secrets(self) -> list[bytes]:
        """The secrets for the encryption of values in Redis. The first one encrypts, and all of them decrypt.

        If the list is empty, values are not encrypted.

        Raises:
            SealMissing: a Redis server is configured, but ``cache_seal_key`` is not set.
        """
        if self.redis_url is not None and self.cache_seal_key is None:
            raise SealMissing(
                "DEPESCHE_REDIS_URL requires DEPESCHE_CACHE_SEAL_KEY: 32 random bytes in base64 (openssl rand -base64 "
                f"32), the same in all processes, or `{UNSEALED}` to store article texts in Redis unencrypted"
            )
        seal = None if self.cache_seal_key is None else self.cache_seal_key.get_secret_value()
        return [] if seal is None or seal == UNSEALED else secrets_in(seal)

    @model_validator(mode="after")
    def _no_unknown_variables(self) -> "Settings":
        prefix = "DEPESCHE_"
        known = {prefix + name.upper() for name in type(self).model_fields}
        given = {name.upper() for name in os.environ if name.upper().startswith(prefix)}
        unknown = sorted(name for name in given - known if not name.startswith(f"{prefix}TEST_"))
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(_with_nearest(name, known) for name in unknown)}")
        return self


def _with_nearest(name: str, known: Collection[str]) -> str:
    """Return ``name``, which is not a setting, followed by the most similar name in ``known`` if there is one."""
    similar = get_close_matches(name, sorted(known), n=1)
    return f"{name} (did you mean {similar[0]}?)" if similar else name
