# Alertmanager and its amtool, built from Go modules (tests/parts/alertmanager pins them; go.sum verifies every module). Beside Debian's, of which
# only amtool is used: that server reads its templates from /usr/share and so cannot run out of .parts. 0.28.1 has its web page in the module; newer ones do not.

install_alertmanager() {
  local began=$SECONDS hash folder=tests/parts/alertmanager
  hash=$(fingerprint "$folder"/go.mod "$folder"/go.sum tests/parts/install/alertmanager.sh -- "$(go env GOVERSION)")
  if fresh alertmanager "$hash" && .parts/bin/alertmanager --version >/dev/null 2>&1 && .parts/bin/amtool28 --version >/dev/null 2>&1; then
    say "Alertmanager: is there"
    return
  fi
  say "Alertmanager: building from Go modules (about a minute the first time)"
  (cd "$folder" && go build -mod=readonly -o "$root/.parts/bin/alertmanager" github.com/prometheus/alertmanager/cmd/alertmanager &&
    go build -mod=readonly -o "$root/.parts/bin/amtool28" github.com/prometheus/alertmanager/cmd/amtool) ||
    fail "Alertmanager does not build"
  .parts/bin/alertmanager --version >/dev/null 2>&1 && .parts/bin/amtool28 --version >/dev/null 2>&1 || fail "the Alertmanager that was built does not run"
  stamp alertmanager "$hash"
  say "Alertmanager: done in $(timed "$began")"
}
