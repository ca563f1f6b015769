// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/standpipe/standpipe/app/internal/backup"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

const benchConnections = 10_000

// benchStore is a store on disk with many connections of an ordinary size.
func benchStore(b *testing.B) *badgerstore.Store {
	b.Helper()
	dir := b.TempDir()
	v, err := seal.Init(filepath.Join(dir, "data"), seal.Source{Kind: seal.KeyFile, Path: filepath.Join(dir, "key")})
	if err != nil {
		b.Fatal(err)
	}
	s, err := badgerstore.Open(v.StoreDir(), v, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(s.Close(), v.Close()); err != nil {
			b.Error(err)
		}
	})
	conns := hub.NewConnections(s)
	for done := 0; done < benchConnections; done += 100 {
		err := conns.Update(b.Context(), func(tx *hub.ConnectionsTx) error {
			for i := done; i < done+100; i++ {
				id := fmt.Sprintf("data_installation_%026d", i)
				c := &hub.Connection{
					ID: id, Owner: hub.Owner{User: fmt.Sprintf("user_%026d", i)}, Integration: "github", Provider: "github", State: hub.StateConnected,
					Account:   hub.Account{Issuer: "https://github.com", Subject: fmt.Sprint(i), Login: fmt.Sprintf("octocat%d", i), Email: fmt.Sprintf("octocat%d@example.com", i)},
					Requested: []string{"repo", "user:email"}, Scopes: []string{"repo", "user:email"}, ClientID: "Iv1.0123456789abcdef",
				}
				if err := tx.PutConnection(c); err != nil {
					return err
				}
				set := hub.TokenSet{AccessToken: secret.New(strings.Repeat("a", 800)), RefreshToken: secret.New(strings.Repeat("r", 200)), TokenType: "Bearer", Expiry: time.Now()}
				if _, err := tx.PutTokenSet(id, set); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func benchBackup(b *testing.B, s hub.Store, key *age.X25519Identity) []byte {
	b.Helper()
	var buf bytes.Buffer
	m := backup.Manifest{ID: "backup_bench", CreatedAt: time.Now(), Program: "bench", StoreID: strings.Repeat("0", 32)}
	if _, err := backup.Write(context.Background(), s, m, false, &buf, key.Recipient()); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// BenchmarkReadStore is what the others are compared with: every record of the
// store, read and opened once.
func BenchmarkReadStore10000(b *testing.B) {
	s := benchStore(b)
	size := 0
	for b.Loop() {
		size = 0
		for k := range hub.Kinds() {
			for r, err := range s.List(b.Context(), k.Kind) {
				if err != nil {
					b.Fatal(err)
				}
				size += len(r.Value)
			}
		}
	}
	b.ReportMetric(float64(size), "bytes")
}

func BenchmarkBackup10000(b *testing.B) {
	s := benchStore(b)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	for b.Loop() {
		size = len(benchBackup(b, s, key))
	}
	b.ReportMetric(float64(size), "bytes")
}

// BenchmarkRestore10000 is all of a restore: the new store is built, read back
// and installed.
func BenchmarkRestore10000(b *testing.B) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		b.Fatal(err)
	}
	file := benchBackup(b, benchStore(b), key)
	b.Setenv("XDG_RUNTIME_DIR", "")
	for b.Loop() {
		b.StopTimer()
		dir, err := os.MkdirTemp("", "sp")
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		done, err := Restore(b.Context(), Options{Data: filepath.Join(dir, "data"), Key: "file:" + filepath.Join(dir, "key")}, RestoreOptions{
			File: bytes.NewReader(file), Identities: []age.Identity{key},
		})
		b.StopTimer()
		if err != nil || done.Held != benchConnections {
			b.Fatal(done, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
