# Debian builds Prometheus without its discovery by Consul: there the same targets, with the same labels, come from a file that `targets` beside this writes.
#
#   sed -f debian.sed prometheus.yml >/prometheus/prometheus.yml
s|consul_sd_configs: \[.*\]|file_sd_configs: [{ files: [/prometheus/targets/consul.json], refresh_interval: 5s }]|
