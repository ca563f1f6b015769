// SPDX-License-Identifier: Apache-2.0

// Command standpipe-provider-oauth2 connects accounts of declared providers:
// those whose OAuth 2.0 is plain enough to be given as data. It knows none of
// them by itself; the host sends their definitions.
package main

import (
	"log/slog"
	"os"

	"github.com/standpipe/standpipe/sdk"
)

func main() {
	// The host reads stderr line by line, bounds it and takes out secrets.
	sdk.Serve(&provider{log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}
