// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Kept is what an inventory has of the integrations: at most hub.MaxInventory.
// Of those in the configuration file that is the id only.
func (c *Catalog) Kept() []hub.KeptIntegration {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]hub.KeptIntegration, 0, len(c.integrations))
	for _, in := range c.integrations {
		k := hub.KeptIntegration{Slug: in.Slug, Provider: in.Provider, ID: in.ID, CreatedAt: in.CreatedAt, FromFile: in.FromFile}
		if !in.FromFile {
			k.Description, k.Enabled, k.Credentials, k.ClientID = in.Description, in.Enabled, in.Credentials, in.ClientID
			k.Audiences, k.Config, k.PrivateNetwork = in.Audiences, in.Config, in.PrivateNetwork
			k.HadSecret = in.SecretLost || in.Credentials == hub.CredentialsOwn && !in.ClientSecret.IsZero()
			k.HadScopes = in.Scopes != nil
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b hub.KeptIntegration) int { return strings.Compare(a.Slug, b.Slug) })
	return out[:min(len(out), hub.MaxInventory)]
}

// PutBack writes integrations of an inventory into a store that has none of
// them. One that had a client secret can be used when that is entered again.
func PutBack(ctx context.Context, store hub.Store, kept []hub.KeptIntegration) error {
	c := &Catalog{cfg: Config{Store: store}}
	for _, k := range kept {
		_, err := c.write(ctx, hub.Integration{
			Slug: k.Slug, Provider: k.Provider, ID: k.ID, Description: k.Description, Enabled: k.Enabled,
			Credentials: k.Credentials, ClientID: k.ClientID, SecretLost: k.HadSecret, Audiences: k.Audiences, Config: k.Config, PrivateNetwork: k.PrivateNetwork,
			CreatedAt: k.CreatedAt, UpdatedAt: k.CreatedAt,
		}, 0)
		if err != nil {
			return err
		}
	}
	return nil
}
