// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// wrong is an input that a field refuses: what it says, and what is right.
type wrong struct{ field, input, says, right string }

// refused sees the message at its field, and that nothing was lost.
func refused(t *testing.T, page *rig.Page, fields ...wrong) {
	t.Helper()
	for _, f := range fields {
		page.See(id(f.field+"-error"), f.says)
		var is struct{ Value, Describes, Invalid string }
		page.Run(`const e = document.querySelector(arguments[0]);
			return {Value: e.value, Invalid: e.getAttribute("aria-invalid"), Describes:
				e.getAttribute("aria-describedby").split(" ").map((i) => document.getElementById(i)?.textContent ?? "").join(" ")}`, &is, id(f.field))
		if is.Value != f.input || is.Invalid != "true" || !strings.Contains(is.Describes, f.says) {
			t.Errorf("%s with %q is shown as %+v", f.field, f.input, is)
		}
	}
}

// TestSetupForm gives every field of the set-up something wrong. The message
// stands at the field, nothing that was typed is lost, and what is right then is
// what the hub keeps.
func TestSetupForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", "salesforce")
	page := w.page()

	// OpenID has a setting beside the credentials.
	page.Hash("#/integrations/openid")
	page.Press(id("credentials-own"))
	page.Press(id("save"))
	page.See(id("client-id-error"), "Enter the client ID")
	page.See(id("config-issuer-error"), "Issuer is required")
	page.Focus(id("client-id"))
	fields := []wrong{
		{"client-id", "my client", "no spaces", "my-client"},
		{"client-secret", "secret ", "space at the beginning or end", "secret"},
		{"config-issuer", "login.example.com", "does not look right", "https://login.example.com/realms/main"},
	}
	page.Refill(id("description"), "For the \"reports\" of Žofie")
	for _, f := range fields {
		page.Refill(id(f.field), f.input)
	}
	page.Press(id("save"))
	refused(t, page, fields...)
	page.Focus(id("client-id"))

	// Scopes are judged one by one, before they are in the list.
	other := wrong{"scope-other", `api with"quote`, "is no name of a scope", "api:read api:write"}
	page.Refill(id(other.field), other.input)
	page.Press(id("scope-add"))
	refused(t, page, other)
	page.Refill(id(other.field), other.right)
	page.Press(id("scope-add"))
	page.See(id("setup-form"), "api:write")

	// One after the other is mended; what is right stays.
	for i, f := range fields {
		page.Refill(id(f.field), f.right)
		page.Press(id("save"))
		if i+1 < len(fields) {
			refused(t, page, fields[i+1:]...)
			if got := page.Value(id(f.field)); got != f.right {
				t.Errorf("%s lost %q: %q", f.field, f.right, got)
			}
		}
	}
	page.See("h1", "Accounts")
	page.See(id("row-openid"), "For the \"reports\" of Žofie")
	got := set(t, w.h, "openid")
	if got.ClientID != "my-client" || got.State != "ready" || !slices.Contains(got.selected(), "api:read") || got.Description != "For the \"reports\" of Žofie" {
		t.Errorf("the hub keeps %+v", got)
	}

	// A hub that is away takes nothing from who has typed.
	page.Hash("#/integrations/openid")
	page.Refill(id("client-id"), "another-client")
	page.Refill(id("client-secret"), "another secret")
	page.Network(false)
	page.Press(id("save"))
	page.See(id("save-error"), "")
	page.Network(true)
	for field, want := range map[string]string{"client-id": "another-client", "client-secret": "another secret"} {
		if got := page.Value(id(field)); got != want {
			t.Errorf("%s lost %q: %q", field, want, got)
		}
	}
	page.Press(id("save"))
	page.See("h1", "Accounts")
	if got := set(t, w.h, "openid").ClientID; got != "another-client" {
		t.Errorf("the hub keeps the client %q", got)
	}

	// A setting that is asked for at each connect.
	page.Hash("#/")
	page.Press(id("connect-salesforce"))
	host := wrong{"connect-config-host", "ftp://nowhere", "does not", ""}
	page.Refill(id(host.field), host.input)
	page.Press(id("start"))
	refused(t, page, host)
	page.Refill(id(host.field), "https://login.salesforce.com")
	page.Press(id("cancel"))
	page.Gone(id("connect-dialog"))

	// The other forms.
	page.Hash("#/apps")
	page.Press(id("add-app"))
	page.Press(id("app-save"))
	page.See(id("app-name-error"), "")
	page.Fill(id("app-name"), "editor")
	page.Press(id("app-save"))
	page.Value(id("app-key"))
	page.Press(id("key-done"))
}

