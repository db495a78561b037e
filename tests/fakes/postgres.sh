#!/usr/bin/env bash
# A private PostgreSQL for tests: postgres.sh start|stop DIR [SETTING=VALUE ...]
# Listens on a Unix socket in DIR's short twin under /tmp; its conninfo is in DIR/conninfo. And on
# 127.0.0.1, with TLS: the port is in DIR/port, the certificate for "localhost" in DIR/server.crt.
set -euo pipefail
action=$1 dir=$2
shift 2
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
as_owner=()
if [ "$(id -u)" = 0 ]; then as_owner=(runuser -u postgres --); fi

stop() {
  if [ -f "$dir/socket" ]; then
    base=$(cat "$dir/socket")
    [ -f "$base/data/postmaster.pid" ] && "${as_owner[@]}" "$bin/pg_ctl" -D "$base/data" -m immediate -w stop >/dev/null || true
    rm -rf "$base"
  fi
  rm -rf "$dir"
}

case $action in
start)
  stop
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  base=$(mktemp -d /tmp/metadb-test-pg.XXXXXX)
  echo "$base" >"$dir/socket"
  [ "$(id -u)" = 0 ] && chown postgres "$base"
  chmod 755 "$base"
  cd "$base"
  "${as_owner[@]}" "$bin/initdb" -D "$base/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$dir/initdb.log"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$base/server.key" -out "$base/server.crt" 2>"$dir/openssl.log"
  chmod 600 "$base/server.key"
  if [ "$(id -u)" = 0 ]; then chown postgres "$base/server.key"; fi
  cp "$base/server.crt" "$dir/server.crt"
  # Members of these roles have to log in; everybody else is trusted.
  {
    echo "hostnossl all +asks_tls 127.0.0.1/32 reject"
    for method in scram-sha-256 md5 password; do
      echo "local all +asks_$method $method"
      echo "host all +asks_$method 127.0.0.1/32 $method"
    done
    cat "$base/data/pg_hba.conf"
  } >"$base/pg_hba"
  cat "$base/pg_hba" >"$base/data/pg_hba.conf"
  {
    echo "listen_addresses = '127.0.0.1'"
    echo "ssl = on"
    echo "ssl_cert_file = '$base/server.crt'"
    echo "ssl_key_file = '$base/server.key'"
    echo "unix_socket_directories = '$base'"
    echo "fsync = off"
    # Its workers would take locks and sessions that no test expects.
    echo "autovacuum = off"
    echo "max_connections = 200"
    echo "max_locks_per_transaction = 1024"
    echo "shared_buffers = 256MB"
    for setting in "$@"; do echo "${setting%%=*} = '${setting#*=}'"; done
  } >>"$base/data/postgresql.conf"
  # Below the ports that the system gives out by itself; whether one is taken is known by trying.
  tries=0
  until
    port=$((20000 + RANDOM % 12000))
    "${as_owner[@]}" "$bin/pg_ctl" -D "$base/data" -l "$base/log" -o "-p $port" -w start >/dev/null
  do
    tries=$((tries + 1))
    if [ $tries = 5 ]; then
      cat "$base/log" >&2
      exit 1
    fi
  done
  echo "$port" >"$dir/port"
  for method in scram-sha-256 md5 password tls; do
    psql -q -h "$base" -p "$port" -U postgres -d postgres -c "CREATE ROLE \"asks_$method\""
  done
  echo "host=$base port=$port user=postgres dbname=postgres" >"$dir/conninfo"
  ;;
stop) stop ;;
*) echo "usage: postgres.sh start|stop DIR [SETTING=VALUE ...]" >&2; exit 2 ;;
esac
