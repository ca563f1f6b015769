// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxProblems bounds a report; what is wrong everywhere is known by then.
const maxProblems = 1000

// Verify checks every line that is kept: that it opens, that it is the one that
// was written there, that none is missing before it, and that the end is there.
func (l *Log) Verify(ctx context.Context) (hub.AuditReport, error) {
	// The anchor and the writer's memory first: what they name is in the files
	// that are opened afterwards.
	anchor, err := loadAnchor(ctx, l.cfg.Store)
	if err != nil {
		return hub.AuditReport{}, err
	}
	written := *l.written.Load()
	key, files, err := l.openToRead(ctx)
	if err != nil {
		return hub.AuditReport{}, err
	}
	defer files.close()
	v := verifier{unsealer: unsealer{private: key}, ends: []head{anchor.head, written.head}}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return hub.AuditReport{}, err
		}
		v.file = filepath.Base(f.Name())
		for n, raw := range rawLines(f) {
			v.check(n, raw)
		}
	}
	v.finish()
	return v.report, nil
}

type verifier struct {
	unsealer
	report hub.AuditReport
	file   string
	last   head // of the last line whose number is believed
	bad    bool // that line has been named already
	sealed bool // a sealed line was seen
	first  uint64
	ends   []head // lines that must be there
}

func (v *verifier) problem(line int, seq uint64, format string, args ...any) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, hub.AuditProblem{File: v.file, Line: line, Seq: seq, Message: fmt.Sprintf(format, args...)})
	}
}

func (v *verifier) check(n int, raw []byte) {
	o, err := v.open(raw)
	if o.Seq == 0 || o.Version > version {
		v.problem(n, 0, "%v", err)
		return
	}
	if err == nil && o.Version == unsealed {
		v.checkUnsealed(n, &o)
		return
	}
	if v.report.First == 0 {
		v.report.First = o.Seq
	}
	switch {
	case v.last.Seq > 0 && o.Seq <= v.last.Seq:
		v.problem(n, o.Seq, "line %d stands after line %d: it was moved, or put in", o.Seq, v.last.Seq)
		return // the numbers before it are believed
	case err != nil:
		v.missing(n, o.Seq)
		v.problem(n, o.Seq, "%v", err)
		v.last, v.bad, v.sealed = head{o.Seq, o.hash}, true, true
		return
	}
	if !v.missing(n, o.Seq) && !v.bad && v.last.Seq > 0 && !bytes.Equal(o.Prev, v.last.Hash) {
		v.problem(n, v.last.Seq, "the line before this is not the one that was written there")
	}
	if o.start != nil {
		v.first = o.start.First
	} else {
		v.report.Entries++
	}
	v.last, v.bad, v.sealed = head{o.Seq, o.hash}, false, true
	v.meet()
}

func (v *verifier) checkUnsealed(n int, o *opened) {
	if v.sealed {
		v.problem(n, o.Seq, "a line of the earlier format stands among sealed ones: it was put in")
		return
	}
	if v.report.First == 0 {
		v.report.First = o.Seq
	}
	v.report.Entries++
	v.report.Unsealed++
	v.last, v.bad = head{o.Seq, o.hash}, false
	v.meet()
}

// missing names the gap before a line.
func (v *verifier) missing(n int, seq uint64) bool {
	if v.last.Seq == 0 || seq == v.last.Seq+1 {
		return false
	}
	if from, to := v.last.Seq+1, seq-1; from == to {
		v.problem(n, from, "line %d is missing before this one", from)
	} else {
		v.problem(n, from, "lines %d to %d are missing before this one", from, to)
	}
	return true
}

// meet compares a line with what is remembered of its number.
func (v *verifier) meet() {
	for _, e := range v.ends {
		if e.Seq == v.last.Seq && !bytes.Equal(e.Hash, v.last.Hash) {
			v.problem(0, e.Seq, "line %d is another one than the vault remembers", e.Seq)
		}
	}
}

func (v *verifier) finish() {
	v.file = ""
	if v.first > 0 && v.report.First > v.first {
		v.problem(0, v.first, "the audit begins with line %d, and should begin with line %d", v.report.First, v.first)
	}
	end := uint64(0)
	for _, e := range v.ends {
		end = max(end, e.Seq)
	}
	v.report.Last = v.last.Seq
	switch {
	case end == v.last.Seq+1:
		v.problem(0, end, "line %d is missing at the end", end)
	case end > v.last.Seq:
		v.problem(0, v.last.Seq+1, "lines %d to %d are missing at the end", v.last.Seq+1, end)
	}
}
