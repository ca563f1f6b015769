// SPDX-License-Identifier: Apache-2.0

package cli

import "fmt"

// list shows all that there is: as JSON, in columns, or, where there is none,
// in the words of none.
func (e *env) list(all any, heading []string, rows [][]string, none string) error {
	switch {
	case e.json:
		return e.printJSON(all)
	case len(rows) == 0:
		e.print("%s", none)
		return nil
	}
	return e.table(heading, rows)
}

// count is a number of things in words.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
