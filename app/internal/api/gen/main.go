// SPDX-License-Identifier: Apache-2.0

// Command gen writes the documents that are made from the route table into the
// folder that is its argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/api"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string) error {
	doc, err := api.OpenAPI()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), doc, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "pipes-compat.md"), api.Compatibility(), 0o644)
}
