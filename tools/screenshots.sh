#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes the pictures in docs/screenshots, of the built product with its sandbox.
# Look at them before you commit them.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh test
go test -tags screenshots ./app/e2e -count=1 -run '^TestScreenshots$'
du -ch docs/screenshots/*.png
