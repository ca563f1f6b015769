// SPDX-License-Identifier: Apache-2.0

// Command fill puts connections into a data folder, as connecting them one by
// one would: through the hub's own repository, into its own sealed store. The
// benchmark measures a hub on what it made.
//
//	fill -n 1000000 -integration openid -client bench DATA
//
// The keys must exist (`standpipe keys init --key file:PATH`) and no hub may
// run; killed, it leaves a store that is to be thrown away. Connection n has the id data_installation_<integration>-<n> and belongs
// to the user user-<n>, or to -owner. Running it again adds nothing twice.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"log"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

type filler struct {
	n                          int
	integration, client, owner string
	issuer                     string
	reason                     hub.Reason
	left                       time.Duration
	pictures                   bool
	now                        time.Time
}

func main() {
	f := filler{now: time.Now().Round(0)}
	flag.IntVar(&f.n, "n", 1, "how many connections")
	flag.StringVar(&f.integration, "integration", "openid", "their integration")
	flag.StringVar(&f.client, "client", "bench", "client id of the integration")
	flag.StringVar(&f.issuer, "issuer", "https://issuer.example", "issuer of the accounts")
	flag.StringVar(&f.owner, "owner", "", "one owner for all; empty: a user each")
	flag.StringVar((*string)(&f.reason), "reason", "", "they need to be reauthorized, for this reason; empty: they are connected")
	flag.DurationVar(&f.left, "left", 30*24*time.Hour, "how long the tokens live from now on; negative: they have expired")
	flag.BoolVar(&f.pictures, "pictures", false, "their accounts have pictures")
	flag.Parse()
	if f.reason != "" && !hub.KnownReason(f.reason) {
		log.Fatalf("%q is no reason", f.reason)
	}
	if err := f.run(context.Background(), flag.Arg(0)); err != nil {
		log.Fatal(err)
	}
}

func (f *filler) run(ctx context.Context, data string) (err error) {
	vault, err := seal.Open(data, seal.Source{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vault.Close()) }()
	store, err := badgerstore.Open(vault.StoreDir(), vault, nil)
	if err != nil {
		return err
	}
	// The indexes must be there before they are added to.
	conns := hub.NewConnections(store)
	err = conns.Prepare(ctx)
	_, last := conns.Get(ctx, f.id(f.n-1))
	if err := errors.Join(err, store.Close()); err != nil || last == nil {
		return err // with the last one, all are there
	}
	return badgerstore.Load(ctx, vault.StoreDir(), vault, nil, func(store hub.Store) error {
		return hub.NewConnections(store).Update(ctx, func(tx *hub.ConnectionsTx) error {
			for i := range f.n {
				if err := f.add(tx, i); err != nil {
					return fmt.Errorf("connection %d: %w", i, err)
				}
			}
			return nil
		})
	})
}

func (f *filler) id(i int) string { return fmt.Sprintf("data_installation_%s-%d", f.integration, i) }

func (f *filler) add(tx *hub.ConnectionsTx, i int) error {
	id := f.id(i)
	if _, err := tx.Connection(id); !errors.Is(err, hub.ErrNotFound) {
		return err
	}
	owner := hub.Owner{User: f.owner}
	if owner.User == "" {
		owner.User = fmt.Sprintf("user-%d", i)
	}
	// An hour of life, as most have, unless they are to live for longer; and
	// not all of them due at the same time.
	set := hub.TokenSet{
		AccessToken: secret.New(token()), RefreshToken: secret.New(token()), TokenType: "Bearer",
		IssuedAt: f.now.Add(min(0, f.left-time.Hour)), ExpirySource: hub.ExpiryDeclared, Scopes: []string{"openid", "profile", "email"},
	}
	set.Expiry = f.now.Add(f.left)
	if f.left > 24*time.Hour {
		set.Expiry = set.Expiry.Add(time.Duration(i%1440) * time.Minute)
	}
	conn := &hub.Connection{
		ID: id, Owner: owner, Integration: f.integration, Provider: "openid", Compatibility: true, State: hub.StateConnected,
		Account:   hub.Account{Issuer: f.issuer, Subject: fmt.Sprint(i), Email: fmt.Sprintf("user-%d@example.com", i)},
		Requested: set.Scopes, Scopes: set.Scopes, ClientID: f.client, RedirectURI: "http://127.0.0.1:4780/callback/" + f.integration,
		CreatedAt: f.now, UpdatedAt: f.now, Expiry: set.Expiry,
	}
	if f.reason != "" {
		conn.State, conn.Reason = hub.StateNeedsReauthorization, f.reason
	}
	if err := tx.PutConnection(conn); err != nil {
		return err
	}
	if f.pictures {
		picture, err := noise()
		if err != nil {
			return err
		}
		if err := tx.PutPicture(id, conn.Account, picture); err != nil {
			return err
		}
	}
	_, err := tx.PutTokenSet(id, set)
	return err
}

// noise is a picture that is as large as one can be.
func noise() ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, 96, 96))
	_, _ = rand.Read(img.Pix) // never fails (crypto/rand)
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 0xff
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}

// token is as long as most are.
func token() string { return rand.Text() + rand.Text() + rand.Text() }
