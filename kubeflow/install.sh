#!/usr/bin/env bash
# The install steps of kubeflow/Dockerfile, one word each; `make image-check` runs the same ones in a Debian root.
#
#   install.sh tools          uv, from requirements.lock with its hashes; strip; g++, since pyfarmhash has no wheel
#   install.sh environment    /opt/venv with what VARIANT (cpu, gpu) needs, from the locks with their hashes
#   install.sh slim           takes out what only compilers, debuggers and other projects' tests read
#   install.sh project        the `penstock` command, and bytecode for everything
#   install.sh lock           not for the image: writes requirements-gpu.lock again (make lock)
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(dirname "$HERE")
VENV=/opt/venv
TOOLS=/opt/tools
PROJECT=/pipeline
LOCKS=("$TOP/requirements.lock" "$HERE/requirements-gpu.lock")
SITE=$VENV/lib/python3.11/site-packages
PYTHON=${PYTHON:-python3.11}
export UV_NO_CACHE=1 UV_LINK_MODE=copy PYTHONDONTWRITEBYTECODE=1

stop() { printf 'install: %s\n' "$1" >&2; exit 1; }

# uv does not read pip's configuration: a mirror that pip was told of is passed on.
use_index_of_pip() {
  local index; index=${PIP_INDEX_URL:-$("$PYTHON" -m pip config get global.index-url 2>/dev/null || true)}
  [ -z "$index" ] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
}

uv() { use_index_of_pip; "${UV:-$TOOLS/bin/uv}" "$@"; }

# Prints name==version lines of what a variant needs; the locks decide the versions, so that nothing newer is taken.
pins() { uv pip compile --quiet --python "$PYTHON" --no-header --no-annotate "$@"; }

tools() {
  apt-get update --quiet=2
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends g++ binutils
  local uv_version; uv_version=$(sed -nE 's/^(uv==[^ ]+).*/\1/p' "${LOCKS[0]}")
  "$PYTHON" "$HERE/locked.py" take "${LOCKS[0]}" <<<"$uv_version" >/tmp/uv.lock
  "$PYTHON" -m pip install --quiet --no-cache-dir --root-user-action=ignore \
    --require-hashes --no-deps --target "$TOOLS" -r /tmp/uv.lock
}

environment() {
  local wanted=$HERE/requirements-$1.in
  [ -r "$wanted" ] || stop "VARIANT is '$1'; legal are cpu and gpu."
  pins "${LOCKS[@]/#/--constraint=}" "$wanted" >/tmp/pins.txt
  "$PYTHON" "$HERE/locked.py" take "${LOCKS[@]}" </tmp/pins.txt >/tmp/image.lock
  uv venv --quiet --python "$PYTHON" "$VENV"
  uv pip sync --quiet --python "$VENV/bin/python" --require-hashes /tmp/image.lock
}

# None of this is read when a pipeline runs: C++ headers, static libraries, the compiler's libclang, tests of others.
remove_what_no_run_reads() {
  rm -rf "$SITE/tensorflow/include" "$SITE/pyarrow/include" "$SITE/clang/native"
  rm -rf "$SITE"/{h5py,pandas,pyarrow}/tests "$SITE/joblib/test" "$SITE/nltk/test"
  find "$SITE"/{numpy,scipy,sklearn} -type d -name tests -prune -exec rm -rf {} +
  find "$SITE" -name '*.a' -delete
}

# Symbols of linkers and debuggers: a fifth of TensorFlow. Libraries in *.libs were laid out by auditwheel, and strip
# would break them; NVIDIA's have none.
strip_symbols() {
  find "$SITE" -type f \( -name '*.so' -o -name '*.so.[0-9]*' \) -size +64k \
    ! -path '*.libs/*' ! -path "$SITE/nvidia/*" -print0 |
    xargs --null --max-procs="$(nproc)" --max-args=16 strip --strip-unneeded --preserve-dates
}

slim() { remove_what_no_run_reads; strip_symbols; }

# Bytecode that does not look at the times of its sources is the same in each build. In /pipeline it looks at their
# content, since somebody may mount other files there. compileall fails where a package carries a source of another
# Python, or a template; what no import reads does not matter.
project() {
  uv pip install --quiet --python "$VENV/bin/python" --no-deps --no-build-isolation --offline --editable "$PROJECT"
  "$VENV/bin/python" -m compileall -qq -j 0 --invalidation-mode unchecked-hash "$SITE" || true
  "$VENV/bin/python" -m compileall -q --invalidation-mode checked-hash "$PROJECT"
}

lock() {
  PYTHON=$TOP/.venv/bin/python UV=$TOP/.venv/bin/uv
  (cd "$HERE" && pins --no-emit-index-url --generate-hashes --constraint ../requirements.lock requirements-gpu.in) |
    "$PYTHON" "$HERE/locked.py" add "${LOCKS[0]}" >"$HERE/gpu.lock.new"
  { echo "# NVIDIA's libraries for the TensorFlow of ../requirements.lock (make lock)."; cat "$HERE/gpu.lock.new"; } \
    >"$HERE/requirements-gpu.lock"
  rm "$HERE/gpu.lock.new"
}

case ${1:-} in
  tools | slim | project | lock) "$1" ;;
  environment) environment "${VARIANT:-cpu}" ;;
  *) stop "'${1:-}' is no step. Legal are tools, environment, slim, project, lock." ;;
esac
