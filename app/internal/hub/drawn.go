// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/standpipe/standpipe/sdk/secret"
)

// maxDrawn bounds how many tokens are remembered: some megabytes.
const maxDrawn = 12_000

// drawnTokens remembers tokens that were drawn lately, as Connections.Drawn
// returns them. No token lies there in the clear: each is sealed with a key of
// this process that changes whenever everything is forgotten, so that of what
// the memory may still hold nothing opens after a lock. Safe for concurrent use.
type drawnTokens struct {
	kept *cache[string, *drawnToken]
	key  atomic.Pointer[cipher.AEAD]
}

// drawnToken is shared and never changed.
type drawnToken struct {
	tokens Tokens // without its access token
	sealed []byte // that one
}

func newDrawnTokens() *drawnTokens {
	d := &drawnTokens{kept: newCache[string](maxDrawn, func(*drawnToken) int { return 1 })}
	d.changeKey()
	return d
}

func (d *drawnTokens) changeKey() {
	var key [32]byte
	defer clear(key[:])
	_, _ = rand.Read(key[:]) // never fails, as documented
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	d.key.Store(&a)
}

func (d *drawnTokens) get(id string) (t *Tokens, version uint64, ok bool) {
	kept, version, ok := d.kept.get(id)
	if !ok {
		return nil, version, false
	}
	token, err := (*d.key.Load()).Open(nil, nil, kept.sealed, []byte(id))
	if err != nil {
		return nil, version, false // everything was forgotten just now
	}
	tokens := kept.tokens
	tokens.Current.AccessToken = secret.New(string(token))
	clear(token)
	return &tokens, version, true
}

func (d *drawnTokens) put(t *Tokens, version uint64) {
	kept := &drawnToken{*t, (*d.key.Load()).Seal(nil, nil, []byte(t.Current.AccessToken.Reveal()), []byte(t.Connection))}
	kept.tokens.Current.AccessToken = secret.Value{}
	d.kept.put(t.Connection, kept, version)
}

func (d *drawnTokens) forgetAll() {
	d.changeKey()
	d.kept.clear()
}

// drawable is what Connections.Drawn returns of t.
func drawable(t *Tokens) *Tokens {
	set := &t.Current
	out := &Tokens{
		Connection: t.Connection, Generation: t.Generation, Revision: t.Revision, Authorized: t.Authorized,
		Current: TokenSet{
			AccessToken: set.AccessToken, TokenType: set.TokenType, IssuedAt: set.IssuedAt, Expiry: set.Expiry, ExpirySource: set.ExpirySource,
			Scopes: slices.Clone(set.Scopes), Name: set.Name, Metadata: maps.Clone(set.Metadata),
		},
	}
	for name, n := range set.Named {
		if out.Current.Named == nil {
			out.Current.Named = map[string]NamedToken{}
		}
		out.Current.Named[name] = NamedToken{Scopes: slices.Clone(n.Scopes), Expiry: n.Expiry, ExpirySource: n.ExpirySource}
	}
	return out
}
