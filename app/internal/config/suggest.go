// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/near"
)

// didYouMean is a sentence that names the known word nearest to what was
// written, or all of them where none is near.
func didYouMean(written string, known []string) string {
	known = slices.DeleteFunc(slices.Sorted(slices.Values(known)), func(k string) bool { return k == "" })
	if names := near.Names(written, known); len(names) > 0 {
		return fmt.Sprintf("Did you mean %q?", names[0])
	}
	return "There are: " + strings.Join(known, ", ") + "."
}
