# An OpenTelemetry Collector with the filelog receiver and the OTLP exporters, built from Go modules (tests/parts/collector pins
# them; go.sum verifies every module).

install_collector() {
  local began=$SECONDS hash folder=tests/parts/collector
  hash=$(fingerprint "$folder"/go.mod "$folder"/go.sum "$folder"/*.go tests/parts/install/collector.sh -- "$(go env GOVERSION)")
  if fresh collector "$hash" && .parts/bin/otelcol --version >/dev/null 2>&1; then
    say "OpenTelemetry Collector: is there"
    return
  fi
  say "OpenTelemetry Collector: building from Go modules (one to two minutes the first time)"
  (cd "$folder" && go build -mod=readonly -o "$root/.parts/bin/otelcol" .) || fail "the Collector does not build"
  .parts/bin/otelcol --version >/dev/null 2>&1 || fail "the Collector that was built does not run"
  stamp collector "$hash"
  say "OpenTelemetry Collector: done in $(timed "$began")"
}
