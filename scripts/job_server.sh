#!/usr/bin/env bash
# Has Maven fetch one of Beam's job servers, of the version of Beam that is installed, into Maven's own repository, which is
# where Penstock looks for it: scripts/job_server.sh beam-runners-flink-2.2-job-server
set -euo pipefail
cd "$(dirname "$0")/.."

command -v java >/dev/null || { echo "job server: there is no Java: install OpenJDK 17" >&2; exit 1; }
command -v mvn >/dev/null || { echo "job server: there is no Maven (mvn): install it" >&2; exit 1; }
version=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("apache-beam"))')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! mvn --batch-mode --update-snapshots dependency:get -Dtransitive=false -Dartifact="org.apache.beam:$1:$version" >"$log" 2>&1; then
  echo "job server: Maven has no org.apache.beam:$1:$version:" >&2
  grep -m 1 '^\[ERROR\]' "$log" >&2 || tail -n 3 "$log" >&2
  exit 1
fi
jar=$HOME/.m2/repository/org/apache/beam/$1/$version/$1-$version.jar
echo "job server: $jar ($(du -h "$jar" | cut -f 1))"
