"""Settings of one gateway: environment variables `GATEWAY_…`, refused when wrong.

The `demo` profile makes its own secrets and uses a cheap password hash, and says so in `/health`. The `realistic`
profile has no default secret: a gateway that would run with a guessable one does not start.
"""

import ipaddress
import json
import logging
import os
import secrets
import socket
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

import limits
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from loadcore_target.faults import FaultProgram
from loadcore_target.spec import parse_distribution

SHORTEST_SECRET = 32
DATABASES = ("sqlite:///", "postgresql://", "postgresql+asyncpg://")
"""How the URL of a database may begin."""


class Profile(StrEnum):
    """What the gateway is for: `demo` is cheap and says so, `realistic` costs what a real one costs."""

    DEMO = "demo"
    REALISTIC = "realistic"


class HashParameters(BaseModel):
    """Cost of an argon2id password hash."""

    time_cost: int = Field(default=2, ge=1, le=20)
    memory_kib: int = Field(default=19 * 1024, ge=8, le=1 << 20)
    parallelism: int = Field(default=1, ge=1, le=16)

    @property
    def work(self) -> int:
        """What a hash computes, in KiB of memory gone through."""
        return self.time_cost * self.memory_kib

    @property
    def label(self) -> str:
        """Written form, like `argon2id t=2 m=19456KiB p=1`."""
        return f"argon2id t={self.time_cost} m={self.memory_kib}KiB p={self.parallelism}"


CHEAP_HASH = HashParameters(time_cost=1, memory_kib=1024, parallelism=1)
"""About 0.4 ms of CPU: lets a demo log 1,000 users in without measuring argon2. Never for real passwords."""


class Client(BaseModel):
    """A machine client of the OAuth2 server."""

    secret: Annotated[SecretStr, Field(min_length=1)]
    scopes: str = "items:read"


