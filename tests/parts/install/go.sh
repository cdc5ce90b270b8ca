# The Go client: net/http under otelhttp, exporting by OTLP/gRPC or OTLP/HTTP. go.sum verifies every module.

install_go_client() {
  local began=$SECONDS hash folder=tests/parts/go
  hash=$(fingerprint "$folder"/go.mod "$folder"/go.sum "$folder"/*.go tests/parts/install/go.sh -- "$(go env GOVERSION)")
  if fresh go-client "$hash" && [ -x .parts/bin/go-client ]; then
    say "Go client: is there"
    return
  fi
  say "Go client: building (about half a minute the first time)"
  (cd "$folder" && go build -mod=readonly -o "$root/.parts/bin/go-client" .) || fail "the Go client does not build"
  [ -x .parts/bin/go-client ] || fail "the Go client was not built"
  stamp go-client "$hash"
  say "Go client: done in $(timed "$began")"
}
