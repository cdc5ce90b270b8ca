# pint, the linter of Prometheus rules, built from Go modules (tests/parts/pint pins them; go.sum verifies every module).

install_pint() {
  local began=$SECONDS hash folder=tests/parts/pint
  hash=$(fingerprint "$folder"/go.mod "$folder"/go.sum tests/parts/install/pint.sh -- "$(go env GOVERSION)")
  if fresh pint "$hash" && .parts/bin/pint version >/dev/null 2>&1; then
    say "pint: is there"
    return
  fi
  say "pint: building from Go modules (about a minute the first time)"
  (cd "$folder" && go build -mod=readonly -o "$root/.parts/bin/pint" github.com/cloudflare/pint/cmd/pint) ||
    fail "pint does not build"
  .parts/bin/pint version >/dev/null 2>&1 || fail "the pint that was built does not run"
  stamp pint "$hash"
  say "pint: done in $(timed "$began")"
}
