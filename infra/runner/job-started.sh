#!/usr/bin/env bash
# The runner's start hook: runs before the first step of a job and ends the job when this runner must not take it.
#
# A failing hook is not enough. The runner marks the job as failed, and still runs its steps with `if: always()`
# (https://github.com/actions/runner/issues/2811). So a refusal kills the worker, which alone runs steps; the listener above it
# then tells GitHub that the job has failed.
#
# usage: job-started.sh [PROGRAM [SECONDS]]    tests name another program than stocksctl, and another delay
set +e -uo pipefail

readonly PROGRAM=${1:-/usr/local/bin/stocksctl}
# The worker sends its log to GitHub about once a second: the reason is to arrive there first.
readonly LOG_DELAY=${2:-3}
readonly WORKER=Runner.Worker

main() {
    # A cancelled job interrupts its hook and goes on with `if: always()` as well.
    trap '' INT TERM
    "$PROGRAM" infra admit-job --runner "${STOCKS_RUNNER:-deploy}" && exit 0
    printf '::error::This runner refuses the job. The line above has the reason.\n'
    sleep "$LOG_DELAY"
    kill_worker
    exit 1
}

# Kills the processes above this one up to the worker, or all of them where none has its name.
kill_worker() {
    local process=$PPID name parent
    while ((process > 1)); do
        name=$(<"/proc/$process/comm")
        parent=$(awk '$1 == "PPid:" { print $2 }' "/proc/$process/status")
        kill -KILL "$process"
        [[ $name == "$WORKER" ]] && break
        process=$parent
    done
}

main
