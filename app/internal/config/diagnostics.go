// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Severity says whether a file can be used in spite of a diagnostic.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is one finding about a file. It holds no secret.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"` // what is wrong: one line, no full stop
	Detail   string   `json:"detail"`  // why, and how to mend it
	File     string   `json:"file"`
	// Line and Column begin at 1 and count characters; 0: the file as a whole.
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	In     string `json:"in,omitempty"` // the block: `integration "github"`
	// Source is the line as it stands, but for what may be a secret.
	Source string `json:"source,omitempty"`

	// caret is where the offending text begins in Source, width how long it is,
	// in characters.
	caret, width int
}

// Diagnostics are in the order of the file.
type Diagnostics []Diagnostic

// HasErrors reports whether any of them is more than a warning.
func (d Diagnostics) HasErrors() bool { return len(d.only(Error)) > 0 }

// Errors are those that make a file unusable.
func (d Diagnostics) Errors() Diagnostics { return d.only(Error) }

// Warnings are the others: notices to show to people.
func (d Diagnostics) Warnings() Diagnostics { return d.only(Warning) }

func (d Diagnostics) only(s Severity) Diagnostics {
	var out Diagnostics
	for _, one := range d {
		if one.Severity == s {
			out = append(out, one)
		}
	}
	return out
}

// Err is all errors as one, written as Write does; nil where there is none.
func (d Diagnostics) Err() error {
	errs := d.Errors()
	if len(errs) == 0 {
		return nil
	}
	var b strings.Builder
	_ = errs.Write(&b) // a strings.Builder never fails
	return errors.New(strings.TrimSpace(b.String()))
}

// Write prints them for people:
//
//	Error: There is no setting "listten"
//
//	  standpipe.hcl:2:1
//	    2 | listten = "127.0.0.1:4780"
//	      | ^^^^^^^
//
//	  Did you mean "listen"?
func (d Diagnostics) Write(w io.Writer) error {
	for i := range d {
		if _, err := io.WriteString(w, d[i].String()); err != nil {
			return err
		}
	}
	return nil
}

// String is the diagnostic for people, several lines.
func (d *Diagnostic) String() string {
	var b strings.Builder
	title := map[Severity]string{Error: "Error", Warning: "Warning"}[d.Severity]
	fmt.Fprintf(&b, "%s: %s\n\n  %s", title, d.Summary, d.File)
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", d.Line, d.Column)
	}
	if d.In != "" {
		fmt.Fprintf(&b, ", in %s", d.In)
	}
	b.WriteByte('\n')
	if strings.TrimSpace(d.Source) != "" {
		number := fmt.Sprintf("%5d", d.Line)
		fmt.Fprintf(&b, "%s | %s\n", number, strings.ReplaceAll(d.Source, "\t", " "))
		if d.width > 0 {
			fmt.Fprintf(&b, "%*s | %s%s\n", len(number), "", strings.Repeat(" ", d.caret), strings.Repeat("^", d.width))
		}
	}
	if d.Detail != "" {
		b.WriteByte('\n')
		for line := range strings.SplitSeq(d.Detail, "\n") {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	b.WriteByte('\n')
	return b.String()
}
