// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// record is the stored form of an app, version 1. Of the key it holds the
// SHA-256: enough to know it again, and nothing to use, since a key has 256
// bits of its own and cannot be guessed from its hash.
type record struct {
	Version   int           `json:"v"`
	Name      string        `json:"name"`
	Kind      hub.AppKind   `json:"kind"`
	KeyHash   []byte        `json:"key_hash"`
	All       bool          `json:"all,omitempty"`
	Grants    []grantRecord `json:"grants,omitempty"`
	Program   *hub.Peer     `json:"program,omitempty"`
	Drawn     []drawnRecord `json:"drawn,omitempty"`
	CreatedAt time.Time     `json:"created_at"`
	LastUsed  time.Time     `json:"last_used,omitzero"`
	ExpiresAt time.Time     `json:"expires_at,omitzero"`
	Life      time.Duration `json:"life_ns,omitempty"` // of the key
}

type grantRecord struct {
	ID          string        `json:"id"`
	Integration string        `json:"integration"`
	Connection  string        `json:"connection,omitempty"`
	Scopes      []string      `json:"scopes,omitempty"`
	AcceptWider bool          `json:"accept_wider,omitempty"`
	Audience    string        `json:"audience,omitempty"`
	Mode        hub.GrantMode `json:"mode,omitempty"`  // empty: token
	Lasts       hub.GrantLife `json:"lasts,omitempty"` // empty: always
	ExpiresAt   time.Time     `json:"expires_at,omitzero"`
	CreatedAt   time.Time     `json:"created_at,omitzero"`
}

type drawnRecord struct {
	Connection  string    `json:"connection"`
	Integration string    `json:"integration"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
}

const recordVersion = 1

func ref(id string) hub.Ref { return hub.Ref{Kind: hub.KindApp, ID: id} }

func encode(e *entry) ([]byte, error) {
	app := &e.app
	r := record{
		Version: recordVersion, Name: app.Name, Kind: app.Kind, KeyHash: e.hash[:], All: app.All,
		CreatedAt: app.CreatedAt, LastUsed: e.use.last, ExpiresAt: app.ExpiresAt, Life: e.life,
	}
	if app.Program != (hub.Peer{}) {
		r.Program = &app.Program
	}
	for _, g := range app.Grants {
		r.Grants = append(r.Grants, grantRecord(g))
	}
	for _, id := range slices.Sorted(maps.Keys(e.use.drawn)) {
		r.Drawn = append(r.Drawn, drawnRecord(e.use.drawn[id]))
	}
	return json.Marshal(r)
}

func decode(rec hub.Record) (*entry, error) {
	var r record
	if err := json.Unmarshal(rec.Value, &r); err != nil || r.Version == recordVersion && len(r.KeyHash) != sha256.Size {
		return nil, &hub.IntegrityError{Ref: rec.Ref, Detail: "not in the expected form"}
	}
	if r.Version != recordVersion {
		return nil, hub.OtherFormat(fmt.Sprintf("the app %q", rec.ID), r.Version, recordVersion)
	}
	e := &entry{use: use{last: r.LastUsed, stored: r.LastUsed}}
	e.hash, e.generation = [sha256.Size]byte(r.KeyHash), rec.Generation
	e.life = cmp.Or(r.Life, r.ExpiresAt.Sub(r.CreatedAt))
	e.app = hub.App{ID: rec.ID, Name: r.Name, Kind: r.Kind, All: r.All, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt}
	if r.Program != nil {
		e.app.Program = *r.Program
	}
	for _, g := range r.Grants {
		g.Mode, g.Lasts = cmp.Or(g.Mode, hub.GrantToken), cmp.Or(g.Lasts, hub.LastsAlways)
		e.app.Grants = append(e.app.Grants, hub.Grant(g))
	}
	for _, d := range r.Drawn {
		e.use.draw(hub.Drawn(d))
	}
	return e, nil
}
