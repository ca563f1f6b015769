// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"sync/atomic"
	"time"
)

// watch tells a disk that does not answer from one that has much to do: it
// measures what is being done, not how long somebody has waited for his turn.
// The zero value is ready to use; one thing is done at a time.
type watch struct{ until atomic.Pointer[time.Time] }

// while runs f, which should take no longer than patience.
func (w *watch) while(patience time.Duration, f func() error) error {
	until := time.Now().Add(patience)
	w.until.Store(&until)
	defer w.until.Store(nil)
	return f()
}

// overdue reports whether what is being done takes longer than it should.
func (w *watch) overdue() bool {
	until := w.until.Load()
	return until != nil && !time.Now().Before(*until)
}
