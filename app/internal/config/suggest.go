// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean is a sentence that names the known word nearest to what was
// written, or all of them where none is near.
func didYouMean(written string, known []string) string {
	known = slices.DeleteFunc(slices.Sorted(slices.Values(known)), func(k string) bool { return k == "" })
	best, distance := "", max(2, len(written)/3)+1
	for _, k := range known {
		if d := editDistance(strings.ToLower(written), k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("Did you mean %q?", best)
	}
	return "There are: " + strings.Join(known, ", ") + "."
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
