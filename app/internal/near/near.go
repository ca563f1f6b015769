// SPDX-License-Identifier: Apache-2.0

// Package near finds what somebody meant who mistyped a name.
package near

import (
	"cmp"
	"slices"
	"strings"
)

// Names returns those of known, which are lower case, that are few keystrokes away
// from what was written, the nearest first.
func Names(written string, known []string) []string {
	type name struct {
		name     string
		distance int
	}
	var found []name
	most := max(2, len(written)/3)
	for _, k := range known {
		if d := editDistance(strings.ToLower(written), k); k != "" && d <= most {
			found = append(found, name{k, d})
		}
	}
	slices.SortFunc(found, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	out := make([]string, len(found))
	for i, f := range found {
		out[i] = f.name
	}
	return out
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
