// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/wire"
)

// answer is what a plugin said of itself at its last start, as it is stored. The
// same program that is sent the same says the same (sdk.Provider), and need not
// be started to say it again.
type answer struct {
	To   string // see question
	Said sdk.DescribeResponse
}

// question names what Describe asks of whom: the program by its bytes, and the
// definitions that it is sent.
func (p *plugin) question(definitions [][]byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s", wire.ProtocolVersion, p.pin)
	for _, d := range definitions {
		fmt.Fprintf(h, " %d %s", len(d), d)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (p *plugin) answerRef() hub.Ref { return hub.Ref{Kind: hub.KindDescription, ID: p.name} }

// recall learns, the first time that it is called, what the plugin would say of
// itself, if that is stored and nothing else is known. It is checked as an answer
// of the plugin is.
func (p *plugin) recall() {
	p.recalling.Do(func() {
		if p.host.cfg.Store == nil || p.unfit != "" || p.isKnown() {
			return
		}
		said, err := p.stored()
		switch {
		case err != nil:
			p.log.Debug("what the plugin serves is not remembered", "error", err)
			return
		case said == nil:
			return
		}
		err = p.learn(said)
		p.mu.Lock()
		if p.untried = err == nil; !p.untried {
			p.providers = nil // a start will fail of the same, and tell
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
		p.settledOnce.Do(func() { close(p.settled) })
	})
}

// stored is the stored answer to what the plugin would be asked now, or nil.
func (p *plugin) stored() (*sdk.DescribeResponse, error) {
	rec, err := p.host.cfg.Store.Get(p.host.ctx, p.answerRef())
	if errors.Is(err, hub.ErrNotFound) {
		return nil, nil
	}
	var a answer
	if err == nil {
		err = json.Unmarshal(rec.Value, &a)
	}
	if err != nil || a.To != p.question(p.definitions()) {
		return nil, err
	}
	// Written by a build of the hub that knows other fields, it would come out
	// otherwise; that one may have left out what this one wants to know.
	if again, err := json.Marshal(a); err != nil || !bytes.Equal(again, rec.Value) {
		return nil, err
	}
	return &a.Said, nil
}

// remember stores what the plugin answered to having been sent definitions. Where
// that fails, it will be started to be asked again.
func (p *plugin) remember(definitions [][]byte, said *sdk.DescribeResponse) {
	if p.host.cfg.Store == nil {
		return
	}
	b, err := json.Marshal(answer{p.question(definitions), *said})
	if err == nil {
		ctx := context.WithoutCancel(p.host.ctx) // also of a hub that was opened for one command
		err = p.host.cfg.Store.Update(ctx, func(tx hub.Tx) error {
			old, err := tx.Get(p.answerRef())
			if err == nil && bytes.Equal(old.Value, b) {
				return nil
			}
			_, err = hub.Replace(tx, p.answerRef(), old.Generation, b)
			return err
		})
	}
	if err != nil {
		p.log.Debug("what the plugin serves could not be remembered", "error", err)
	}
}
