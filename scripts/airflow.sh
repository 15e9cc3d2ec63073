#!/usr/bin/env bash
# Makes .venv-airflow: Penstock and Airflow 2.11 in one environment, beside .venv, whose interpreter it takes.
#
#   scripts/airflow.sh         does nothing when it is up to date
#   scripts/airflow.sh lock    resolves requirements-airflow.lock again, near to what requirements.lock has
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=$PWD/.venv-airflow
LOCK=$PWD/requirements-airflow.lock
STAMP=$VENV/installed.sha256
BASE=$PWD/.venv
# TFX asks for Airflow's MySQL provider, which needs MySQL's headers to be built; nothing here uses it.
OVERRIDES="mysqlclient; sys_platform == 'none'
apache-airflow-providers-mysql; sys_platform == 'none'"

stop() { printf 'airflow: %s\n' "$1" >&2; exit 1; }

# uv does not read pip's configuration: a mirror that pip was told of is passed on.
use_index_of_pip() {
  local index; index=${PIP_INDEX_URL:-$("$BASE/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
  [ -z "$index" ] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
}

# Without our wish for SQLAlchemy 2: Airflow 2 needs 1.4.
lock() {
  local seed; seed=$(mktemp --suffix=.lock)
  cp "$PWD/requirements.lock" "$seed"
  "$BASE/bin/uv" pip compile --python "$BASE/bin/python" --no-emit-index-url --generate-hashes --quiet \
    --no-annotate --custom-compile-command 'scripts/airflow.sh lock' --override <(printf '%s\n' "$OVERRIDES") \
    --output-file "$seed" requirements-airflow.in <(sed '/^sqlalchemy/d' requirements.in)
  mv "$seed" "$LOCK"
  chmod 644 "$LOCK"
}

install() {
  local wanted; wanted=$(cat "$LOCK" setup.py scripts/airflow.sh | sha256sum)
  [ "$(cat "$STAMP" 2>/dev/null)" != "$wanted" ] || return 0
  echo "airflow: making .venv-airflow ($(grep -c '==' "$LOCK") locked packages, about 3 GB; a minute or two)"
  rm -rf "$VENV"
  "$BASE/bin/python" -m venv --copies --without-pip "$VENV"
  for name in python python3 python3.11; do # which may have a C runtime of their own: scripts/install.sh
    cp --remove-destination "$BASE/bin/python3.11" "$VENV/bin/$name"
  done
  "$BASE/bin/uv" pip sync --quiet --python "$VENV/bin/python" --compile-bytecode "$LOCK"
  "$BASE/bin/uv" pip install --quiet --python "$VENV/bin/python" --no-deps --no-build-isolation --editable .
  echo "$wanted" > "$STAMP"
}

[ -x "$BASE/bin/uv" ] || stop ".venv is not there, and this environment is made from it. Make it: make install"
use_index_of_pip
case "${1:-install}" in
  install) install ;;
  lock) lock ;;
  *) stop "'$1' is none of install, lock." ;;
esac
