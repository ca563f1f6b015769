#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the plugin protocol's definition and writes its Go code anew. Needs Go
# only: buf and the generators are built from pinned modules.
set -euo pipefail
cd "$(dirname "$0")/.."
buf() { go tool -modfile=tools/go.mod buf "$@"; }
buf lint sdk/proto
buf generate --template sdk/proto/buf.gen.yaml sdk/proto
cp sdk/proto/standpipe/provider/v1/provider.proto docs/plugins/node/provider.proto
