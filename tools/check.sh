#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Format, lint, generated files fresh, dependency rules.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/steps.sh

unformatted() { local f; f=$(gofmt -l app configs frontend/*.go plugins sdk tools/bench *.go); [[ -z $f ]] || { echo "not gofmt-ed:"; echo "$f"; return 1; }; }
fresh() {
  local before after
  before=$(git status --porcelain; git diff | sha256sum)
  tools/generate.sh
  after=$(git status --porcelain; git diff | sha256sum)
  [[ $before == "$after" ]] || { git status --short; echo "generated files were not fresh: commit what 'make generate' writes"; return 1; }
}

step "format" unformatted
step "vet" go vet ./...
step "vet, the provider of zitadel" go -C app/e2e/servers/zitadel vet .
step "vet, window" go vet -tags desktop,production,webkit2_41 ./app/desktop .
# What only the window uses is unused in a build without it.
step "staticcheck" bash -c 'go tool -modfile=tools/go.mod staticcheck $(go list ./... | grep -v /app/desktop$)'
step "staticcheck, window" go tool -modfile=tools/go.mod staticcheck -tags desktop,production,webkit2_41 ./app/desktop .
step "other systems" bash -c 'for os in darwin windows; do GOOS=$os CGO_ENABLED=0 go build -o /dev/null . ./plugins/... || exit 1; done'
step "generated files" fresh
step "plugins of the previous release" tools/api-diff.sh
step "dependency rules" go test -count=1 ./app -run 'TestImports|TestLightDependencies|TestFiles|TestMap|TestQuirksAreCited'
step "page" bash -c 'make frontend/node_modules/.package-lock.json && cd frontend && npm run --silent lint && npm run --silent check'
step "size of the page and the element" bash -c 'make frontend && tools/size.sh'
summary
