#!/usr/bin/env bash
# Prints what IMP costs: steps of a face, a tap on the server and on the air, the log, signing on, certificates and their status,
# decisions about connections, gateways, start-up and memory of the server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo=${CARGO:-cargo}

title() { printf '\n== %s\n' "$1"; }

title 'Face, one core (milliseconds for a step)'
"$cargo" bench --locked --quiet -p imp-biometrics
title 'Protocol: CPU time of a tap, bytes of statements, handshake and a whole tap on the air'
"$cargo" bench --locked --quiet -p imp-authenticator
title 'Server: taps (goal: at most 2 ms of CPU time each, at least 1,000 a second on two cores)'
"$cargo" bench --locked --quiet -p imp-server --bench taps
# Ten million events take some 15 minutes and 15 GB of the folder for temporary files.
events=${IMP_BENCH_EVENTS:-10000000}
title "Server: log of $events events (goals: 5,000 durable appends a second, proof p99 1 ms, search p95 100 ms)"
"$cargo" bench --locked --quiet -p imp-server --bench log -- --events "$events"

title 'OpenID: beside node oidc-provider (goal: 3 times its client_credentials), passkeys, memory (goal: 60 MB), 10 times the worst minute'
"$cargo" bench --locked --quiet -p imp-server --bench beside -- --minutes "${IMP_BENCH_MINUTES:-10}"

title 'Certificates: signed and logged (goal: at least 1,500 a second on SQLite), beside cfssl, which logs nothing'
"$cargo" bench --locked --quiet -p imp-server --bench issue
title 'ACME: orders a second, and lego from its start to a certificate (goal: at most 150 ms)'
"$cargo" bench --locked --quiet -p imp-server --bench acme
title 'OCSP: answers a second (goal: at least 10,000 that are kept)'
"$cargo" bench --locked --quiet -p imp-server --bench ocsp
title 'Connections: a decision among 10,000 rules, in memory and by the endpoint (goal: p99 at most 1 ms)'
"$cargo" bench --locked --quiet -p imp-connection
"$cargo" bench --locked --quiet -p imp-server --bench access
title 'Gateways: what an HL7 message costs more, and messages a second, beside stunnel (tests/setup/debian.sh bench)'
"$cargo" bench --locked --quiet -p imp-client --bench gateway

title 'Server: start-up (goal: at most 200 ms) and memory when idle (goal: at most 40 MB)'
"$cargo" build --locked --quiet --release -p imp-server
server=${CARGO_TARGET_DIR:-target}/release/imp-server
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT

# Starts a server, waits until it listens, and says how long that took and what it holds some seconds later.
measure() {
  local label=$1 began ready pid
  began=$(date +%s%N)
  coproc IMP { exec env IMP_SERVER__HTTP__LISTEN=127.0.0.1:0 "$server" --data "$data" serve 2>"$data/log"; }
  pid=$IMP_PID
  while read -r line <&"${IMP[0]}"; do
    [[ $line == 'listening on '* ]] && break
  done
  ready=$(date +%s%N)
  sleep 3
  printf '%-28s %5d ms   %6.1f MB resident\n' "$label" $(((ready - began) / 1000000)) \
    "$(awk '/^VmRSS/ {print $2 * 1024 / 1e6}' "/proc/$pid/status")"
  kill "$pid"
  wait "$pid" || true
}
measure 'first start (makes its keys)'
for run in 1 2 3; do
  measure "start $run"
done
