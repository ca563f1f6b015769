#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything: Go with the race detector, the page's unit tests, the end-to-end
# tests in Chromium and in the window against the servers of others.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/steps.sh

long=() skip=()
[[ -z ${STANDPIPE_TEST_LONG:-} ]] || long=(-timeout 60m) skip=(-skip '^TestPowerCut$')
pages() { make frontend && cd frontend && npm run --silent test; }
clean_clone_builds() {
  # In a clean clone, before the page is built and without a C compiler.
  local dir; dir=$(mktemp -d)
  git clone -q . "$dir/clone" && (cd "$dir/clone" && CGO_ENABLED=0 go build -o "$dir/standpipe" . && "$dir/standpipe" version)
  local code=$?; rm -rf "$dir"; return $code
}

step "go build in a clean clone" clean_clone_builds
step "page: build and unit tests" pages
step "build: hub, plugins, window" make build desktop
step "go test -race" go test -race -shuffle=on -timeout 15m "${long[@]}" $(go list ./... | grep -v '/app/e2e')
step "end to end: built product, Chromium, window, real servers" go test -count=1 -parallel 4 -timeout 20m "${long[@]}" "${skip[@]}" -v $(go list ./app/e2e/... | grep -v /e2e/security)
requirements=$(mktemp)
step "the front door, requirement by requirement" env STANDPIPE_REQUIREMENTS="$requirements" go test -count=1 -parallel 4 -timeout 20m "${long[@]}" ./app/e2e/security
printf '\n'; cat "$requirements"; rm -f "$requirements"
if [[ -n ${STANDPIPE_TEST_LONG:-} ]]; then
  # Its lanes wait for most of the time, so there are more of them than other tests at a time.
  STEP_SHOW=1 step "power cuts, 50 rounds without a window and 50 of the window" go test -count=1 -parallel 24 -timeout 60m -v -run '^TestPowerCut$' ./app/e2e
  step "fuzz" env FUZZ_TIME=3m tools/fuzz.sh
fi
summary
