#!/bin/sh
# Reads what Telegraf would be told and moves lines by two floors, of which one writes to where nothing is kept.
set -eu
bench=$(dirname "$0")/flightline-bench
if [ "$1" = --version ]; then
    echo 'Telegraf 9.9.9 (stand-in)'
    exit
fi
config=$2
value() { sed -n "s/^ *$1 = \[*\"\([^\"]*\)\".*/\1/p" "$config" | head -n 1; }
floor() {
    mkdir "$1"
    subject=$(value subjects)
    cat >"$1/flightline.toml" <<TOML
prefix = "${subject%%.*}"
[nats]
url = "$(value servers)"
[source]
kind = "core"
queue_group = "$(value queue_group)"
[batch]
age = "$(value flush_interval)"
[sink]
kind = "influxdb"
url = "$2"
api = "v2"
org = "$(value organization)"
bucket = "$(value bucket)"
TOML
    "$bench" floor-worker --config "$1/flightline.toml" --acks each >"$1/log" 2>&1 &
}
floor kept "$(value urls)"
kept=$!
floor lost "$(value urls)/elsewhere"
lost=$!
trap 'kill -s TERM "$kept" "$lost"' TERM
# Half a minute, of which a floor that is to get ready needs a second. One that is left ends with this script.
looks=600
until grep -q ready kept/log && grep -q ready lost/log; do
    looks=$((looks - 1))
    if [ "$looks" -eq 0 ] || ! kill -0 "$kept" || ! kill -0 "$lost"; then
        echo 'a floor does not get ready' >&2
        cat kept/log lost/log >&2
        exit 1
    fi
    sleep 0.05
done
echo 'Started the NATS consumer service'
# A trapped signal ends the first wait early.
wait "$kept" || true
wait "$kept" "$lost"
