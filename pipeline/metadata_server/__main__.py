"""`python -m pipeline.metadata_server`: what penstock-metadata-server does."""

from __future__ import annotations

from pipeline.metadata_server.main import main

main()
