#!/usr/bin/env bash
# Process 1 of the lab's machine: plays the scenarios, leaves the exit status in the shared folder, and switches off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
exec </dev/null
ip link set lo up 2>/dev/null || busybox ip link set lo up
busybox hostname ble-lab
python3 -u "$LAB_REPOSITORY/tests/ble-lab/lab.py" "$@"
echo $? >/share/status
sync
echo o >/proc/sysrq-trigger
busybox poweroff -f
sleep 10
