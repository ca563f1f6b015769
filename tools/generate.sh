#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes every generated file anew.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/generate-proto.sh
go generate ./app/...
tools/generate-sdk-reference.sh
