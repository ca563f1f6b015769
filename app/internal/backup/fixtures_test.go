// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// TestEveryFormatOpens reads a backup of each format that was ever written.
// Each was made by the version of the program that introduced the format, with
// STANDPIPE_MAKE_FIXTURE=1, and is never made again: what users have is like it.
func TestEveryFormatOpens(t *testing.T) {
	if os.Getenv("STANDPIPE_MAKE_FIXTURE") != "" {
		makeFixture(t)
	}
	keys, err := os.Open(filepath.Join("testdata", "identity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	ids, err := Identities(keys)
	if err != nil {
		t.Fatal(err)
	}
	for format := 1; format <= Format; format++ {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			b, err := os.ReadFile(fixture(format, "age"))
			if err != nil {
				t.Fatalf("no backup of format %d is in the tree: %v", format, err)
			}
			r, err := Open(bytes.NewReader(b), ids...)
			if err != nil {
				t.Fatal(err)
			}
			s := memstore.New()
			if _, err := Restore(t.Context(), s, r); err != nil {
				t.Fatal(err)
			}
			var want []record
			raw, err := os.ReadFile(fixture(format, "json"))
			if err == nil {
				err = json.Unmarshal(raw, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			got := content(t, s)
			for _, w := range want {
				if ref := (hub.Ref{Kind: w.Kind, ID: w.ID}); got[ref] != string(w.Value) {
					t.Errorf("%v: %q, want %q", ref, got[ref], w.Value)
				}
			}
			if len(got) != len(want) || len(want) == 0 {
				t.Errorf("%d records, want %d", len(got), len(want))
			}
			// What the records hold must be understood too, not only be there.
			conns := hub.NewConnections(s)
			n := 0
			for c, err := range conns.All(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				toks, err := conns.Tokens(t.Context(), c.ID)
				if err != nil || toks.Current.RefreshToken.IsZero() || c.Account.Subject == "" {
					t.Errorf("%s: %+v, %v", c.ID, c, err)
				}
				n++
			}
			if n == 0 {
				t.Error("it holds no connection")
			}
		})
	}
}

func fixture(format int, ext string) string {
	return filepath.Join("testdata", fmt.Sprintf("format%d.%s", format, ext))
}

// makeFixture writes the backup of the present format, with the records that
// were exported by a hub of this version.
func makeFixture(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(fixture(Format, "age")); err == nil {
		t.Fatalf("there is a backup of format %d already", Format)
	}
	var records []record
	raw, err := os.ReadFile(fixture(Format, "json"))
	if err == nil {
		err = json.Unmarshal(raw, &records)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := memstore.New()
	if err := s.Update(t.Context(), func(tx hub.Tx) error {
		for _, r := range records {
			if _, err := tx.Put(hub.Ref{Kind: r.Kind, ID: r.ID}, 0, r.Value); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	key := identity(t)
	b := write(t, s, key.Recipient())
	if err := os.WriteFile(fixture(Format, "age"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	note := "# Opens the backups in this folder, and nothing else anywhere.\n" + key.String() + "\n"
	if err := os.WriteFile(filepath.Join("testdata", "identity.txt"), []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
}
