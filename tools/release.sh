#!/usr/bin/env bash
# Make a release, in three steps: docs/releases.md.
#
#   tools/release.sh [--dry-run] tag VERSION    CHANGELOG.md from changes.d, the version, a commit and a tag
#   tools/release.sh [--dry-run] build          sdist, wheel, executable, SBOMs, notes and SHA256SUMS, in dist/
#   tools/release.sh [--dry-run] sign KEY       dist/SHA256SUMS.sig, by an SSH key that this tree does not hold
#
# --dry-run prints the notes and each command that would change something, and changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
# Not the edgeadm that .venv may have from another tree.
export PYTHONPATH=$PWD
python=.venv/bin/python
init=edgeadm/__init__.py
dry=

main() {
    [ "${1:-}" != --dry-run ] || { dry=yes && shift; }
    [ -x "$python" ] || fail "there is no .venv" "make dist"
    case "${1:-}:$#" in
    tag:2) tag "$2" ;;
    build:1) build ;;
    sign:2) sign "$2" ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2 && exit 1 ;;
    esac
}

fail() {
    echo "error: $1" >&2
    [ -z "${2:-}" ] || echo "hint: $2" >&2
    exit 1
}

# Run a command that changes something; a dry run prints it.
run() {
    if [ -n "$dry" ]; then
        printf 'would run:' && printf ' %q' "$@" && echo
    else
        "$@"
    fi
}

version() { sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$init"; }

must_be_clean() {
    [ -z "$(git status --porcelain)" ] || fail "the tree has changes that are not committed" "git status"
}

tag() {
    local new=$1 now
    now=$(version)
    [[ $new =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "\`$new\` is no version" "MAJOR.MINOR.PATCH, such as 0.2.0"
    [ "$(printf '%s\n' "$now" "$new" | sort -V | tail -n 1)" = "$new" ] || fail "$new is older than $now"
    ! git rev-parse -q --verify "refs/tags/v$new" >/dev/null || fail "there is a tag v$new already"
    [ "$(git branch --show-current)" = main ] || fail "a release is made of the branch main" "git switch main"
    must_be_clean
    [ -n "$(find changes.d -name '*.md')" ] || fail "there is no fragment in changes.d: nothing has changed"
    echo "== notes of $new"
    .venv/bin/towncrier build --draft --version "$new" 2>/dev/null
    echo "== $now becomes $new"
    run sed -i "s/^__version__ = .*/__version__ = \"$new\"/" "$init"
    run .venv/bin/towncrier build --yes --version "$new"
    run git commit --quiet --all --message "Release $new"
    run git tag --annotate --message "edgeadm $new" "v$new"
    echo "next: git push --atomic origin main v$new"
}

build() {
    local now
    now=$(version)
    must_be_clean
    [ "$(git tag --points-at HEAD --list "v$now")" = "v$now" ] || fail "HEAD is not v$now" "git switch --detach v$now"
    run "$python" tools/dist.py
    run "$python" tools/sbom.py dist
    run mkdir -p build
    run notes "$now"
    run checksums
}

# The part of CHANGELOG.md that is about one version.
notes() {
    awk -v title="## $1 " 'index($0, "## ") == 1 { ours = index($0, title) == 1 } ours' CHANGELOG.md >build/NOTES.md
    [ -s build/NOTES.md ] || fail "CHANGELOG.md has no notes of $1"
}

checksums() {
    (cd dist && find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum >SHA256SUMS)
}

sign() {
    [ -f dist/SHA256SUMS ] || fail "there is no dist/SHA256SUMS" "tools/release.sh build, or download the draft"
    (cd dist && sha256sum --check --strict --quiet SHA256SUMS) || fail "a file is not what its checksum says"
    run rm -f dist/SHA256SUMS.sig
    run ssh-keygen -q -Y sign -f "$1" -n edgeadm-release dist/SHA256SUMS
}

main "$@"
