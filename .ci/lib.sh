# shellcheck shell=bash
# What the gate's scripts share. Sourced.

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/stocks-app"
readonly CACHE
readonly TOOLS="$CACHE/tools"

refuse() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# install_packages PACKAGE...: installs packages of the system, by their names in Debian.
install_packages() {
    if ! command -v apt-get >/dev/null || ((EUID != 0)); then
        refuse "missing on this system: install $* (names as in Debian) and run again"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq --yes --no-install-recommends "$@"
}

# stocks_binary [BINARY]: says where the all-in-one program is; without it, it is built.
stocks_binary() {
    local binary=${1:-}
    if [[ -z $binary ]]; then
        # All targets, as the tests are built: the dependencies keep their features and are not built again.
        cargo build --workspace --all-targets --locked >&2 || refuse "the workspace cannot be built"
        binary="${CARGO_TARGET_DIR:-target}/debug/stocks"
    fi
    [[ -x $binary ]] || refuse "$binary is not there to be run"
    realpath "$binary"
}

# python_tools NAME PINS PACKAGE...: installs packages from PyPI into a folder of their own and sets `venv` to it. PINS are
# constraints, one `package==version` a line: what a version of Python does not need stays out.
python_tools() {
    local name=$1 pins=$2 key
    shift 2
    python3 -c 'import ensurepip, venv' || refuse "no python3 with venv: install python3 and python3-venv"
    key=$( (printf '%s' "$pins" && python3 -c 'import sys; print(sys.version, sys.prefix)') | cksum | cut -d ' ' -f 1)
    venv="$CACHE/tools/$name-$key"
    [[ -e "$venv/complete" ]] && return
    rm -rf "$venv"
    python3 -m venv "$venv"
    printf '%s' "$pins" >"$venv/constraints.txt"
    "$venv/bin/pip" install --quiet --no-input --constraint "$venv/constraints.txt" "$@"
    touch "$venv/complete"
}

# go_tool PATH PACKAGE@VERSION [OPTION]...: builds a program into the cache folder, unless it is there.
go_tool() {
    local path="$CACHE/tools/$1" package=$2
    shift 2
    [[ -x $path ]] && return
    command -v go >/dev/null || refuse "no Go to build $package with: https://go.dev/doc/install"
    GOBIN="${path%/*}" CGO_ENABLED=0 go install "$@" "$package"
}

# require_tool CRATE VERSION BINARY [VERB]: puts BINARY on the PATH, installing it when the cache lacks that version. A binary
# that is a verb of cargo says its version when it is called with the verb.
# Built without optimisation: it is installed far more often than its speed is felt.
require_tool() {
    local crate=$1 version=$2 binary=$3 verb=${4:-}
    local root="$TOOLS/$crate-$version"
    if [[ ! -x "$root/bin/$binary" ]]; then
        CARGO_PROFILE_DEV_DEBUG=false CARGO_INCREMENTAL=0 \
            cargo install "$crate" --version "=$version" --locked --debug --quiet \
            --root "$root" --target-dir "$TOOLS/build"
    fi
    PATH="$root/bin:$PATH"
    local found
    found=$("$binary" ${verb:+"$verb"} --version) || refuse "$binary does not start; remove $root and run again"
    [[ ${found##* } == "$version" ]] || refuse "$binary $version is wanted, found $found; remove $root and run again"
}
