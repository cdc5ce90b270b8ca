# Debian's Prometheus 2.42, the oldest that must work, and the amtool of its Alertmanager 0.25. Unpacked, not installed: no service, no
# user, nothing outside .parts.

install_debian() {
  local began=$SECONDS series=2.42 hash folder=.parts/debian
  hash=$(fingerprint tests/parts/install/debian.sh)
  if fresh debian "$hash" && .parts/bin/prometheus2 --version >/dev/null 2>&1; then
    say "Prometheus $series and amtool (Debian): is there"
    return
  fi
  say "Prometheus $series and amtool (Debian): downloading and unpacking"
  rm -rf "$folder"
  mkdir -p "$folder"
  apt-cache show prometheus >/dev/null 2>&1 || apt_lists
  (cd "$folder" && apt-get download -qq prometheus prometheus-alertmanager 2>/dev/null) || {
    apt_lists
    (cd "$folder" && apt-get download -qq prometheus prometheus-alertmanager) || fail "apt-get download of prometheus and prometheus-alertmanager failed"
  }
  for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder"; done
  rm -f "$folder"/*.deb
  ln -sfn ../debian/usr/bin/prometheus .parts/bin/prometheus2
  ln -sfn ../debian/usr/bin/promtool .parts/bin/promtool2
  ln -sfn ../debian/usr/bin/amtool .parts/bin/amtool
  .parts/bin/prometheus2 --version 2>&1 | grep -q "version $series" || fail "Debian's prometheus is not $series: $(.parts/bin/prometheus2 --version 2>&1 | head -n1)"
  .parts/bin/promtool2 --version 2>&1 | grep -q "version $series" || fail "Debian's promtool is not $series"
  .parts/bin/amtool --version >/dev/null 2>&1 || fail "Debian's amtool does not run"
  stamp debian "$hash"
  say "Prometheus $series and amtool (Debian): done in $(timed "$began")"
}
