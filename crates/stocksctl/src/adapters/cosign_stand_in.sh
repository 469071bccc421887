#!/bin/sh
# Stands in for cosign in tests. It is called by a link beside a folder `record`, which has a file for each thing that was
# signed: record/KEY/DIGEST/signed, record/KEY/DIGEST/TYPE with a line for each attestation. With record/KEY/broken it fails
# as cosign does without an answer of the registry.
set -eu

verb=$1
shift
while [ "$#" -gt 0 ]; do
    case $1 in
        --key | --certificate-identity-regexp) key=$2 && shift ;;
        --type) kind=$2 && shift ;;
        --*) ;;
        *) image=$1 ;;
    esac
    shift
done
record=$(dirname "$0")/record
# A key that was handed over as a file of its own is known by what it says.
if [ -f "$key" ]; then key=pem-$(cksum <"$key" | cut -d ' ' -f 1); fi
if [ -e "$record/$key/broken" ]; then
    printf 'Error: GET http://registry.example/v2/: connection refused\n' >&2
    exit 1
fi
case $verb in
    verify) answer=$record/$key/${image##*:}/signed ;;
    verify-attestation) answer=$record/$key/${image##*:}/$(printf '%s' "$kind" | tr ':' '_') ;;
    *) exit 2 ;;
esac
if [ -e "$answer" ]; then
    cat "$answer"
elif [ "$verb" = verify ]; then
    printf 'Error: no signatures found\nerror during command execution: no signatures found\n' >&2
    exit 10
else
    printf 'Error: none of the attestations matched the predicate type: %s, found: \n' "$kind" >&2
    exit 1
fi
