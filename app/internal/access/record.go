// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/sha256"
	"encoding/json"
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
	CreatedAt time.Time     `json:"created_at"`
	LastUsed  time.Time     `json:"last_used,omitzero"`
	ExpiresAt time.Time     `json:"expires_at,omitzero"`
}

type grantRecord struct {
	ID          string `json:"id"`
	Integration string `json:"integration"`
	Connection  string `json:"connection,omitempty"`
}

const recordVersion = 1

func ref(id string) hub.Ref { return hub.Ref{Kind: hub.KindApp, ID: id} }

func encode(app *hub.App, hash [sha256.Size]byte) ([]byte, error) {
	r := record{
		Version: recordVersion, Name: app.Name, Kind: app.Kind, KeyHash: hash[:], All: app.All,
		CreatedAt: app.CreatedAt, LastUsed: app.LastUsed, ExpiresAt: app.ExpiresAt,
	}
	for _, g := range app.Grants {
		r.Grants = append(r.Grants, grantRecord(g))
	}
	return json.Marshal(r)
}

func decode(rec hub.Record) (*entry, error) {
	var r record
	if err := json.Unmarshal(rec.Value, &r); err != nil || r.Version == recordVersion && len(r.KeyHash) != sha256.Size {
		return nil, &hub.IntegrityError{Ref: rec.Ref, Detail: "not in the expected form"}
	}
	if r.Version != recordVersion {
		return nil, hub.Errorf(hub.CodeStorage, "the app %q was written by another version of standpipe (format %d, this one reads %d)", rec.ID, r.Version, recordVersion).
			WithRemedy("Start the newer version.")
	}
	e := &entry{
		app: hub.App{
			ID: rec.ID, Name: r.Name, Kind: r.Kind, All: r.All,
			CreatedAt: r.CreatedAt, LastUsed: r.LastUsed, ExpiresAt: r.ExpiresAt,
		},
		hash:       [sha256.Size]byte(r.KeyHash),
		generation: rec.Generation,
		usedStored: r.LastUsed,
	}
	for _, g := range r.Grants {
		e.app.Grants = append(e.app.Grants, hub.Grant(g))
	}
	return e, nil
}
