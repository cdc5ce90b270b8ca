# What every install step uses: progress lines, and a stamp that says "this very input is installed".

say() { echo "tests/run: $*"; }

fail() {
  echo "tests/run: $*" >&2
  exit 1
}

# fingerprint FILE... [-- WORD...]: one hash over the inputs of a part.
fingerprint() {
  local arg
  {
    while [ $# -gt 0 ] && [ "$1" != "--" ]; do
      cat "$1"
      shift
    done
    for arg in "$@"; do echo "$arg"; done
  } | sha256sum | cut -d' ' -f1
}

# fresh PART HASH: the part was installed from exactly this input.
fresh() { [ -f ".parts/stamps/$1" ] && [ "$(cat ".parts/stamps/$1")" = "$2" ]; }

stamp() { echo "$2" >".parts/stamps/$1"; }

# timed START: seconds since then, for the progress lines.
timed() { echo "$((SECONDS - $1)) s"; }

# as_root COMMAND...: Debian packages of the machine need root; everything else does not.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    fail "needs root for: $*  (run it yourself, then tests/run again)"
  fi
}

# apt_lists: package lists are fetched once per run, and only when something is missing.
apt_lists() {
  if [ -z "${apt_lists_done:-}" ]; then
    say "apt-get update"
    as_root apt-get update -qq || say "apt-get update failed; trying with the lists that are here"
    apt_lists_done=1
  fi
}
