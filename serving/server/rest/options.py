"""How the REST interface is served; defaults are tensorflow_model_server's, and what it has not is off."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True)
class RestOptions:
    """How the REST interface is served.

    Attributes:
      port: 0 takes a free one.
      host: "" listens on all interfaces, IPv6 and IPv4.
      num_threads: requests in work at a time; more of them wait.
      timeout_in_ms: how long a request may take.
      metrics_path: None when metrics are not served.
      reuse_port: several processes listen on the same port (SO_REUSEPORT).
      health: serves /healthz and /readyz.
      list_models: GET /v1/models lists them, rather than failing as upstream.
      bearer_token: what clients must send as `Authorization: Bearer …`, on every path but /healthz and /readyz.
    """

    port: int = 0
    host: str = ""
    num_threads: int = field(default_factory=lambda: 4 * (os.cpu_count() or 1))
    timeout_in_ms: int = 30_000
    enable_cors_support: bool = False
    metrics_path: str | None = None
    reuse_port: bool = False
    health: bool = False
    list_models: bool = False
    bearer_token: str | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
