// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Bounds of pairing, which anybody on this machine may begin.
const (
	maxPairings  = 10
	pairingLife  = 10 * time.Minute
	maxAsked     = 20 // grants of one
	pollPrefix   = "sp_pair_"
	codeLength   = 8
	codeAlphabet = "BCDFGHJKLMNPQRSTVWXZ" // no vowels, no words; nothing that looks like a digit
)

// pairings are those that wait. The zero value is ready to use.
type pairings struct {
	mu     sync.Mutex
	byCode map[string]*pairing
}

// pairing is guarded by pairings.mu.
type pairing struct {
	hub.Pairing
	secret    [sha256.Size]byte
	name      string // as the user calls it
	expiresIn time.Duration
	denied    bool
	claimed   bool          // its key is being made
	answered  chan struct{} // closed by the answer
}

// Pair notes that a program wants a key. It returns the secret with which that
// program, and no other, can collect it.
func (a *Access) Pair(_ context.Context, req hub.NewPairing) (*hub.Pairing, string, error) {
	req.Name = strings.TrimSpace(req.Name)
	if err := checkName(req.Name); err != nil {
		return nil, "", err
	}
	if len(req.Grants) > maxAsked {
		return nil, "", invalid("grants", "a program asks for at most %d things", maxAsked)
	}
	for i := range req.Grants {
		if err := req.Grants[i].Validate(); err != nil {
			return nil, "", err
		}
	}
	now, secret := a.cfg.Now(), pollPrefix+random()
	p := &pairing{secret: sha256.Sum256([]byte(secret)), answered: make(chan struct{}), Pairing: hub.Pairing{
		Name: req.Name, Program: req.Program, Grants: req.Grants, CreatedAt: now, ExpiresAt: now.Add(pairingLife),
	}}
	if err := a.pairings.add(p, now); err != nil {
		return nil, "", err
	}
	a.pairingChanged(p.Code)
	out := p.Pairing
	return &out, secret, nil
}

func (ps *pairings) add(p *pairing, now time.Time) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.prune(now)
	if len(ps.byCode) >= maxPairings {
		// One that was refused only waits to learn it.
		for code, old := range ps.byCode {
			if old.denied {
				delete(ps.byCode, code)
				break
			}
		}
	}
	if len(ps.byCode) >= maxPairings {
		return &hub.Error{Code: hub.CodeTooManyRequests, Message: "too many programs wait to be paired already", Remedy: "Answer them in the window, or with `standpipe apps pairings`."}
	}
	if ps.byCode == nil {
		ps.byCode = map[string]*pairing{}
	}
	for p.Code == "" || ps.byCode[p.Code] != nil {
		p.Code = newCode()
	}
	ps.byCode[p.Code] = p
	return nil
}

// prune needs pairings.mu held.
func (ps *pairings) prune(now time.Time) {
	for code, p := range ps.byCode {
		if !now.Before(p.ExpiresAt) && !p.claimed {
			delete(ps.byCode, code)
		}
	}
}

