// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestIntegrationsPutBack: an integration of an inventory is as it was, but for
// what an inventory does not hold.
func TestIntegrationsPutBack(t *testing.T) {
	ctx, store := t.Context(), memstore.New()
	file := func(cfg *catalog.Config) {
		cfg.File = []hub.Integration{{Slug: "local", Provider: "local", Enabled: true, Credentials: hub.CredentialsOwn, ClientID: "file-id", ClientSecret: secret.New("canary")}}
	}
	c := open(t, store, file)
	change := own("id-1", "canary-secret")
	change.Scopes, change.Config, change.Description = []string{"canary-scope"}, map[string]string{"base_url": "https://git.example"}, ptr("at work")
	if _, err := c.Save(ctx, "git", change); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Save(ctx, "web", hub.IntegrationChange{Credentials: ptr(hub.CredentialsPublic), ClientID: ptr("id-2")}); err != nil {
		t.Fatal(err)
	}
	before, _ := c.Get(ctx, "git")
	ofFile, _ := c.Get(ctx, "local")
	kept := c.Kept()
	if text, _ := json.Marshal(kept); strings.Contains(string(text), "canary") || strings.Contains(string(text), "file-id") || len(kept) != 3 {
		t.Errorf("kept: %s", text)
	}

	store = memstore.New()
	if err := catalog.PutBack(ctx, store, kept); err != nil {
		t.Fatal(err)
	}
	c = open(t, store, file)
	git, err := c.Get(ctx, "git")
	in := git.Integration
	if err != nil || in.ID != before.Integration.ID || in.ClientID != "id-1" || in.Config["base_url"] != "https://git.example" || in.Description != "at work" || !in.Enabled || in.Scopes != nil {
		t.Errorf("put back: %+v, %v", in, err)
	}
	if git.Problem == nil || git.Problem.Code != hub.CodeIntegrationNotConfigured || !strings.Contains(git.Problem.Remedy, "--client-secret-file") {
		t.Errorf("without its secret: %v", git.Problem)
	}
	if web, err := c.Get(ctx, "web"); err != nil || web.Problem != nil && strings.Contains(web.Problem.Error(), "secret") {
		t.Errorf("one that never had a secret: %v, %v", web.Problem, err)
	}
	if e, err := c.Get(ctx, "local"); err != nil || e.Integration.ID != ofFile.Integration.ID || e.Problem != nil || !e.Integration.FromFile {
		t.Errorf("of the file: %+v, %v", e, err)
	}

	// It stays lost until it is entered, also over another reset.
	if again := c.Kept(); !again[0].HadSecret {
		t.Errorf("kept again: %+v", again[0])
	}
	key := secret.New("anew")
	if git, err = c.Save(ctx, "git", hub.IntegrationChange{ClientSecret: &key}); err != nil || git.Problem != nil {
		t.Errorf("entered again: %v, %v", git.Problem, err)
	}
	if git, err = open(t, store, nil).Get(ctx, "git"); err != nil || git.Problem != nil {
		t.Errorf("after a restart: %v, %v", git.Problem, err)
	}
}
