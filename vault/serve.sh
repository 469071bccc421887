#!/bin/sh
# Starts Vault, and rotates its audit log beside it: Vault writes to a file that it opens again on SIGHUP, and never cuts.
set -eu

log=/vault/logs/audit.log
max_bytes=${AUDIT_LOG_MAX_BYTES:-52428800}
kept=${AUDIT_LOGS_KEPT:-10}

rotate() {
    older=$kept
    while [ "$older" -gt 1 ]; do
        newer=$((older - 1))
        if [ -f "$log.$newer" ]; then mv -f "$log.$newer" "$log.$older"; fi
        older=$newer
    done
    mv "$log" "$log.1"
    # Vault: this shell's place after the exec below.
    kill -HUP 1
}

watch_log() {
    while sleep 10; do
        bytes=$(wc -c <"$log" 2>/dev/null) || continue
        if [ "$bytes" -gt "$max_bytes" ]; then rotate || true; fi
    done
}

watch_log &
exec vault server -config=/vault/scripts/config.hcl
