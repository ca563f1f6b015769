// SPDX-License-Identifier: Apache-2.0

// Package configs holds the files that come with Standpipe: the definitions of
// declared providers, built in so that the program needs no folder beside it,
// and the examples, which are there to be read.
package configs

import (
	"embed"
	"io/fs"
)

//go:embed providers/*.hcl providers/*.svg
var files embed.FS

// Providers is the folder of the bundled definitions, with their icons.
func Providers() fs.FS {
	dir, err := fs.Sub(files, "providers")
	if err != nil {
		panic("configs: " + err.Error()) // the name is a constant and valid
	}
	return dir
}
