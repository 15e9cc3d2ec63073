.PHONY: help install check format test services flink spark airflow e2e demo docs protos lock image-check clean
.DEFAULT_GOAL := help

# The interpreter that .venv is made from.
PYTHON ?= python3.11
# The Flink of which `make flink` has a job server, as runner.flink.version says, and the Beam whose job server that and Spark's are.
FLINK ?= 1.19
BEAM ?= 2.62.0
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

services:  ## what a few tests want: PostgreSQL, MariaDB and rclone from Debian's packages, Flink by Maven
	@scripts/services.sh

flink:  ## Beam's job server with Flink, by Maven (FLINK=2.0 BEAM=2.77.0: others)
	@scripts/job_server.sh flink flink-$(FLINK) -Dflink=$(FLINK) -Dbeam=$(BEAM)

spark:  ## the same with Spark 3
	@scripts/job_server.sh spark spark-3 -Dbeam=$(BEAM)

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
