// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestHint(t *testing.T) {
	for _, c := range []struct {
		account hub.Account
		want    string
	}{
		{hub.Account{Email: "alice@example.org"}, "a…@example.org"},
		{hub.Account{Email: "alexander@example.org"}, "al…@example.org"},
		{hub.Account{Email: "al@example.org"}, "…@example.org"},
		{hub.Account{Login: "octocat", Email: "o@example.org"}, "oc…"},
		{hub.Account{Name: "Øyvind Åse"}, "Øy…"},
		{hub.Account{Subject: "1234567"}, "12…"},
		{hub.Account{Login: "@example"}, "…@example"},
		{hub.Account{}, "un…"},
	} {
		got := c.account.Hint()
		if got != c.want {
			t.Errorf("Hint(%+v) = %q, want %q", c.account, got, c.want)
		}
		if label := c.account.Label(); got == label || !strings.Contains(got, "…") {
			t.Errorf("%q is not masked: %q", label, got)
		}
	}
}

// TestInventoryIsBounded: what does not fit into the list is counted.
func TestInventoryIsBounded(t *testing.T) {
	var lost hub.Lost
	for i := range hub.MaxInventory + 7 {
		lost.Add(&hub.Connection{Owner: hub.Me, Integration: "github", Account: hub.Account{Login: fmt.Sprintf("account-%d", i)}})
	}
	lost.Add(&hub.Connection{Owner: hub.Owner{User: "customer@example.org"}, Integration: "slack", Account: hub.Account{Login: "customer"}})
	if len(lost.Accounts) != hub.MaxInventory || !reflect.DeepEqual(lost.More, map[string]int{"github": 7, "slack": 1}) || lost.Count() != hub.MaxInventory+8 {
		t.Errorf("%d listed, more: %v", len(lost.Accounts), lost.More)
	}
}

func TestInventoryCodec(t *testing.T) {
	at := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	in := hub.Inventory{
		WrittenAt:    at,
		Integrations: []hub.KeptIntegration{{Slug: "b", Provider: "p", ID: "data_integration_1", Config: map[string]string{"k": "v"}, CreatedAt: at, HadSecret: true}, {Slug: "a", CreatedAt: at}},
		Apps:         []hub.KeptApp{{ID: "app_2", Name: "x", Kind: hub.AppLocal, KeyHash: []byte{1}, Life: time.Hour, CreatedAt: at, ExpiresAt: at}},
		Lost:         hub.Lost{Accounts: []hub.LostAccount{{"b", "z…"}, {"b", "a…"}}, More: map[string]int{"c": 3}},
	}
	one, err := in.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := hub.DecodeInventory(one)
	if err != nil || !reflect.DeepEqual(*got, in) || got.Integrations[0].Slug != "a" || got.Accounts[0].Account != "a…" {
		t.Errorf("read back: %+v, %v", got, err)
	}
	if two, _ := got.Encode(); !bytes.Equal(one, two) {
		t.Error("the same content makes other bytes")
	}
	for _, bad := range []string{"", "{", `{"v":2}`, `{}`} {
		if _, err := hub.DecodeInventory([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
