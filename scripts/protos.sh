#!/usr/bin/env bash
# Writes the Python modules of serving/server/protos.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m grpc_tools.protoc --proto_path=. --python_out=. --pyi_out=. serving/server/protos/*.proto
