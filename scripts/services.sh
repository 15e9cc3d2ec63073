#!/usr/bin/env bash
# Installs what some tests talk to, where this machine lets it; says which tests will be skipped, where not.
# Never fails: a test that finds nothing to talk to is skipped with a message.
set -uo pipefail

skip() { echo "services: the $1 tests will be skipped: $2"; }

# Installs a Debian package for the tests of that name, unless a file that matches a pattern says that it is there.
install() {
  local name=$1 package=$2 pattern=$3 log
  compgen -G "$pattern" >/dev/null && return
  command -v apt-get >/dev/null || { skip "$name" "there is no apt-get here; install $package by hand"; return; }
  [[ $(id -u) == 0 ]] || { skip "$name" "apt-get install $package needs root"; return; }
  log=$(mktemp)
  { apt-get update && apt-get install --yes --no-install-recommends "$package"; } >"$log" 2>&1 &&
    echo "services: $name is installed" || skip "$name" "apt-get install $package failed: $(tail -n 1 "$log")"
  rm -f "$log"
}

export DEBIAN_FRONTEND=noninteractive
if [[ $(id -u) == 0 ]]; then # the tests make a cluster of their own: Debian's package is not to start one
  mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/penstock.conf
fi
install PostgreSQL postgresql '/usr/lib/postgresql/*/bin/initdb'
install MariaDB mariadb-server-core '/usr/sbin/mariadbd' # without the package that starts one
install rclone rclone '/usr/bin/rclone'
