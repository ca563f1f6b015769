// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"net/url"

	"github.com/standpipe/standpipe/sdk/secret"
)

// RelayCall is a call that the hub makes for an app with a token that the app
// does not see. That it may be made has been decided and audited.
type RelayCall struct {
	URL     *url.URL // of the provider's API; see relay.Target
	Token   secret.Value
	Private bool // calls may go to private addresses
	// Renew returns the token that takes the place of one that the provider
	// refused; zero: there is none.
	Renew func(ctx context.Context, refused secret.Value) secret.Value
}
