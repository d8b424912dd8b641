#!/usr/bin/env bash
# Installs the Debian packages that IMP needs, and only those that are missing.
# Usage: debian.sh [build] [test] [bench] [lab]      test includes lab
set -euo pipefail

build=(build-essential pkg-config clang libclang-dev libopencv-dev libdbus-1-dev libpam0g-dev libtss2-dev)
test=(systemd postgresql ffmpeg swtpm swtpm-tools dbus-daemon python3-dbusmock pamtester libpam-wrapper openssl nats-server rsyslog rsyslog-gnutls python3 python3-venv golang-go golang-golang-x-mod-dev
  apache2-bin libapache2-mod-auth-openidc libapache2-mod-auth-mellon xmlsec1 chromium slapd ldap-utils
  openjdk-17-jre-headless libjna-java curl strongswan-pki libstrongswan-extra-plugins gnutls-bin softhsm2 dehydrated lego
  xvfb xdotool libgl1 libgl1-mesa-dri libglx-mesa0 libegl1 libx11-xcb1 libxcursor1 libxi6 libxrandr2 libxkbcommon-x11-0 libwayland-client0)
# The machine with two virtual Bluetooth controllers; its kernel is fetched by tests/ble-lab/image.sh.
lab=(qemu-system-x86 seabios ipxe-qemu bluez bluez-test-tools dbus busybox-static kmod cpio binutils python3)
# What the measurements run beside IMP.
bench=(golang-cfssl stunnel4 lego)

wanted=()
for what in "${@:-build}"; do
  case $what in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${test[@]}" "${lab[@]}") ;;
    lab) wanted+=("${lab[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    *) echo "usage: ${0##*/} [build] [test] [bench] [lab]" >&2; exit 2 ;;
  esac
done

need_rust() {
  local least=1.95 found
  if ! command -v cargo >/dev/null; then
    echo "IMP needs Rust $least or newer: https://rustup.rs" >&2
    exit 1
  fi
  found=$(rustc --version | awk '{print $2}')
  if [[ $(printf '%s\n' "$least" "$found" | sort -V | head -n 1) != "$least" ]]; then
    echo "IMP needs Rust $least or newer, this is $found: rustup update stable" >&2
    exit 1
  fi
}

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

need_rust
if ! command -v dpkg-query >/dev/null; then
  echo "This is not Debian: install what corresponds to ${wanted[*]} if the build does not find it." >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

echo "Installing ${missing[*]}"
root=()
if ((EUID != 0)); then
  if command -v sudo >/dev/null; then
    root=(sudo)
  else
    echo "As root, run:  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
fi
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install --yes --no-install-recommends -qq "${missing[@]}"
