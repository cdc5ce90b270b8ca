# A Python environment with the real OpenTelemetry SDK, the requests and httpx instrumentations, and gunicorn, which serves the
# model that runs out of memory. Every file is checked by hash.

install_python() {
  local began=$SECONDS hash check
  check='import grpc, gunicorn, httpx, requests, opentelemetry.sdk.trace, opentelemetry.instrumentation.requests, opentelemetry.instrumentation.httpx'
  hash=$(fingerprint tests/parts/requirements.txt tests/parts/install/python.sh -- "$(python3 -c 'import sys; print(sys.executable, sys.version)')" "$root")
  if fresh python "$hash" && .parts/venv/bin/python -c "$check" 2>/dev/null; then
    say "Python clients and gunicorn: are there"
    return
  fi
  say "Python clients and gunicorn: making .parts/venv from tests/parts/requirements.txt"
  rm -rf .parts/venv
  python3 -m venv .parts/venv
  .parts/venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r tests/parts/requirements.txt
  .parts/venv/bin/python -m pip check -q >/dev/null || fail "the Python packages do not fit together: $(.parts/venv/bin/python -m pip check)"
  .parts/venv/bin/python -c "$check" || fail "the Python packages do not load"
  stamp python "$hash"
  say "Python clients and gunicorn: done in $(timed "$began")"
}
