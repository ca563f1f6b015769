#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes the screenshot of the README: the accounts page, as an end-to-end test
# leaves it.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh test
go test ./app/e2e -count=1 -run 'TestPage/browser'
cp test-results/accounts-browser.png docs/screenshot.png
