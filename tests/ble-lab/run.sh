#!/usr/bin/env bash
# The tap over a real Bluetooth stack: boots a small virtual machine with two virtual controllers and plays in it.
# Usage: run.sh [SCENARIO…]       the scenarios of lab.py; `tap` if none is named
# LAB_BIN: the folder of imp-server, imp-client, imp-phone and imp-radio; target/release if not set. LAB_MODELS: of the models.
# LAB_SECONDS: the longest run. LAB_KEEP: a folder for logs and traces. LAB_TAPS: how often `taps` taps. LAB_MTUS: those of `mtu`.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
target=$(readlink -m "${CARGO_TARGET_DIR:-$repository/target}")
image=$target/ble-lab
binaries=$(readlink -m "${LAB_BIN:-$target/release}")
emulator=
share=

finish() {
  if [[ -n $emulator ]]; then
    kill "$emulator" 2>/dev/null || true
    wait "$emulator" 2>/dev/null || true
  fi
  if [[ -n ${LAB_KEEP:-} && -n $share ]]; then
    mkdir -p "$LAB_KEEP" && cp "$share"/*.* "$LAB_KEEP/"
  fi
  [[ -z $share ]] || rm -rf "$share"
}
trap finish EXIT

for program in imp-server imp-client imp-phone imp-radio; do
  if [[ ! -x $binaries/$program ]]; then
    echo "$binaries has no $program: build it, or set LAB_BIN" >&2
    exit 2
  fi
done
"$here/image.sh" "$image"

# Not in /tmp: the machine has one of its own.
share=$(mktemp -d "$image/run.XXXXXX")
mkdir "$share/stage"
export PYTHONDONTWRITEBYTECODE=1
export LAB_BIN=$binaries LAB_REPOSITORY=$repository LAB_STAGE=$share/stage LAB_LOGS=$share
python3 -u "$here/prepare.py"
# Process 1 of the machine, which sees the host's files below its root.
{
  declare -p LAB_BIN LAB_REPOSITORY LAB_STAGE
  declare -p LAB_LOG LAB_PHONE_LOG LAB_BLUETOOTHD LAB_MODELS LAB_TAPS LAB_MTUS 2>/dev/null || true
  echo "export LAB_LOGS=/share"
  printf 'exec /bin/bash %q' "$here/guest.sh"
  printf ' %q' "${@:-tap}"
} >"$share/begin"

# Emulated: a machine without /dev/kvm is what continuous integration has. One processor, because two cost more than they give.
timeout --kill-after=5 "${LAB_SECONDS:-900}" qemu-system-x86_64 -M pc -nodefaults -no-reboot \
  -accel tcg,tb-size=512 -icount shift=0 -rtc clock=vm -cpu max -smp 1 -m 1536 -display none -serial stdio \
  -kernel "$image/vmlinux" -initrd "$image/initramfs.cpio" \
  -append 'console=ttyS0 quiet loglevel=3 panic=-1 reboot=t mitigations=off nokaslr random.trust_cpu=on' \
  -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=host,mount_tag=host \
  -fsdev local,id=share,path="$share",security_model=none,multidevs=remap -device virtio-9p-pci,fsdev=share,mount_tag=share \
  </dev/null &
emulator=$!
ended=0
wait "$emulator" || ended=$?
emulator=

if [[ ! -f $share/status ]]; then
  echo "the lab ended without a result (emulator: $ended; 124 means that it took too long)" >&2
  exit 1
fi
exit "$(<"$share/status")"
