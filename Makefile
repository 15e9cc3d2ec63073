.PHONY: help install check format test services flink spark airflow e2e demo docs protos lock image-check clean
.DEFAULT_GOAL := help

# The interpreter that .venv is made from.
PYTHON ?= python3.11
# The Flink of which `make flink` fetches a job server: what runner.flink.version is by default.
FLINK ?= 2.2
BIN := .venv/bin

help:  ## these lines
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install:  ## .venv with the locked TFX set (does nothing when it is up to date)
	@PYTHON="$(PYTHON)" scripts/install.sh

demo: install  ## train on 15,002 real taxi trips, push the model, serve it, ask it for predictions
	@scripts/demo.sh

check: install  ## ruff, mypy --strict, import layers
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: install  ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

test: install  ## all tests, the end-to-end ones included
	@$(BIN)/pytest tests

services:  ## PostgreSQL, MariaDB and rclone, which a few tests want, from Debian's packages where that is possible
	@scripts/services.sh

flink: install  ## Beam's job server with Flink, by Maven, into Maven's own repository (FLINK=1.20: with another Flink)
	@scripts/job_server.sh beam-runners-flink-$(FLINK)-job-server

spark: install  ## the same with Spark
	@scripts/job_server.sh beam-runners-spark-3-job-server

airflow: install  ## .venv-airflow, in which Airflow runs the DAG and tests/e2e/test_airflow.py tries it
	@scripts/airflow.sh

e2e: install  ## only the tests that run the whole DAG
	@$(BIN)/pytest tests/e2e

docs: install  ## write docs/configuration.md and its JSON Schema from the configuration's models
	@$(BIN)/python scripts/docs.py

protos: install  ## write serving/server/protos/*_pb2.py
	@scripts/protos.sh

lock: install  ## resolve requirements.lock again
	@$(BIN)/uv pip compile --python $(BIN)/python --no-emit-index-url --generate-hashes --upgrade --quiet \
	  --output-file requirements.lock requirements-dev.in
	@kubeflow/install.sh lock

image-check: install  ## build kubeflow/Dockerfile in a Debian root, without Docker; try it, measure it (root, minutes)
	@$(BIN)/python -m tests.image.proof

clean:  ## remove .venv and everything that runs have made
	rm -rf .venv .venv-airflow var
