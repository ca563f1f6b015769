// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"
)

// IO is how commands reach the world.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// InTTY and OutTTY say that a person is there to type and to read.
	InTTY, OutTTY bool
	// OpenBrowser shows an address in the user's browser. It does not wait for
	// the browser. Nil: there is none.
	OpenBrowser func(url string) error
}

func systemIO() IO {
	return IO{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY:       term.IsTerminal(int(os.Stdin.Fd())),
		OutTTY:      term.IsTerminal(int(os.Stdout.Fd())),
		OpenBrowser: openBrowser,
	}
}

// print writes a line of the result.
func (i IO) print(format string, args ...any) {
	_, _ = fmt.Fprintf(i.Out, format+"\n", args...)
}

// note writes a line that is not the result.
func (i IO) note(format string, args ...any) {
	_, _ = fmt.Fprintf(i.Err, format+"\n", args...)
}

// printJSON writes v as one line of the result.
func (i IO) printJSON(v any) error {
	enc := json.NewEncoder(i.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table writes rows under a heading, in columns.
func (i IO) table(heading []string, rows [][]string) error {
	w := tabwriter.NewWriter(i.Out, 0, 4, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		for n, cell := range row {
			if n > 0 {
				_, _ = io.WriteString(w, "\t")
			}
			_, _ = io.WriteString(w, plain(cell))
		}
		_, _ = io.WriteString(w, "\n")
	}
	return w.Flush()
}

// plain makes text from outside harmless to a terminal: no control characters,
// and none that reorder or hide the others.
func plain(s string) string {
	out := []rune(s)
	for i, r := range out {
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			out[i] = '�'
		}
	}
	return string(out)
}
