#!/usr/bin/env bash
# Installs, upgrades, removes and purges the package in a fresh Debian, and says what is left behind. As root; takes some minutes.
# Usage: try-package.sh PACKAGE.deb [FOLDER]      FOLDER: keeps the fresh Debian for the next time
# SUITE and MIRROR name another Debian than bookworm from deb.debian.org.
set -euo pipefail

if (($# < 1 || $# > 2)); then
  echo "usage: ${0##*/} PACKAGE.deb [FOLDER]" >&2
  exit 2
fi
package=$(realpath "$1")
work=${2:-$(mktemp -d)}
[[ -n ${2:-} ]] || trap 'rm -rf "$work"' EXIT
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
base=$work/base.tar
root=$work/root

if [[ ! -f $base ]]; then
  mkdir -p "$work"
  # What the package needs comes with it, so that later steps need no network.
  needs=$(dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/ *(.*//; s/^ *//' | paste -sd,)
  debootstrap --variant=minbase --include="$needs" "$suite" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 20 "$work/debootstrap.log" >&2; exit 1; }
  tar -C "$root" -cf "$base" .
fi
rm -rf "$root"
mkdir -p "$root"
tar -C "$root" -xf "$base"

inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
# Everything but what changes by itself.
files() {
  (cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./var/cache -o -path ./var/log \
    -o -path ./var/lib/dpkg -o -path ./var/lib/apt \) -prune -o -printf '%p %y %m %l\n' | LC_ALL=C sort)
}
accounts() { inside getent passwd; inside getent group; }
stack() { cat "$root/etc/pam.d/common-auth"; }
must() { if ! "$@"; then echo "NOT SO: $*" >&2; exit 1; fi }

before=$(files)
accounts_before=$(accounts)
stack_before=$(stack)
second=$work/second
rm -rf "$second"
dpkg-deb -R "$package" "$second"
sed -i 's/^Version: .*/&+next/' "$second/DEBIAN/control"
dpkg-deb --root-owner-group -Znone --build "$second" "$root/tmp/second.deb" >/dev/null
cp "$package" "$root/tmp/first.deb"

echo '— install'
must inside dpkg -i /tmp/first.deb
must inside imp-client --version
must inside test -f /usr/share/imp/models/manifest.toml
must inside sh -c 'grep -q "success=.*default=ignore.*pam_imp.so" /etc/pam.d/common-auth'
must inside sh -c 'test "$(stat -c "%U %a" /var/lib/imp-client)" = "imp-client 700"'
# Not enrolled, without devices: it says so, and does not break.
inside imp-client doctor --json >"$work/doctor.json" || true
must grep -q '"imp-server workstation add\|imp-server workstation add' "$work/doctor.json"
# Nobody is kept out where no agent runs: the password counts as before.
must grep -q pam_unix.so "$root/etc/pam.d/common-auth"

echo '— upgrade'
echo '# ours' >>"$root/etc/xdg/autostart/imp-window.desktop"
install -D -m 0644 /dev/null "$root/etc/imp/client.toml"
must inside dpkg -i /tmp/second.deb
must grep -q '# ours' "$root/etc/xdg/autostart/imp-window.desktop"
must test -f "$root/etc/imp/client.toml"
must inside imp-client --version

echo '— remove'
must inside dpkg -r imp-client
must test ! -e "$root/usr/bin/imp-client"
must test "$(stack)" = "$stack_before"
must test -d "$root/var/lib/imp-client"

echo '— install again, and purge'
must inside dpkg -i /tmp/first.deb
must inside dpkg -P imp-client
must test "$(stack)" = "$stack_before"
must test "$(accounts)" = "$accounts_before"
left=$(diff <(echo "$before") <(files) | grep '^[<>]' | grep -v -e '/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-\? ' \
  -e '/var/lib/pam' -e '/etc/.pwd.lock' || true)
if [[ -n $left ]]; then
  echo "Left behind or changed:" >&2
  echo "$left" >&2
  exit 1
fi
echo 'The package installs, upgrades, removes and purges cleanly.'
