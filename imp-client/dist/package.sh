#!/usr/bin/env bash
# Makes the Debian package of the workstation from binaries that are there: agent, window, PAM module, models.
# Usage: package.sh BINARIES FOLDER [VERSION]     BINARIES: what `cargo build --release` made, such as target/release
# It refuses binaries with emulated devices, which a debug build of the workspace has; TRIAL=1 takes them, for tests of the package.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

if (($# < 2 || $# > 3)); then
  echo "usage: ${0##*/} BINARIES FOLDER [VERSION]" >&2
  exit 2
fi
binaries=$(cd "$1" && pwd)
mkdir -p "$2"
folder=$(cd "$2" && pwd)
version=${3:-$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")}
architecture=$(dpkg --print-architecture)
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

for binary in imp-client libpam_imp.so imp-window; do
  if [[ ! -f $binaries/$binary ]]; then
    echo "$binaries/$binary is not there: cargo build --release -p imp-client -p pam-imp -p imp-window" >&2
    exit 1
  fi
done
# The name of a variable that only emulators read.
if [[ ${TRIAL:-} != 1 ]] && grep -q IMP_CLIENT_ABORT_AT "$binaries/imp-client"; then
  echo "$binaries/imp-client has emulated devices: it is not for a hospital" >&2
  exit 1
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
tree=$stage/imp-client
put() { install -D -m "$1" "$2" "$tree/$3"; }

put 0755 "$binaries/imp-client" usr/bin/imp-client
put 0755 "$binaries/imp-window" usr/bin/imp-window
put 0644 "$binaries/libpam_imp.so" "usr/lib/$triplet/security/pam_imp.so"
strip --strip-unneeded "$tree/usr/bin/imp-client" "$tree/usr/bin/imp-window" "$tree/usr/lib/$triplet/security/pam_imp.so"
put 0644 "$root/models/manifest.toml" usr/share/imp/models/manifest.toml
while IFS= read -r model; do
  put 0644 "$root/models/$model" "usr/share/imp/models/$model"
done < <(sed -nE 's/^(file|calibration) *= *"(.*)"/\2/p' "$root/models/manifest.toml")
put 0644 "$here/imp-client.service" usr/lib/systemd/system/imp-client.service
put 0644 "$here/debian/imp-client.pam-config" usr/share/pam-configs/imp
put 0644 "$here/debian/50-imp-client.rules" usr/share/polkit-1/rules.d/50-imp-client.rules
put 0644 "$here/debian/70-imp-client.rules" usr/lib/udev/rules.d/70-imp-client.rules
put 0644 "$here/debian/imp-window.desktop" etc/xdg/autostart/imp-window.desktop
put 0644 "$root/imp-client/client.example.toml" usr/share/doc/imp-client/client.example.toml
put 0644 "$here/debian/copyright" usr/share/doc/imp-client/copyright
put 0644 "$root/NOTICE" usr/share/doc/imp-client/NOTICE
for page in imp-client imp-window; do
  mkdir -p "$tree/usr/share/man/man1"
  gzip -9n <"$here/debian/$page.1" >"$tree/usr/share/man/man1/$page.1.gz"
done
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}
printf 'imp-client (%s) unstable; urgency=medium\n\n  * See the documentation of IMP for what is new.\n\n -- IMP <imp@hospital.invalid>  %s\n' \
  "$version" "$(date -uRd "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$tree/usr/share/doc/imp-client/changelog.gz"

# What the programs are linked to, by the symbols of this distribution.
mkdir -p "$stage/debian" "$tree/DEBIAN"
printf 'Source: imp\n\nPackage: imp-client\nArchitecture: any\n' >"$stage/debian/control"
libraries=$(cd "$stage" && dpkg-shlibdeps -O --warnings=0 "$tree"/usr/bin/* "$tree/usr/lib/$triplet/security/pam_imp.so")
cat >"$tree/DEBIAN/control" <<CONTROL
Package: imp-client
Version: $version
Architecture: $architecture
Maintainer: IMP <imp@hospital.invalid>
Section: admin
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$tree" | cut -f1)
Depends: ${libraries#shlibs:Depends=}, adduser, init-system-helpers (>= 1.54), libpam-runtime (>= 1.1.3-7)
Recommends: bluez, dbus, systemd, polkitd | policykit-1
Description: workstation of IMP: sign in by a tap with phone and face
 The agent hears phones that come near, sees the face before the camera, has
 the hospital's server decide, and locks and opens the desktop. With it come
 the window that shows who is signed in, and a PAM module that lets a tap sign
 in at the display manager, a locked screen and sudo.
CONTROL
install -m 0755 "$here/debian/postinst" "$here/debian/prerm" "$here/debian/postrm" "$tree/DEBIAN/"
echo /etc/xdg/autostart/imp-window.desktop >"$tree/DEBIAN/conffiles"
(cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$tree" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz -z3 --build "$tree" "$folder/imp-client_${version}_$architecture.deb"
