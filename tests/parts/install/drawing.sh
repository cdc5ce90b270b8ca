# What draws dashboards: Grafana's own components (tests/parts/drawing pins them; package-lock.json verifies every package), bundled
# once, and a Chromium. Of the packages only what the bundle read stays, about 50 MB of 500, so that a change to our own pages bundles again
# without a download.

install_drawing() {
  local began=$SECONDS source=tests/parts/drawing folder=.parts/drawing packages hash
  require_node
  require_chromium
  packages=$(fingerprint "$source"/package.json "$source"/package-lock.json "$source"/.npmrc)
  hash=$(fingerprint "$source"/*.mjs "$source"/page/* tests/parts/install/drawing.sh -- "$packages" "$(node --version)")
  if fresh drawing "$hash" && [ -s "$folder/page/page.js" ]; then
    say "Grafana's drawing code: is there"
    return
  fi
  if ! fresh drawing-packages "$packages" || ! bundle_drawing "$source" "$folder" 2>/dev/null; then
    say "Grafana's drawing code: installing its packages (two to three minutes the first time; 500 MB, most of which is removed again)"
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$source"/package.json "$source"/package-lock.json "$source"/.npmrc "$folder"
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent || fail "npm ci of $source failed"
    bundle_drawing "$source" "$folder" || fail "Grafana's drawing code does not bundle"
    stamp drawing-packages "$packages"
  fi
  [ -s "$folder/page/page.js" ] || fail "the bundle of Grafana's drawing code is empty"
  stamp drawing "$hash"
  say "Grafana's drawing code: done in $(timed "$began")"
}

bundle_drawing() { node "$1/build.mjs" "$2" >/dev/null; }

# Node 20 or later; Debian 12 has 18, so it cannot be added from there.
require_node() {
  local version
  command -v node >/dev/null && command -v npm >/dev/null ||
    fail "node or npm is missing: Node.js 20 or later draws the dashboards; install it from https://nodejs.org or https://deb.nodesource.com"
  version=$(node --version | sed 's/^v//')
  at_least 20 "$version" || fail "Node.js $version is too old: 20 or later is needed; install it from https://nodejs.org or https://deb.nodesource.com"
}

# Debian's Chromium or any other that is there, as .parts/bin/chromium. Installed, not unpacked: it needs two dozen libraries of the system.
require_chromium() {
  local name
  if .parts/bin/chromium --version >/dev/null 2>&1; then return; fi
  for name in chromium chromium-browser google-chrome; do
    if ! command -v "$name" >/dev/null; then continue; fi
    ln -sfn "$(command -v "$name")" .parts/bin/chromium
    say "Chromium: $(.parts/bin/chromium --version 2>/dev/null)"
    return
  done
  say "installing Debian package: chromium"
  apt_lists
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  ln -sfn "$(command -v chromium)" .parts/bin/chromium
  .parts/bin/chromium --version >/dev/null 2>&1 || fail "Chromium does not run"
}
