#!/usr/bin/env bash
# Takes one job of GitHub's and ends; the container's restart takes the next. Nothing of a job is there for the one after it but
# the caches: the image is read-only, /tmp is in memory, and this empties the one folder that is left.
#
# A runner's ticket (a just-in-time configuration) comes from the registrar beside it. RUNNER_TOKEN registers without one, within
# the hour that it is good for.
set -euo pipefail

readonly TICKETS=/tickets
readonly APP=$RUNNER_FOLDER/app
readonly RENEW_EVERY=60

main() {
    # The first process of a container ends by no signal that it has not asked for.
    trap 'exit 143' TERM INT
    if [[ -z ${GITHUB_ORG:-} || -z ${GITHUB_REPO:-} ]]; then
        printf 'no jobs: GITHUB_ORG and GITHUB_REPO say whose they are (.env)\n' >&2
        while :; do sleep 1; done
    fi
    empty_folder
    set_up_jobs
    if [[ -n ${RUNNER_TOKEN:-} ]]; then
        register
    else
        take_ticket
    fi
    cd "$APP"
    exec ./run.sh
}

# The runner writes beside its programs, so it gets a copy of them.
empty_folder() {
    find "$RUNNER_FOLDER" -mindepth 1 -delete
    mkdir -p "$APP" "$RUNNER_FOLDER"/{home,work,tools}
    cp -a /home/runner/. "$APP"
}

# What every job finds.
set_up_jobs() {
    export HOME=$RUNNER_FOLDER/home
    export RUNNER_TOOL_CACHE=$RUNNER_FOLDER/tools
    export CARGO_HOME=/cache/cargo CARGO_TARGET_DIR=/cache/target SONAR_USER_HOME=/cache/sonar
    # It ends its job when the container is stopped.
    export RUNNER_MANUALLY_TRAP_SIG=1
    export ACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/stocks/job-started.sh
}

# The runner forgets its inputs before a job starts; as arguments they would be in the list of processes.
register() {
    local token=$RUNNER_TOKEN
    unset RUNNER_TOKEN
    cd "$APP"
    ACTIONS_RUNNER_INPUT_TOKEN=$token ./config.sh --unattended --ephemeral --replace --disableupdate \
        --url "$GITHUB_SERVER_URL/$GITHUB_ORG/$GITHUB_REPO" --labels linux --name "stocks-$HOSTNAME" --work "$RUNNER_FOLDER/work"
}

take_ticket() {
    local waited=0
    # Of a runner that was ended while it waited.
    rm -f "$TICKETS/ticket"
    while [[ ! -s $TICKETS/ticket ]]; do
        # Again from time to time: a registrar that was ended may have taken the question with it.
        if ((waited % RENEW_EVERY == 0)); then : >"$TICKETS/wanted"; fi
        sleep 1
        waited=$((waited + 1))
    done
    ACTIONS_RUNNER_INPUT_JITCONFIG=$(<"$TICKETS/ticket")
    export ACTIONS_RUNNER_INPUT_JITCONFIG
    rm "$TICKETS/ticket"
}

main "$@"
