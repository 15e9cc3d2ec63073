#!/usr/bin/env bash
# Installs the servers that some tests talk to, where this machine lets it; says which tests will be skipped, where not.
# Never fails: a test that finds no server is skipped with a message.
set -uo pipefail

skip() {
  echo "services: the PostgreSQL tests will be skipped: $1"
  exit 0
}

compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && exit 0
command -v apt-get >/dev/null || skip "there is no apt-get here; install PostgreSQL's server by hand"
[[ $(id -u) == 0 ]] || skip "apt-get install postgresql needs root"

log=$(mktemp)
# The tests make a cluster of their own: Debian's package is not to start one.
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/penstock.conf
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install --yes --no-install-recommends postgresql; } >"$log" 2>&1 ||
  skip "apt-get install postgresql failed: $(tail -n 1 "$log")"
rm -f "$log"
echo "services: PostgreSQL is installed"
