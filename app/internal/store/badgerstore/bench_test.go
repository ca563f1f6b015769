// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// benchStore holds 10,000 records of 2 KB and was reopened, so that reads come
// from tables.
func benchStore(b *testing.B) *Store {
	b.Helper()
	dir, v := newVault(b)
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		b.Fatal(err)
	}
	value := bytes.Repeat([]byte("v"), 2000)
	for at := 0; at < 10_000; at += 250 {
		err := s.Update(b.Context(), func(tx hub.Tx) error {
			for n := at; n < at+250; n++ {
				if _, err := tx.Put(benchRef(n), 0, value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return openStore(b, dir, v)
}

func benchRef(n int) hub.Ref { return hub.Ref{Kind: hub.KindTokens, ID: strconv.Itoa(n)} }

func BenchmarkGet(b *testing.B) {
	s := benchStore(b)
	n := 0
	for b.Loop() {
		if _, err := s.Get(b.Context(), benchRef(n*7919%10_000)); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

func BenchmarkList10000(b *testing.B) {
	s := benchStore(b)
	for b.Loop() {
		for _, err := range s.List(b.Context(), hub.KindTokens) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := benchStore(b)
	value := bytes.Repeat([]byte("w"), 2000)
	n := 0
	for b.Loop() {
		ref := benchRef(n * 7919 % 10_000)
		err := s.Update(b.Context(), func(tx hub.Tx) error {
			r, err := tx.Get(ref)
			if err != nil {
				return err
			}
			_, err = tx.Put(ref, r.Generation, value)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
}

func BenchmarkOpenStore(b *testing.B) {
	dir, v := newVault(b)
	for b.Loop() {
		s, err := Open(seal.StoreDir(dir), v, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
