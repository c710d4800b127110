#!/usr/bin/env bash
# Starts the enclave in production mode (no console, real measurements) and hands it its keys once.
# Usage: sudo ./run-enclave.sh IMAGE.eif [KEYS_FILE]
# Settings: MEMORY=3072 (MiB), CPUS=2, CID=16, ENCLAVE_NAME=assay; NETWORK=vsock hands ports on without gvproxy: PORTS="7047 443".
# KEYS_FILE holds lines NAME=value: ASSAY_API_KEY, ASSAY_OPERATOR_KEY, AI_API_KEY, and for a wallet under KMS AWS_ACCESS_KEY_ID,
# AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ASSAY_KMS_CIPHERTEXT or ASSAY_KMS_FIRST_START. The enclave refuses everything else.
set -euo pipefail
image=${1:-}
keys=${2:-}
memory=${MEMORY:-3072}
cpus=${CPUS:-2}
cid=${CID:-16}
name=${ENCLAVE_NAME:-assay}
network=${NETWORK:-gvproxy}
if [ -z "$image" ] || [ ! -f "$image" ]; then
  echo "run-enclave.sh: expected an image, got '${image}'; usage: sudo ./run-enclave.sh IMAGE.eif [KEYS_FILE]" >&2
  exit 1
fi
if [ -n "$keys" ]; then
  if [ ! -f "$keys" ]; then
    echo "run-enclave.sh: expected a file of keys, got '${keys}'; write lines NAME=value" >&2
    exit 1
  fi
  # One connection is served. When another program takes it, the enclave does not start: that is noticed, a second copy would not be.
  response=$(mktemp)
  if [ "$network" = vsock ]; then
    cat "$keys" > "$response"
    socat "VSOCK-LISTEN:7048,reuseaddr" "SYSTEM:test \$SOCAT_PEERADDR = $cid && cat $response" &
  else
    { printf 'HTTP/1.0 200 OK\r\n\r\n'; cat "$keys"; } > "$response"
    socat "TCP-LISTEN:${KEYS_PORT:-7048},bind=127.0.0.1,range=127.0.0.1/32,reuseaddr" "SYSTEM:head -n 1 > /dev/null; cat $response" &
  fi
  server=$!
  trap 'kill "$server" 2>/dev/null || true; rm -f "$response"' EXIT
  sleep 1
  if ! kill -0 "$server" 2>/dev/null; then
    echo "run-enclave.sh: expected socat to wait with the keys, got its end; is port ${KEYS_PORT:-7048} taken? Nothing was started" >&2
    exit 1
  fi
fi
nitro-cli terminate-enclave --enclave-name "$name" > /dev/null 2>&1 || true
nitro-cli run-enclave --enclave-name "$name" --eif-path "$image" --memory "$memory" --cpu-count "$cpus" --enclave-cid "$cid"
if [ "$network" = vsock ]; then
  for port in ${PORTS:-7047 443}; do
    socat "TCP-LISTEN:$port,fork,reuseaddr" "VSOCK-CONNECT:$cid:${AGENT_PORT:-7047}" &
    echo "port $port of this instance leads to the enclave"
  done
fi
url=${URL:-http://127.0.0.1:${AGENT_PORT:-7047}}
for _ in $(seq 1 "${TRIES:-60}"); do
  if curl --silent --fail --insecure --max-time 2 "$url/health" > /dev/null; then
    echo "the agent answers at $url"
    nitro-cli describe-enclaves
    exit 0
  fi
  sleep 1
done
echo "run-enclave.sh: the agent did not answer at $url; run gvproxy.sh first, or look with: nitro-cli describe-enclaves" >&2
if [ -n "$keys" ] && ! kill -0 "$server" 2>/dev/null; then
  echo "run-enclave.sh: the keys were fetched; if the enclave did not, another program has them: make new ones" >&2
fi
exit 1
