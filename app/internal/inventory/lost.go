// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

var lostRef = hub.Ref{Kind: hub.KindSetting, ID: "lost"}

// lostRecord is the stored form of what was lost, version 1.
type lostRecord struct {
	Version int `json:"v"`
	hub.Lost
}

// Lost is what a reset of lost keys left to reconnect, until it is reconnected
// or given up. Safe for concurrent use.
type Lost struct {
	Store       hub.Store
	Connections *hub.Connections
}

// Note puts what was lost into a new store.
func Note(ctx context.Context, store hub.Store, lost hub.Lost) error {
	if lost.Empty() {
		return nil
	}
	b, err := json.Marshal(lostRecord{1, lost})
	if err != nil {
		return err
	}
	return store.Update(ctx, func(tx hub.Tx) error {
		_, err := tx.Put(lostRef, 0, b)
		return err
	})
}

// List is what is still to be reconnected. An account that was connected again
// is not in it any more; of those that are not listed one by one, nobody can
// tell.
func (l *Lost) List(ctx context.Context) (hub.Lost, error) {
	rec, err := l.Store.Get(ctx, lostRef)
	if errors.Is(err, hub.ErrNotFound) {
		return hub.Lost{}, nil
	}
	if err != nil {
		return hub.Lost{}, err
	}
	var r lostRecord
	if json.Unmarshal(rec.Value, &r) != nil || r.Version != 1 {
		return hub.Lost{}, &hub.IntegrityError{Ref: lostRef, Detail: "not in the expected form"}
	}
	// Looked up with one listing: accounts by integration and hint.
	here := map[hub.LostAccount]int{}
	conns, err := l.Connections.Find(ctx, hub.Me, "")
	if err != nil {
		return hub.Lost{}, err
	}
	for _, c := range conns {
		here[hub.LostAccount{Integration: c.Integration, Account: c.Account.Hint()}]++
	}
	r.Accounts = slices.DeleteFunc(r.Accounts, func(a hub.LostAccount) bool {
		if here[a] == 0 {
			return false
		}
		here[a]-- // of two accounts with one hint, one is still missing
		return true
	})
	return r.Lost, nil
}

// Forget gives up what was not reconnected.
func (l *Lost) Forget(ctx context.Context) error {
	return l.Store.Update(ctx, func(tx hub.Tx) error { return tx.Delete(lostRef) })
}
