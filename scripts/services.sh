#!/usr/bin/env bash
# Installs what some tests talk to, where this machine lets it; says which tests will be skipped, where not.
# Never fails: a test that finds nothing to talk to is skipped with a message.
set -uo pipefail

skip() { echo "services: the $1 tests will be skipped: $2"; }

# Installs Debian packages for the tests of that name, unless a file that matches a pattern says that they are there.
install() {
  local name=$1 packages=$2 pattern=$3 log
  compgen -G "$pattern" >/dev/null && return
  command -v apt-get >/dev/null || { skip "$name" "there is no apt-get here; install $packages by hand"; return; }
  [[ $(id -u) == 0 ]] || { skip "$name" "apt-get install $packages needs root"; return; }
  log=$(mktemp)
  { apt-get update && apt-get install --yes --no-install-recommends $packages; } >"$log" 2>&1 &&
    echo "services: $name is installed" || skip "$name" "apt-get install $packages failed: $(tail -n 1 "$log")"
  rm -f "$log"
}

export DEBIAN_FRONTEND=noninteractive
if [[ $(id -u) == 0 ]]; then # the tests make a cluster of their own: Debian's package is not to start one
  mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/penstock.conf
fi
install PostgreSQL postgresql '/usr/lib/postgresql/*/bin/initdb'
# without the package that starts one; the client's has what mariadb-install-db calls
install MariaDB 'mariadb-server-core mariadb-client-core' '/usr/bin/my_print_defaults'
install rclone rclone '/usr/bin/rclone'
make --no-print-directory flink || skip Flink 'there is no job server'
