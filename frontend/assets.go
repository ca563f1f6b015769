// SPDX-License-Identifier: Apache-2.0

// Package frontend embeds the built page (folder dist), which the window and
// the browser UI serve. In a clone where the page was never built it holds
// placeholder.html only, which says what to run.
package frontend

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Assets returns the files of the page, with index.html at its root; without
// it when Built is false. Safe for concurrent use.
func Assets() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for an invalid path, and this one is a constant
	}
	return sub
}

// Built reports whether the page was built before the program was.
func Built() bool {
	f, err := dist.Open("dist/index.html")
	if err != nil {
		return false
	}
	return f.Close() == nil
}
