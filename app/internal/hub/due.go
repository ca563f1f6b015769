// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"time"
)

// The numbers of the refresh ahead of time.
const (
	// RefreshMargin is how long before its expiry a token is renewed, unless
	// its provider wants another margin; never more than half of its life.
	RefreshMargin = 15 * time.Minute
	// keepAlive is the part of a refresh token's idle life after which it is
	// used to keep it alive.
	keepAliveNum, keepAliveDen = 2, 3
)

// Minute counts the minutes since 1970. What is due is kept by the minute.
func Minute(t time.Time) int64 { return t.Unix() / 60 }

// Due is when tokens want to be renewed ahead of time; zero: never. It may lie
// in the past. d is what is known of their provider, or nil. Within the jitter,
// which is the connection's own for each generation, it always answers the same.
func (t *Tokens) Due(d *Descriptor) time.Time {
	set := &t.Current
	switch {
	case set.RefreshToken.IsZero():
		return time.Time{}
	case t.Intent != nil:
		return t.Intent.StartedAt // an answer was lost: find out what became of it
	}
	var at time.Time
	if !set.Expiry.IsZero() {
		// A fifth of jitter, towards the expiry.
		margin := set.Margin(d)
		at = set.Expiry.Add(-margin + time.Duration(t.jitter()*float64(margin)/5))
	}
	if alive := t.keepAlive(d); !alive.IsZero() && (at.IsZero() || alive.Before(at)) {
		at = alive
	}
	return at
}

// Margin is how long before its expiry a token is renewed. More than half of a
// life would be a refresh on end.
func (t *TokenSet) Margin(d *Descriptor) time.Duration {
	margin := RefreshMargin
	if d != nil && d.RefreshMargin > 0 {
		margin = d.RefreshMargin
	}
	return max(0, min(margin, t.Life()/2))
}

// keepAlive is when a refresh token must be used lest it dies of idleness, or of
// an age that a new one does not have; zero: never.
func (t *Tokens) keepAlive(d *Descriptor) time.Time {
	set := &t.Current
	var life time.Duration
	if d != nil {
		life = d.RefreshIdleLife
	}
	if !set.RefreshExpiry.IsZero() {
		// Where a new refresh token does not live any longer than this one,
		// each refresh finds a shorter rest; the last one is left alone.
		if rest := set.RefreshExpiry.Sub(set.IssuedAt); rest > 2*RefreshMargin && (life <= 0 || rest < life) {
			life = rest
		}
	}
	if life <= 0 {
		return time.Time{}
	}
	part := life / keepAliveDen * keepAliveNum
	return set.IssuedAt.Add(part + time.Duration(t.jitter()*float64(life-part)/5))
}

// jitter spreads what was issued together: in [0,1), by connection and
// generation.
func (t *Tokens) jitter() float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.Connection))
	_, _ = h.Write(strconv.AppendUint(nil, t.Generation, 10))
	return float64(h.Sum32()>>8) / (1 << 24)
}

func dueKind(minute int64) Kind { return KindDue.Of(strconv.FormatInt(minute, 10)) }

// DueIn names connections at which to look in a minute, limit at most, and
// reports whether there are more. That there is something to do is only to be
// seen there.
func (c *Connections) DueIn(ctx context.Context, minute int64, limit int) (ids []string, more bool, err error) {
	for rec, err := range c.store.List(ctx, dueKind(minute)) {
		if _, damaged := errors.AsType[*IntegrityError](err); damaged {
			continue // a hint whose name cannot be told leads nowhere
		}
		if err != nil {
			return nil, false, err
		}
		if len(ids) == limit {
			return ids, true, nil
		}
		ids = append(ids, rec.ID)
	}
	return ids, false, nil
}

// hint has tokens looked at when they are due. Earlier hints stay: whoever
// follows one finds that it is too early.
func (tx *ConnectionsTx) hint(t *Tokens) error {
	var d *Descriptor
	switch conn, err := tx.Connection(t.Connection); {
	case err == nil:
		d = tx.of.descriptor(conn.Integration)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	if at := t.Due(d); !at.IsZero() {
		return tx.LookAt(t.Connection, at)
	}
	return nil
}

// LookAt has a connection looked at, by whoever reads the index, at a time that
// is not before the present minute.
func (tx *ConnectionsTx) LookAt(id string, at time.Time) error {
	ref := Ref{dueKind(max(Minute(at), Minute(tx.of.now()))), id}
	_, err := tx.Get(ref)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	_, err = tx.Put(ref, 0, nil)
	return err
}

// LookedAt removes the hint to look at a connection in a minute.
func (tx *ConnectionsTx) LookedAt(id string, minute int64) error {
	return tx.Delete(Ref{dueKind(minute), id})
}
