# The machine's own tools: checked, and what Debian packages can add is added. No service is ever started.

# newer_than WANTED FOUND: dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n1)" = "$1" ]; }

require_tools() {
  local packages=() version
  command -v cargo >/dev/null || fail "cargo is missing: install Rust with rustup (rust-toolchain.toml names the version)"
  command -v go >/dev/null || fail "go is missing: Go 1.26 or later builds the Go client and Prometheus 3"
  version=$(go env GOVERSION | sed 's/^go//')
  at_least 1.26 "$version" || fail "Go $version is too old: 1.26 or later is needed"
  command -v python3 >/dev/null || fail "python3 is missing: Python 3.11 or later runs the Python clients"
  version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  at_least 3.11 "$version" || fail "Python $version is too old: 3.11 or later is needed"
  command -v dpkg-deb >/dev/null || fail "dpkg-deb is missing: the tests use Debian's Prometheus 2.42"

  python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
  command -v cc >/dev/null || packages+=(gcc libc6-dev)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
  if [ ${#packages[@]} -gt 0 ]; then
    say "installing Debian packages: ${packages[*]}"
    apt_lists
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  fi
}
