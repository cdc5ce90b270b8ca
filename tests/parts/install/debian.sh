# Debian's Prometheus 2.42, the oldest that must work. Unpacked, not installed: no service, no user, nothing outside .parts.

install_debian() {
  local began=$SECONDS series=2.42 hash folder=.parts/debian
  hash=$(fingerprint tests/parts/install/debian.sh)
  if fresh debian "$hash" && .parts/bin/prometheus2 --version >/dev/null 2>&1; then
    say "Prometheus $series (Debian): is there"
    return
  fi
  say "Prometheus $series (Debian): downloading and unpacking"
  rm -rf "$folder"
  mkdir -p "$folder"
  apt-cache show prometheus >/dev/null 2>&1 || apt_lists
  (cd "$folder" && apt-get download -qq prometheus 2>/dev/null) || {
    apt_lists
    (cd "$folder" && apt-get download -qq prometheus) || fail "apt-get download prometheus failed"
  }
  dpkg-deb -x "$folder"/prometheus_*.deb "$folder"
  rm -f "$folder"/*.deb
  ln -sfn ../debian/usr/bin/prometheus .parts/bin/prometheus2
  ln -sfn ../debian/usr/bin/promtool .parts/bin/promtool2
  .parts/bin/prometheus2 --version 2>&1 | grep -q "version $series" || fail "Debian's prometheus is not $series: $(.parts/bin/prometheus2 --version 2>&1 | head -n1)"
  .parts/bin/promtool2 --version 2>&1 | grep -q "version $series" || fail "Debian's promtool is not $series"
  stamp debian "$hash"
  say "Prometheus $series (Debian): done in $(timed "$began")"
}
