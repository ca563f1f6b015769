// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strings"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/near"
)

// mistyped adds to err, where the hub knows no integration slug, which ones are
// nearly called so. The hub does not say it itself: its apps are not told what else
// there is.
func mistyped(ctx context.Context, c *instance.Client, slug string, err error) error {
	e := hub.AsError(err)
	if err == nil || e.Code != hub.CodeNotFound {
		return err
	}
	all, failed := c.Accounts(ctx)
	if failed != nil {
		return err // the first error is the one to tell
	}
	said := *e
	said.Remedy = meant(slug, all.Integrations) + said.Remedy
	return &said
}

// meant asks whether another integration was meant; empty: slug is one, or none is
// near.
func meant(slug string, all []contract.Integration) string {
	known := make([]string, 0, len(all))
	for i := range all {
		if all[i].Slug == slug {
			return ""
		}
		known = append(known, all[i].Slug)
	}
	names := near.Names(slug, known)
	if len(names) == 0 {
		return ""
	}
	return "Did you mean " + strings.Join(names[:min(len(names), 3)], " or ") + "? "
}
