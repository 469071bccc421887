#!/usr/bin/env bash
# Takes one of GitHub's jobs and ends; the container's restart takes the next. A job leaves nothing for the one after it but the
# caches of the deploy runner: the image is read-only, /tmp is in memory, and this empties the one folder that is left.
#
# A runner's ticket (a just-in-time configuration) comes from the registrar beside it. RUNNER_TOKEN registers without one, within
# the hour that it is good for.
#
# STOCKS_RUNNER=pull-request is the runner of unreviewed code. It starts as root, which only serves to take the ticket as a user
# that no job has: a job that could ask for tickets could take the jobs of other pull requests.
set -euo pipefail

readonly TICKETS=/tickets
readonly APP=$RUNNER_FOLDER/app
readonly RENEW_INTERVAL=60
# The users of jobs, and of tickets where jobs must not see them.
readonly JOB_USER=1001
readonly TICKET_USER=1002

main() {
    # The first process of a container ends by no signal that it has not asked for.
    trap 'exit 143' TERM INT
    case ${1:-} in
        ticket) wait_for_ticket ;;
        run) run ;;
        *) start ;;
    esac
}

start() {
    # A placeholder of .env.example, such as your-org, counts as unset.
    if [[ -z ${GITHUB_ORG:-} || -z ${GITHUB_REPO:-} || $GITHUB_ORG == your-* || $GITHUB_REPO == your-* ]]; then
        printf 'no jobs: GITHUB_ORG and GITHUB_REPO name the repository (.env)\n' >&2
        while :; do sleep 1; done
    fi
    [[ -z ${RUNNER_TOKEN:-} ]] || run
    # Read, not substituted: a signal interrupts only the former.
    export ACTIONS_RUNNER_INPUT_JITCONFIG
    if ((EUID == 0)); then
        read -r ACTIONS_RUNNER_INPUT_JITCONFIG < <(as "$TICKET_USER" "$0" ticket)
        as "$JOB_USER" "$0" run
    else
        read -r ACTIONS_RUNNER_INPUT_JITCONFIG < <(wait_for_ticket)
        run
    fi
}

# as USER COMMAND...: becomes that user for good.
as() {
    local user=$1
    shift
    exec setpriv "--reuid=$user" "--regid=$user" --clear-groups --no-new-privs -- "$@"
}

run() {
    empty_folder
    set_up_jobs
    [[ -z ${RUNNER_TOKEN:-} ]] || register
    cd "$APP"
    exec ./run.sh
}

# The runner writes beside its programs, so it gets a copy of them.
empty_folder() {
    # A job may have taken its own rights to its folders away.
    chmod -R u+rwX "$RUNNER_FOLDER" 2>/dev/null || true
    find "$RUNNER_FOLDER" -mindepth 1 -delete
    mkdir -p "$APP" "$RUNNER_FOLDER"/{home,work,tools}
    cp -a /home/runner/. "$APP"
}

# The environment of every job.
set_up_jobs() {
    export HOME=$RUNNER_FOLDER/home
    export RUNNER_TOOL_CACHE=$RUNNER_FOLDER/tools
    # It ends its job when the container is stopped.
    export RUNNER_MANUALLY_TRAP_SIG=1
    export ACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/stocks/job-started.sh
    case $STOCKS_RUNNER in
        deploy)
            export CARGO_HOME=/cache/cargo CARGO_TARGET_DIR=/cache/target SONAR_USER_HOME=/cache/sonar
            use_buildkit
            ;;
        pull-request)
            export CARGO_HOME=$HOME/.cargo
            copy_crates
            ;;
        *)
            printf 'STOCKS_RUNNER is deploy or pull-request, not "%s"\n' "$STOCKS_RUNNER" >&2
            exit 2
            ;;
    esac
}

# Images are built by the daemon beside this container, not by the engine. A folder of its own, as the command that holds the
# registry's password has another docker configuration.
use_buildkit() {
    export BUILDX_CONFIG=$HOME/buildx BUILDX_BUILDER=stocks
    docker buildx create --name "$BUILDX_BUILDER" --driver remote "$BUILDKIT_HOST" >/dev/null
}

# The deploy runner's downloads are a read-only start: cargo verifies each crate against Cargo.lock.
copy_crates() {
    local part
    mkdir -p "$CARGO_HOME/registry"
    for part in index cache; do
        [[ ! -d /cache/cargo/registry/$part ]] || cp -a "/cache/cargo/registry/$part" "$CARGO_HOME/registry/"
    done
}

# The runner forgets its inputs before a job starts; as arguments they would be in the list of processes.
register() {
    local token=$RUNNER_TOKEN
    unset RUNNER_TOKEN
    cd "$APP"
    ACTIONS_RUNNER_INPUT_TOKEN=$token ./config.sh --unattended --ephemeral --replace --disableupdate \
        --url "$GITHUB_SERVER_URL/$GITHUB_ORG/$GITHUB_REPO" --labels linux --name "stocks-$HOSTNAME" --work "$RUNNER_FOLDER/work"
}

# Prints the ticket, once the registrar has one.
wait_for_ticket() {
    local waited=0
    # A runner that was ended while it waited may have left one.
    rm -f "$TICKETS/ticket"
    while [[ ! -s $TICKETS/ticket ]]; do
        # Again from time to time: a registrar that was ended may have taken the request with it.
        if ((waited % RENEW_INTERVAL == 0)); then : >"$TICKETS/wanted"; fi
        sleep 1
        waited=$((waited + 1))
    done
    printf '%s\n' "$(<"$TICKETS/ticket")"
    rm "$TICKETS/ticket"
}

main "$@"
