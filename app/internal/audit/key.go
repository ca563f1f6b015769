// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"crypto/hpke"
	"encoding/json"
	"errors"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// What the log keeps in the store, where it is sealed and cannot be put back
// unnoticed.
var (
	keyRef    = hub.Ref{Kind: hub.KindAudit, ID: "key"}     // the private key
	anchorRef = hub.Ref{Kind: hub.KindAnchor, ID: "anchor"} // an anchor, as JSON
)

// privateKey returns the key that opens the log. It is read each time, so that
// a locked store locks the log too.
func privateKey(ctx context.Context, store hub.Store) (hpke.PrivateKey, error) {
	rec, err := store.Get(ctx, keyRef)
	if err != nil {
		return nil, err
	}
	defer clear(rec.Value)
	k, err := kem().NewPrivateKey(rec.Value)
	if err != nil {
		return nil, &hub.IntegrityError{Ref: keyRef, Detail: "it is no key"}
	}
	return k, nil
}

// makeKey returns the key of the log, and makes it where there is none.
func makeKey(ctx context.Context, store hub.Store) (hpke.PrivateKey, error) {
	k, err := privateKey(ctx, store)
	if !errors.Is(err, hub.ErrNotFound) {
		return k, err
	}
	if k, err = kem().GenerateKey(); err != nil {
		return nil, err
	}
	b, err := k.Bytes()
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return k, store.Update(ctx, func(tx hub.Tx) error {
		_, err := tx.Put(keyRef, 0, b)
		return err
	})
}

// anchor is what the store remembers of the log: a line that must be there.
type anchor struct {
	head
	First uint64 `json:"first"` // the oldest line that was kept then
}

// loadAnchor returns the anchor that was saved last, or the zero one.
func loadAnchor(ctx context.Context, store hub.Store) (a anchor, err error) {
	rec, err := store.Get(ctx, anchorRef)
	if errors.Is(err, hub.ErrNotFound) {
		return anchor{}, nil
	}
	if err != nil {
		return anchor{}, err
	}
	if err := json.Unmarshal(rec.Value, &a); err != nil {
		return anchor{}, &hub.IntegrityError{Ref: anchorRef, Detail: "not in the expected form"}
	}
	return a, nil
}

func saveAnchor(ctx context.Context, store hub.Store, a anchor) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return store.Update(ctx, func(tx hub.Tx) error {
		rec, err := tx.Get(anchorRef)
		if err != nil && !errors.Is(err, hub.ErrNotFound) {
			return err
		}
		_, err = tx.Put(anchorRef, rec.Generation, b)
		return err
	})
}
