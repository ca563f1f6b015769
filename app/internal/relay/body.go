// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"bytes"
	"io"
	"time"
)

// plain is the body of an answer, which breaks off where it repeats the token.
// Nothing is held back but what may be the beginning of it.
type plain struct {
	io.ReadCloser
	token []byte
	out   []byte // to be passed on
	held  []byte
	err   error // after out
	buf   [32 << 10]byte
}

func (p *plain) Read(b []byte) (int, error) {
	for len(p.out) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		n, err := p.ReadCloser.Read(p.buf[:])
		seen := append(p.held, p.buf[:n]...)
		if bytes.Contains(seen, p.token) {
			p.err = errEcho
			continue
		}
		cut := len(seen)
		if p.err = err; err == nil {
			cut -= begun(seen, p.token)
		}
		p.out, p.held = seen[:cut], bytes.Clone(seen[cut:])
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}

// begun is how many bytes at the end of b are the beginning of token.
func begun(b, token []byte) int {
	for n := min(len(b), len(token)-1); n > 0; n-- {
		if bytes.HasPrefix(token, b[len(b)-n:]) {
			return n
		}
	}
	return 0
}

// idle is a body that ends the call when nothing comes for too long.
type idle struct {
	io.ReadCloser
	timer *time.Timer
}

func newIdle(body io.ReadCloser, end func()) *idle {
	return &idle{ReadCloser: body, timer: time.AfterFunc(answerTimeout, end)}
}

func (i *idle) Read(b []byte) (int, error) {
	n, err := i.ReadCloser.Read(b)
	i.timer.Reset(answerTimeout)
	return n, err
}

// Close implements io.Closer. Nothing is read after it.
func (i *idle) Close() error {
	i.timer.Stop()
	return i.ReadCloser.Close()
}
