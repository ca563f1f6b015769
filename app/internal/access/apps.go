// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"
	"time"
	"unicode"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The prefixes of keys say which kind they are, to people and to scanners.
const (
	localPrefix  = "sp_app_"
	serverPrefix = "sp_key_"
)

const (
	keyBytes    = 32
	keyLength   = 43 // of 32 bytes in base 62
	defaultLife = 365 * 24 * time.Hour
	maxName     = 64
	maxGrants   = 200
)

// Add registers an app and returns its key, which is nowhere to be had again.
// A server without grants is one without a limit.
func (a *Access) Add(ctx context.Context, req hub.NewApp) (*hub.App, string, error) {
	now := a.cfg.Now()
	e := &entry{}
	e.life = cmp.Or(req.ExpiresIn, defaultLife)
	e.app = hub.App{
		ID: a.cfg.NewID("app"), Name: strings.TrimSpace(req.Name), Kind: cmp.Or(req.Kind, hub.AppLocal), All: req.All,
		Program: req.Program, CreatedAt: now, ExpiresAt: now.Add(e.life),
	}
	if err := validate(&e.app, req.ExpiresIn); err != nil {
		return nil, "", err
	}
	if len(req.Grants) > maxGrants {
		return nil, "", invalid("grants", "an app has at most %d grants", maxGrants)
	}
	if e.app.Kind == hub.AppServer && len(req.Grants) == 0 {
		e.app.All = true
	}
	for _, g := range req.Grants {
		g, err := a.newGrant(g)
		if err != nil {
			return nil, "", err
		}
		if g.Lasts.Stored() {
			e.app.Grants = append(e.app.Grants, g)
		} else {
			e.session = append(e.session, g)
		}
	}
	key := newKey(e.app.Kind)
	e.hash = sha256.Sum256([]byte(key))
	if err := a.audit(ctx, hub.AuditEntry{Action: hub.AuditAppAdd, Subject: e.app.ID}); err != nil {
		return nil, "", err
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	if err := a.write(ctx, e); err != nil {
		return nil, "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.apps[e.app.ID], a.keys[e.hash] = e, e
	a.changed(e.app.ID)
	return e.public(), key, nil
}

// Rotate gives an app a new key, which is nowhere to be had again. The old one
// opens nothing when it returns. expiresIn zero means the life that the old key
// was given.
func (a *Access) Rotate(ctx context.Context, id string, expiresIn time.Duration) (*hub.App, string, error) {
	if expiresIn < 0 {
		return nil, "", invalid("expires_in", "the key would have expired already")
	}
	app, _ := a.live(id)
	if app == nil {
		return nil, "", noApp(id)
	}
	if err := a.audit(ctx, hub.AuditEntry{Action: hub.AuditAppRotate, Subject: id}); err != nil {
		return nil, "", err
	}
	key := newKey(app.Kind)
	app, err := a.change(ctx, id, func(e *stored) error {
		now := a.cfg.Now()
		life := cmp.Or(expiresIn, e.life, defaultLife)
		e.hash, e.life = sha256.Sum256([]byte(key)), life
		e.app.ExpiresAt = now.Add(life)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return app, key, nil
}

// Rename gives an app another name.
func (a *Access) Rename(ctx context.Context, id, name string) (*hub.App, error) {
	name = strings.TrimSpace(name)
	if err := checkName(name); err != nil {
		return nil, err
	}
	if app, _ := a.live(id); app == nil {
		return nil, noApp(id)
	}
	if err := a.audit(ctx, hub.AuditEntry{Action: hub.AuditAppRename, Subject: id}); err != nil {
		return nil, err
	}
	return a.change(ctx, id, func(e *stored) error {
		e.app.Name = name
		return nil
	})
}

// Revoke ends an app: when it returns, its key opens nothing. What it drew lives
// on, and is returned, unless the app is damaged.
func (a *Access) Revoke(ctx context.Context, id string) ([]hub.Drawn, error) {
	app, _ := a.live(id)
	if e := a.damage(id); app == nil && e != nil {
		return nil, a.discard(ctx, id, e)
	}
	if app == nil {
		return nil, noApp(id)
	}
	if err := a.audit(ctx, hub.AuditEntry{Action: hub.AuditAppRemove, Subject: id, Name: app.Name}); err != nil {
		return nil, err
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	err := a.cfg.Store.Update(ctx, func(tx hub.Tx) error { return tx.Delete(ref(id)) })
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	e := a.apps[id]
	if e == nil { // two did it at once
		a.mu.Unlock()
		return nil, noApp(id)
	}
	delete(a.apps, id)
	delete(a.keys, e.hash)
	a.mu.Unlock()
	a.asked.drop(func(q *question) bool { return q.App == id })
	a.changed(id)
	return e.use.living(a.cfg.Now()), nil
}

func validate(app *hub.App, expiresIn time.Duration) error {
	if err := checkName(app.Name); err != nil {
		return err
	}
	switch {
	case app.Kind != hub.AppLocal && app.Kind != hub.AppServer:
		return invalid("kind", "an app is an %q or a %q", hub.AppLocal, hub.AppServer)
	case expiresIn < 0:
		return invalid("expires_in", "the key would have expired already")
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return invalid("name", "the name of an app has 1 to %d characters", maxName)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return invalid("name", "the name of an app cannot hold control characters")
	}
	return nil
}

func invalid(field, format string, args ...any) error {
	e := hub.Errorf(hub.CodeInvalid, format, args...)
	e.Field = field
	return e
}

// newKey returns a key of 256 random bits, in letters and digits only so that a
// double click takes all of it.
func newKey(kind hub.AppKind) string {
	prefix := localPrefix
	if kind == hub.AppServer {
		prefix = serverPrefix
	}
	return prefix + random()
}

// random is 256 random bits in base 62.
func random() string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	s := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", keyLength-len(s)) + s
}
