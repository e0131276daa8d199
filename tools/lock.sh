#!/usr/bin/env bash
# Resolve the requirements anew, with hashes, for every Python and platform at once.
# Without --upgrade the pins stay where they are as long as pyproject.toml allows: `tools/lock.sh --upgrade`.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/python -m pip --disable-pip-version-check --quiet install 'uv>=0.9'
compile=(.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate)
"${compile[@]}" "$@" --group dev --group docs pyproject.toml --output-file requirements-dev.txt
"${compile[@]}" "$@" --extra build --constraints requirements-dev.txt pyproject.toml --output-file requirements-build.txt
# checkov lives in an environment of its own (tools/checkov.py): what it needs need not go with what we need.
"${compile[@]}" "$@" --output-file requirements-checkov.txt - <<<"checkov>=3.2"
# Loaded into the process of tools/sbom.py: what both need has one version.
"${compile[@]}" "$@" --constraints requirements-dev.txt --output-file requirements-sbom.txt - <<<"cyclonedx-python-lib[json-validation]>=11"
