#!/bin/sh
# Makes the secrets of the stack, once, each into the volumes of those who need it. What is there stays.
#
# A secret of your own: write it into its file before the first start, or replace the volumes by secrets of your orchestrator.
set -eu
umask 022

# Letters and digits that begin with a letter, as NATS wants passwords in variables.
password() { printf 'p%s' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"; }

# secret NAME PLACE...: one value in the file NAME of each place.
secret() {
    name=$1
    shift
    for place in "$@"; do [ ! -s "/secrets/$place/$name" ] || value=$(cat "/secrets/$place/$name"); done
    [ -n "${value:-}" ] || value=$(password)
    for place in "$@"; do
        [ -s "/secrets/$place/$name" ] || printf '%s' "$value" >"/secrets/$place/$name"
        chmod 0444 "/secrets/$place/$name"
    done
    value=
}

secret worker.password nats worker
secret worker_supervisor.password nats worker
secret sensor.password nats sensors
secret sensor_supervisor.password nats sensors
secret observer.password nats observer
secret system.password nats observer
secret platform_supervisor.password nats observer balancer prometheus
secret operator.password nats
secret listener.password nats
secret route.password nats
secret influx.password influxdb
secret influx.token influxdb worker grafana
secret grafana.password grafana

# nats-server takes passwords from its environment only.
{
    for file in /secrets/nats/*.password; do
        name=$(basename "$file" .password)
        printf '%s_PASSWORD=%s\n' "$(printf %s "$name" | tr '[:lower:]' '[:upper:]')" "$(cat "$file")"
    done
    # A route's login is a part of its address.
    for node in 1 2 3; do
        printf 'ROUTE_%s=nats-route://route:%s@nats-%s:6222\n' "$node" "$(cat /secrets/nats/route.password)" "$node"
    done
} >/secrets/nats/nats.env.part
mv /secrets/nats/nats.env.part /secrets/nats/nats.env
chmod 0444 /secrets/nats/nats.env
