// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"fmt"
	"path/filepath"
	"testing"
)

func benchVault(b *testing.B) *Vault {
	b.Helper()
	v, err := Init(filepath.Join(b.TempDir(), "d"), Source{Kind: KeyFile, Path: filepath.Join(b.TempDir(), "k")})
	if err != nil {
		b.Fatal(err)
	}
	return v
}

func BenchmarkSeal(b *testing.B) {
	v := benchVault(b)
	for _, size := range []int{256, 4096} {
		plain, aad := make([]byte, size), make([]byte, 100)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Seal(aad, plain); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	v := benchVault(b)
	for _, size := range []int{256, 4096} {
		aad := make([]byte, 100)
		sealed, err := v.Seal(aad, make([]byte, size))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Open(aad, sealed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkName(b *testing.B) {
	v := benchVault(b)
	for b.Loop() {
		if _, err := v.Name("record", "connection\x00data_installation_01JABCDEFGHJKMNPQRSTVWXYZ0"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPassphrase(b *testing.B) {
	k := newKDF()
	for b.Loop() {
		k.derive([]byte("correct horse battery staple"))
	}
}
