#!/usr/bin/env bash
# Prepares a parent instance (Amazon Linux 2023 on x86_64, launched with enclaves enabled): Nitro CLI, allocator, gvproxy, socat.
# Usage: sudo ./setup.sh [MEMORY_MIB [CPUS]]
set -euo pipefail
memory=${1:-4096}
cpus=${2:-2}
gvproxy_version=v0.8.9
allocator=${ALLOCATOR:-/etc/nitro_enclaves/allocator.yaml}
if [ "$(id -u)" -ne 0 ]; then
  echo "setup.sh: expected to run as root; run sudo ./setup.sh" >&2
  exit 1
fi
if [ "$(uname -m)" != x86_64 ]; then
  echo "setup.sh: expected an x86_64 instance, got $(uname -m); the images of Assay are for x86_64, start another instance" >&2
  exit 1
fi
case "$memory$cpus" in
  *[!0-9]*)
    echo "setup.sh: expected MEMORY_MIB and CPUS as numbers, got $memory and $cpus" >&2
    exit 1
    ;;
esac
dnf install -y aws-nitro-enclaves-cli aws-nitro-enclaves-cli-devel golang socat make git xz
# auto: fetches the Go that gvproxy asks for where the distribution's is older.
GOTOOLCHAIN=auto GOBIN=/usr/local/bin CGO_ENABLED=0 go install -trimpath "github.com/containers/gvisor-tap-vsock/cmd/gvproxy@$gvproxy_version"
usermod -aG ne "${SUDO_USER:-root}"
printf -- '---\nmemory_mib: %s\ncpu_count: %s\n' "$memory" "$cpus" > "$allocator"
systemctl enable nitro-enclaves-allocator.service
systemctl restart nitro-enclaves-allocator.service
echo "ready: $memory MiB and $cpus processors are set aside for enclaves"