type setUp struct {
	Slug, State, Description string
	ClientID                 string `json:"client_id"`
	Scopes                   []struct {
		Name     string
		Selected bool
	}
}

func (s setUp) selected() (names []string) {
	for _, scope := range s.Scopes {
		if scope.Selected {
			names = append(names, scope.Name)
		}
	}
	return names
}

// set is an integration as the command line sees it.
func set(t *testing.T, h *rig.Home, slug string) setUp {
	t.Helper()
	var list []setUp
	h.JSON(&list, "integrations", "list")
	for _, i := range list {
		if i.Slug == slug {
			return i
		}
	}
	t.Fatalf("there is no integration %s", slug)
	return setUp{}
}

// TestCustomForm declares a provider in the page: wrong input in each field, the
// preview, the check, and the end of it.
func TestCustomForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	page := w.page()
	page.Size(1280, 800, 1)
	page.Hash("#/providers")
	page.Press(id("custom-provider"))
	page.See(id("custom-form"), "")
	inspect(t, page, "custom")
	page.Press("label:has(" + id("custom-by-address") + ")")
	page.Run(`document.querySelectorAll("details").forEach((d) => (d.open = true))`, nil)

	fields := []wrong{
		{"custom-slug", "Not A Name!", "Lower-case letters", "acme-crm"},
		{"custom-authorize-url", "ftp://crm.example/authorize", "begins with https://", "https://crm.example/authorize"},
		{"custom-token-url", "http://crm.example/token", "read on the way", "https://crm.example/token"},
		{"custom-revoke-url", "nonsense", "no address", "https://crm.example/revoke"},
		{"custom-scopes", `bad"name`, "no name of a scope", "contacts.read Read your contacts"},
		{"custom-identity-url", "https://user:pass@crm.example/me", "user name", "https://crm.example/me"},
		{"custom-authorize-params", "no equals sign", "name = value", "prompt = consent"},
		{"custom-token-params", "= x", "name = value", ""},
	}
	for _, f := range fields {
		page.Refill(id(f.field), f.input)
	}
	page.Press(id("custom-save"))
	page.Focus(id("custom-name"))
	page.See(id("custom-name-error"), "Give it the name")
	page.See(id("custom-subject-error"), "Say where")
	refused(t, page, fields...)
	inspect(t, page, "custom-refused")
	page.Refill(id("custom-name"), "Acme CRM")
	page.Refill(id("custom-subject"), "id")
	for i, f := range fields {
		page.Refill(id(f.field), f.right)
		refused(t, page, fields[i+1:]...)
	}
	page.See(id("custom-preview-place"), "https://crm.example/authorize")
	page.See(id("preview-prompt"), "consent")
	inspect(t, page, "custom-preview")
	page.Press(id("custom-save"))
	page.See("h1", "Acme CRM")
	page.Press(id("credentials-own"))
	page.Fill(id("client-id"), "crm")
	page.Press(id("check"))
	page.See(id("checks-verdict"), ".")
	inspect(t, page, "custom-checked")

	page.Press(id("edit-provider"))
	page.Press(id("custom-remove"))
	page.See(id("remove-provider-dialog"), "Acme CRM")
	inspect(t, page, "custom-remove")
	page.Press(id("remove-confirm"))
	page.Gone(id("remove-provider-dialog"))
	page.Hash("#/providers")
	page.See(id("providers"), "GitHub")
	page.Gone(id("provider-acme-crm"))
}
