#!/usr/bin/env bash
# Makes what the lab's machine boots from: Debian's kernel, unpacked, and a small initramfs. Nothing is installed.
# Usage: image.sh FOLDER          makes FOLDER/vmlinux and FOLDER/initramfs.cpio, unless they are there
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(readlink -m "${1:?usage: image.sh FOLDER}")
# The stock kernel: the one for clouds has no Bluetooth.
metapackage=linux-image-amd64
# Root file system over 9p; then Bluetooth with its virtual controllers, and the ciphers of LE Secure Connections.
# `ctr` and `sha512_generic` come before `drbg`, or pairing fails.
modules=(virtio_pci 9pnet_virtio 9p overlay ctr sha256_generic sha512_generic drbg ecdh_generic ecb cmac bluetooth
  hci_vhci algif_hash algif_skcipher)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

recipe() {
  cat "$here/image.sh" "$here/init" "$here/modules.py"
}

fetch_kernel() {
  local package
  package=$(apt-cache depends "$metapackage" | awk '/Depends: linux-image-/ { print $2; exit }')
  if [[ -z $package ]]; then
    echo "apt knows no $metapackage: apt-get update, and look whether this is Debian on amd64" >&2
    exit 1
  fi
  (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq "$package" >/dev/null)
  dpkg-deb --extract "$work/$package"_*.deb "$work/kernel"
  release=${package#linux-image-}
}

# Unpacked here, because unpacking it under emulation takes longer than everything else of the boot.
unpack_kernel() {
  python3 - "$work/kernel/boot/vmlinuz-$release" "$work/vmlinux" <<'END'
import lzma, struct, sys
image = open(sys.argv[1], 'rb').read()
# Documentation/arch/x86/boot.rst of Linux: setup_sects at 0x1f1, payload_offset and payload_length at 0x248.
protected = ((image[0x1f1] or 4) + 1) * 512
offset, length = struct.unpack_from('<II', image, 0x248)
payload = image[protected + offset:protected + offset + length]
open(sys.argv[2], 'wb').write(lzma.LZMADecompressor().decompress(payload))
END
}

make_initramfs() {
  local root=$work/root modules_of=$work/kernel/lib/modules/$release module
  mkdir -p "$root"/{bin,modules,proc,sys,dev,lower,upper,newroot}
  cp "$(command -v busybox)" "$root/bin/busybox"
  install -m 755 "$here/init" "$root/init"
  depmod --basedir "$work/kernel" "$release"
  python3 "$here/modules.py" "$modules_of" "${modules[@]}" | while read -r module; do
    strip --strip-debug -o "$root/modules/${module##*/}" "$modules_of/$module"
    echo "${module##*/}" >>"$root/modules/order"
  done
  (cd "$root" && find . | cpio --create --format=newc --quiet --owner=0:0) >"$work/initramfs.cpio"
}

if [[ -f $folder/recipe && $(recipe) == "$(<"$folder/recipe")" ]]; then
  exit 0
fi
fetch_kernel
unpack_kernel
make_initramfs
mkdir -p "$folder"
mv "$work/vmlinux" "$work/initramfs.cpio" "$folder/"
recipe >"$folder/recipe"
echo "Linux $release for the lab is in $folder"
