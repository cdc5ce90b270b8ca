# Prometheus 3 and its promtool, built from Go modules (tests/parts/prometheus pins them; go.sum verifies every module).
# The tag leaves out the service discoveries of cloud providers, which are most of the build and which no test uses.

install_prometheus() {
  local began=$SECONDS hash folder=tests/parts/prometheus tool
  hash=$(fingerprint "$folder"/go.mod "$folder"/go.sum tests/parts/install/prometheus.sh -- "$(go env GOVERSION)")
  if fresh prometheus3 "$hash" && .parts/bin/prometheus3 --version >/dev/null 2>&1 && .parts/bin/promtool3 --version >/dev/null 2>&1; then
    say "Prometheus 3: is there"
    return
  fi
  say "Prometheus 3: building from Go modules (some minutes the first time)"
  for tool in prometheus promtool; do
    (cd "$folder" && go build -mod=readonly -tags remove_all_sd -o "$root/.parts/bin/${tool}3" "github.com/prometheus/prometheus/cmd/$tool") ||
      fail "$tool does not build"
    ".parts/bin/${tool}3" --version >/dev/null 2>&1 || fail "the $tool that was built does not run"
  done
  stamp prometheus3 "$hash"
  say "Prometheus 3: done in $(timed "$began")"
}