// Pairings lists the programs that wait for an answer, and those that were
// allowed and have not collected their key; oldest first.
func (a *Access) Pairings(context.Context) []hub.Pairing {
	ps := &a.pairings
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.prune(a.cfg.Now())
	out := []hub.Pairing{}
	for _, p := range ps.byCode {
		if !p.denied {
			out = append(out, p.Pairing)
		}
	}
	slices.SortFunc(out, func(a, b hub.Pairing) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// ApprovePairing lets the program with a code collect a key. The app exists once
// it has.
func (a *Access) ApprovePairing(ctx context.Context, code string, yes hub.ApprovePairing) error {
	name := strings.TrimSpace(yes.Name)
	if name != "" {
		if err := checkName(name); err != nil {
			return err
		}
	}
	if yes.ExpiresIn < 0 {
		return invalid("expires_in", "the key would have expired already")
	}
	for i := range yes.Grants {
		if err := yes.Grants[i].Validate(); err != nil {
			return err
		}
	}
	return a.answerPairing(ctx, code, hub.AuditAllowed, func(p *pairing) {
		p.Approved, p.name, p.expiresIn = true, cmp.Or(name, p.Name), yes.ExpiresIn
		if yes.Grants != nil {
			p.Grants = yes.Grants
		}
		p.ExpiresAt = a.cfg.Now().Add(pairingLife) // to collect it
	})
}

// DenyPairing refuses.
func (a *Access) DenyPairing(ctx context.Context, code string) error {
	return a.answerPairing(ctx, code, hub.AuditDenied, func(p *pairing) { p.denied = true })
}

func (a *Access) answerPairing(ctx context.Context, code string, d hub.AuditDecision, answer func(*pairing)) error {
	code = cleanCode(code)
	if _, err := a.pairings.open(code, a.cfg.Now()); err != nil {
		return err
	}
	if err := a.audit(ctx, hub.AuditEntry{Action: hub.AuditAppPair, Decision: d, Subject: code}); err != nil {
		return err
	}
	ps := &a.pairings
	p, err := ps.open(code, a.cfg.Now())
	if err != nil {
		return err
	}
	ps.mu.Lock()
	if !p.Approved && !p.denied {
		answer(p)
		close(p.answered)
	}
	ps.mu.Unlock()
	a.pairingChanged(code)
	return nil
}

// open is a pairing without an answer.
func (ps *pairings) open(code string, now time.Time) (*pairing, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.prune(now)
	p := ps.byCode[code]
	switch {
	case p == nil:
		return nil, hub.Errorf(hub.CodeNotFound, "no program with the code %q waits to be paired", code).
			WithRemedy("`standpipe apps pairings` lists those that wait. After ten minutes a program has to ask again.")
	case p.Approved || p.denied:
		return nil, hub.Errorf(hub.CodeConflict, "the program with the code %q has its answer already", code).
			WithRemedy("`standpipe apps list` shows it, once it has collected its key.")
	}
	return p, nil
}

// Collect gives a paired program its key: once, after the user's yes. app is nil
// while there is no answer, for which it waits at most wait.
func (a *Access) Collect(ctx context.Context, secret string, wait time.Duration) (app *hub.App, key string, err error) {
	p, err := a.pairings.find(a, secret)
	if err != nil {
		return nil, "", err
	}
	if wait > 0 {
		ctx, cancel := context.WithTimeout(ctx, min(wait, maxWait))
		defer cancel()
		select {
		case <-p.answered:
		case <-ctx.Done():
		}
	}
	mine, err := a.pairings.claim(p)
	if err != nil || !mine {
		return nil, "", err
	}
	app, key, err = a.Add(ctx, hub.NewApp{Name: p.name, Grants: p.Grants, Program: p.Program, ExpiresIn: p.expiresIn})
	a.pairings.mu.Lock()
	p.claimed = false
	if err == nil {
		delete(a.pairings.byCode, p.Code)
	}
	a.pairings.mu.Unlock()
	if err == nil {
		a.pairingChanged(p.Code)
	}
	return app, key, err
}

// find returns the pairing of a poll secret.
func (ps *pairings) find(a *Access, secret string) (*pairing, error) {
	now, hash := a.cfg.Now(), sha256.Sum256([]byte(secret))
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.prune(now)
	for _, p := range ps.byCode {
		if p.secret == hash { // of hashes: the time it takes tells nothing
			return p, nil
		}
	}
	return nil, hub.Errorf(hub.CodeUnauthorized, "no program with this secret waits to be paired").
		WithRemedy("After ten minutes without an answer, and once the key was collected, pair again.")
}

// claim lets one caller make the key; mine is false while there is no answer.
func (ps *pairings) claim(p *pairing) (mine bool, err error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	switch {
	case p.denied:
		return false, hub.Errorf(hub.CodeUserDenied, "the user did not allow %q to be paired", p.Name).
			WithRemedy("Pair again when the user expects it.")
	case ps.byCode[p.Code] != p:
		return false, hub.Errorf(hub.CodeUnauthorized, "the key was collected already").
			WithRemedy("If it is lost, pair again.")
	case p.claimed:
		return false, hub.Errorf(hub.CodeConflict, "the key is being collected already").
			WithRemedy("Only one caller gets it. If it is lost, pair again.")
	}
	p.claimed = p.Approved
	return p.claimed, nil
}

func (a *Access) pairingChanged(code string) {
	a.cfg.Publisher.Publish(hub.Event{Type: hub.EventPairing, Subject: code, Time: a.cfg.Now()})
}

// cleanCode is a pairing code as it is kept, however a person wrote it.
func cleanCode(s string) string {
	s = strings.ToUpper(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == ' ' }), ""))
	if len(s) != codeLength {
		return s
	}
	return s[:codeLength/2] + "-" + s[codeLength/2:]
}

// newCode is a code that two people can compare: 34 bits, which nobody guesses
// in ten minutes, and a guess would only show the user another program.
func newCode() string {
	b := make([]byte, 0, codeLength)
	for len(b) < codeLength {
		var r [1]byte
		_, _ = rand.Read(r[:]) // never fails (crypto/rand)
		if limit := byte(256 / len(codeAlphabet) * len(codeAlphabet)); r[0] < limit {
			b = append(b, codeAlphabet[int(r[0])%len(codeAlphabet)])
		}
	}
	return cleanCode(string(b))
}
