// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"
)

// The bounds of a history, which is rewritten with each renewal.
const (
	maxMoments = 50
	maxMessage = 200 // bytes
)

// Moment is what became of a try to renew a connection's token.
type Moment struct {
	Time  time.Time // of its end, in whole seconds
	Cause Cause
	Token string // name of a further token; empty: the main one
	// Code and Message say why it failed, with a Reason where only the user can
	// help; all empty: the token was renewed.
	Code    Code
	Reason  Reason
	Message string
}

// Cause says why a token was to be renewed.
type Cause string

// The causes.
const (
	CauseAhead   Cause = "ahead"   // it was about to end; nobody waited
	CauseDraw    Cause = "draw"    // an app asked for it, and it had ended or did not live long enough
	CauseRefused Cause = "refused" // an app reported that the provider refuses it
	CauseAsked   Cause = "asked"   // somebody wanted another one, whatever the stored one was
	// CauseDisconnect: its authorization ended with another connection.
	CauseDisconnect Cause = "disconnect"
)

// Forced reports whether a token is renewed although it may still live.
func (c Cause) Forced() bool { return c == CauseRefused || c == CauseAsked }

// historyRecord is the stored form: one record for each connection, read by who
// looks at it and by who adds to it. A renewal ahead of time, which most are,
// takes some twenty bytes.
type historyRecord struct {
	Version int            `json:"v"`
	Moments []momentRecord `json:"m"` // oldest first
}

type momentRecord struct {
	Time    int64  `json:"t"`           // seconds since 1970
	Cause   Cause  `json:"y,omitempty"` // empty: CauseAhead
	Token   string `json:"n,omitempty"`
	Code    Code   `json:"c,omitempty"`
	Reason  Reason `json:"r,omitempty"`
	Message string `json:"m,omitempty"`
}

// History returns the latest moments that were noted of a connection, 50 at most,
// newest first. Where there are none, or their record is damaged, it is empty.
func (c *Connections) History(ctx context.Context, id string) ([]Moment, error) {
	rec, err := c.store.Get(ctx, historyRef(id))
	h, err := decodeHistory(rec, err)
	if err != nil {
		return nil, err
	}
	out := make([]Moment, 0, len(h))
	for _, m := range slices.Backward(h) {
		out = append(out, m.moment())
	}
	return out, nil
}

// Note adds a moment to the history of a connection. One that is damaged is begun
// anew: nothing hangs on it, and what is written with it must not fail.
func (tx *ConnectionsTx) Note(id string, m Moment) error {
	ref := historyRef(id)
	rec, err := tx.Get(ref)
	h, err := decodeHistory(rec, err)
	if err != nil {
		return err
	}
	h = append(h, recordOf(m))
	b, err := json.Marshal(historyRecord{recordVersion, h[max(0, len(h)-maxMoments):]})
	if err != nil {
		return err
	}
	_, err = Replace(tx, ref, rec.Generation, b)
	return err
}

func historyRef(id string) Ref { return Ref{KindHistory, id} }

// decodeHistory takes what a read of a record answered. One that cannot be read,
// and never will be, holds nothing.
func decodeHistory(rec Record, err error) ([]momentRecord, error) {
	var h historyRecord
	switch _, damaged := errors.AsType[*IntegrityError](err); {
	case errors.Is(err, ErrNotFound) || damaged:
		return nil, nil
	case err != nil:
		return nil, err
	case decode(rec, &h, func() int { return h.Version }) != nil:
		return nil, nil
	}
	return h.Moments, nil
}

func recordOf(m Moment) momentRecord {
	if m.Cause == CauseAhead {
		m.Cause = ""
	}
	if len(m.Message) > maxMessage {
		cut := maxMessage
		for !utf8.RuneStart(m.Message[cut]) {
			cut--
		}
		m.Message = m.Message[:cut] + "…"
	}
	return momentRecord{m.Time.Unix(), m.Cause, m.Token, m.Code, m.Reason, m.Message}
}

func (r *momentRecord) moment() Moment {
	m := Moment{time.Unix(r.Time, 0).UTC(), r.Cause, r.Token, r.Code, r.Reason, r.Message}
	if m.Cause == "" {
		m.Cause = CauseAhead
	}
	return m
}
