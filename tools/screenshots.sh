#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes the pictures in docs/screenshots, of the built product with its sandbox.
# Look at them before you commit them.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh test
# The page shows the version that was built.
VERSION=$(git describe --tags --abbrev=0 2>/dev/null || echo dev)
export VERSION
rm -f bin/standpipe
go test -tags screenshots ./app/e2e -count=1 -run '^TestScreenshots$'
rm -f bin/standpipe
du -ch docs/screenshots/*.png
