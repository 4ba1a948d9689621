#!/bin/sh
# A sensor: a reading a line, for ever. SENSOR_PAUSE is between two of them, in seconds.
#
#   sensor.sh humidity
set -eu
type=$1
pause=${SENSOR_PAUSE:-0.2}
name=$(cat /etc/hostname)
value=50
while :; do
    # A walk by at most one, from the last digits of the clock.
    now=$(date +%s%N)
    value=$((value + ${now%????} % 3 - 1))
    printf '{"type":"%s","sensor":"%s","time":%s,"value":%s}\n' "$type" "$name" "${now%??????}" "$value"
    sleep "$pause"
done
