// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report is what was measured, in the order in which it was.
type report struct{ rows []row }

type row struct {
	what, required, seen string
	ok                   bool
}

func (r *report) add(ok bool, what, required, seen string, args ...any) {
	r.rows = append(r.rows, row{what, required, fmt.Sprintf(seen, args...), ok})
}

// note adds a figure of which nothing is required.
func (r *report) note(what, seen string, args ...any) {
	r.rows = append(r.rows, row{what, "", fmt.Sprintf(seen, args...), true})
}

// print writes the table and reports whether all that is required was reached.
func (r *report) print(w io.Writer) bool {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\trequired\tseen\t")
	for _, row := range r.rows {
		mark := ""
		if !row.ok {
			mark = "  <-- not reached"
		}
		fmt.Fprintf(t, "%s\t%s\t%s%s\t\n", row.what, row.required, row.seen, mark)
	}
	_ = t.Flush()
	return !slices.ContainsFunc(r.rows, func(r row) bool { return !r.ok })
}

func median[T cmp.Ordered](v []T) T {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// spread is the least and the most of what the rounds saw.
func spread[T cmp.Ordered](v []T, format func(T) string) string {
	return fmt.Sprintf("%s to %s", format(slices.Min(v)), format(slices.Max(v)))
}

// ratio formats a quotient.
func ratio(f float64) string { return fmt.Sprintf("%.2f", f) }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

// fine is ms for what takes less than one.
func fine(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}

func mib(kib int) string { return fmt.Sprintf("%.1f MiB", float64(kib)/1024) }
