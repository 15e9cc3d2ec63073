#!/usr/bin/env bash
# Has Maven fetch the parts of one of Beam's job servers into its own repository, and writes the jar that starts it to where
# Penstock looks for it: scripts/job_server.sh flink flink-1.19 -Dflink=1.19 -Dbeam=2.62.0
set -euo pipefail
cd "$(dirname "$0")/job_servers"

name=$1 called=$2
shift 2
command -v java >/dev/null || { echo "job server: there is no Java: install OpenJDK 17" >&2; exit 1; }
command -v mvn >/dev/null || { echo "job server: there is no Maven (mvn): install it" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if ! mvn --batch-mode --update-snapshots -f "$name.xml" -Dfolder="$folder" "$@" jar:jar >"$folder/log" 2>&1; then
  echo "job server: Maven has not all of it ($name $*):" >&2
  grep -m 1 '^\[ERROR\]' "$folder/log" >&2 || tail -n 3 "$folder/log" >&2
  exit 1
fi
jar=$HOME/.cache/penstock/$called-job-server.jar
mkdir -p "${jar%/*}"
mv "$folder/server.jar" "$jar"
echo "job server: $jar"