class Settings(BaseSettings):
    """Everything that can be set, with the environment variable `GATEWAY_<NAME>` for each."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="forbid", env_nested_delimiter="__")

    profile: Profile = Profile.DEMO
    replica: Annotated[str, Field(min_length=1)] = Field(default_factory=socket.gethostname)
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    data_dir: Path | None = None

    users: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    items: Annotated[int, Field(ge=1, le=1_000_000)] = 1000

    secret: SecretStr | None = None
    admin_token: SecretStr | None = None
    clients: dict[str, Client] = {}
    issuer: str = "loadcore-gateway"
    audience: str = "loadcore-api"
    signing: Annotated[str, Field(pattern="^(HS256|RS256)?$")] = ""
    access_token_s: Annotated[int, Field(ge=1)] = 900
    refresh_token_s: Annotated[int, Field(ge=1)] = 86400
    leeway_s: Annotated[float, Field(ge=0)] = 0

    hash: HashParameters | None = None
    hash_threads: Annotated[int, Field(ge=0, le=64)] = 0
    hash_queue: Annotated[int, Field(ge=0)] = 1000

    database_url: str = ""
    db_pool: Annotated[int, Field(ge=1, le=500)] = 5
    db_pool_timeout_s: Annotated[float, Field(gt=0)] = 30
    db_busy_timeout_s: Annotated[float, Field(gt=0)] = 5

    cache_url: str = "mem://"
    cache_ttl_s: Annotated[float, Field(ge=0)] = 30

    stub: str = ""
    upstreams: dict[str, str] = {}
    upstream_connections: Annotated[int, Field(ge=1, le=10_000)] = 100
    upstream_timeout_s: Annotated[float, Field(gt=0)] = 10
    breaker_failures: Annotated[int, Field(ge=0)] = 5
    breaker_open_s: Annotated[float, Field(gt=0)] = 2

    rate_limit_url: str = ""
    rate_limit_user: str = ""
    rate_limit_client: str = ""
    rate_limit_login: str = ""

    longest_body: Annotated[int, Field(ge=0)] = 1 << 20
    longest_download: Annotated[int, Field(ge=0)] = 100 << 20

    keep_alive_s: Annotated[int, Field(ge=1)] = 75
    head_timeout_s: Annotated[float, Field(gt=0)] = 20
    trusted_proxies: str = ""
    backlog: Annotated[int, Field(ge=16)] = 4096
    limit_concurrency: Annotated[int, Field(ge=0)] = 0
    drain_delay_s: Annotated[float, Field(ge=0)] | None = None
    graceful_s: Annotated[int, Field(ge=0)] = 25

    request_log: Annotated[int, Field(ge=0, le=1 << 24)] = 16384
    log_requests: Annotated[float, Field(ge=0, le=1)] = 0
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "WARNING"

    seed: int = 1
    latency: str = ""
    error_rate: str = ""
    error_code: Annotated[int, Field(ge=400, le=599)] = 503
    capacity: str = ""
    fault_header: bool | None = None

    @field_validator("rate_limit_user", "rate_limit_client", "rate_limit_login")
    @classmethod
    def _rule_parses(cls, value: str) -> str:
        if value:
            limits.parse(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, value: str) -> str:
        if value and not value.startswith(DATABASES):
            raise ValueError(f"the database is not one of {', '.join(DATABASES)}…")
        return value

    @field_validator("upstreams")
    @classmethod
    def _upstreams_are_http(cls, value: dict[str, str]) -> dict[str, str]:
        for name, url in value.items():
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
                raise ValueError(f"the upstream {name} needs a URL like http://host:port, without a query")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, value: str) -> str:
        for address in filter(None, (part.strip() for part in value.split(","))):
            if address != "*":
                ipaddress.ip_network(address, strict=False)
        return value

    @field_validator("clients", "upstreams", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.stub:
            parse_distribution(self.stub)
        self.fault_program()  # refuses a misspelt knob now, not at the first request
        if self.profile is Profile.DEMO:
            self._make_demo_secrets()
        missing = [name for name in ("secret", "admin_token") if getattr(self, name) is None]
        if missing:
            names = ", ".join(f"GATEWAY_{name.upper()}" for name in missing)
            raise ValueError(f"the {self.profile} profile has no default for {names}: set it")
        for name in ("secret", "admin_token"):
            if len(getattr(self, name).get_secret_value()) < SHORTEST_SECRET:
                raise ValueError(f"GATEWAY_{name.upper()} is shorter than {SHORTEST_SECRET} characters")
        if self.secret == self.admin_token:
            raise ValueError("GATEWAY_SECRET and GATEWAY_ADMIN_TOKEN are the same: whoever has one must not have both")
        self.hash = self.hash or (CHEAP_HASH if self.profile is Profile.DEMO else HashParameters())
        self.signing = self.signing or ("HS256" if self.profile is Profile.DEMO else "RS256")
        if self.fault_header is None:
            self.fault_header = self.profile is Profile.DEMO
        if self.drain_delay_s is None:
            self.drain_delay_s = 0.0 if self.profile is Profile.DEMO else 2.0
        return self

    def _make_demo_secrets(self) -> None:
        """Fresh secrets for each start, so that no demo token is worth anything elsewhere."""
        self.secret = self.secret or SecretStr(secrets.token_urlsafe(32))
        self.admin_token = self.admin_token or SecretStr(secrets.token_urlsafe(32))
        self.clients = self.clients or {
            "demo-client": Client(secret=SecretStr("demo-secret"), scopes="items:read orders:write"),
        }

    def fault_program(self) -> FaultProgram:
        """The fault program that the gateway starts with."""
        return FaultProgram(
            seed=self.seed,
            latency=self.latency or None,
            error_rate=self.error_rate or None,
            error_code=self.error_code,
            capacity=self.capacity or None,
        )

    @property
    def hash_parameters(self) -> HashParameters:
        """The cost of a password hash in this profile."""
        return self.hash or HashParameters()

    @property
    def hash_concurrency(self) -> int:
        """Threads of one worker that may hash at the same time: all workers together use the cores once.

        None for a hash as cheap as the demo's: handing it to a thread and back takes longer on a busy machine.
        """
        if not self.hash_threads and self.hash_parameters.work <= CHEAP_HASH.work:
            return 0
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return self.hash_threads or max(1, cores // self.workers)

    @property
    def log_level_number(self) -> int:
        """The log level as the logging module counts it."""
        return logging.getLevelNamesMapping()[self.log_level]

    @property
    def drain_delay(self) -> float:
        """Seconds between `/ready` turning 503 and the listener closing."""
        return self.drain_delay_s or 0.0

    def reveal(self) -> str:
        """JSON with the secrets in it, for the pipe to a worker and nowhere else."""
        return json.dumps(self.model_dump(mode="python"), default=_revealed)


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Names that look like settings and are none: a misspelt one would silently do nothing."""
    prefix = str(Settings.model_config.get("env_prefix", ""))
    known = {f"{prefix}{name}".upper() for name in Settings.model_fields}
    return sorted(name for name in environment if name.startswith(prefix) and name.partition("__")[0] not in known)


def _revealed(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
