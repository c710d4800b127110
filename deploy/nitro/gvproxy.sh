#!/usr/bin/env bash
# The network of the enclave: gvproxy on vsock port 1024, and the ports under which the world reaches the agent.
# Usage: sudo ./gvproxy.sh       (stays in the foreground: run it under screen, tmux or systemd; without root, ports below 1024 stay closed)
# Settings: PORTS="7047 443" ports of this instance; AGENT_PORT=7047 the agent's port in the enclave; SOCKET control socket of gvproxy.
set -euo pipefail
# sudo leaves out the folder into which setup.sh installs gvproxy.
PATH=$PATH:/usr/local/bin
ports=${PORTS:-7047 443}
agent_port=${AGENT_PORT:-7047}
socket=${SOCKET:-/tmp/network.sock}
enclave=192.168.127.2
rm -f "$socket"
gvproxy -listen vsock://:1024 -listen "unix://$socket" &
gvproxy=$!
trap 'kill "$gvproxy" 2>/dev/null || true; rm -f "$socket"' EXIT
for _ in $(seq 1 50); do
  [ -S "$socket" ] && break
  kill -0 "$gvproxy" 2>/dev/null || { echo "gvproxy.sh: gvproxy ended; is vsock port 1024 taken?" >&2; exit 1; }
  sleep 0.2
done
opened=0
for port in $ports; do
  if curl --fail --silent --show-error --unix-socket "$socket" http:/unix/services/forwarder/expose \
    -X POST -d "{\"local\":\":$port\",\"remote\":\"$enclave:$agent_port\"}"; then
    opened=$((opened + 1))
    echo "port $port of this instance leads to port $agent_port of the enclave"
  else
    echo "gvproxy.sh: port $port stays closed; is it taken? Ports below 1024 need root: sudo ./gvproxy.sh" >&2
  fi
done
if [ "$opened" -eq 0 ]; then
  echo "gvproxy.sh: expected one port at least to open, got none of $ports" >&2
  exit 1
fi
wait "$gvproxy"
