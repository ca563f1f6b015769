// SPDX-License-Identifier: Apache-2.0

// Command example is the plugin that the package's own tests check. Under a
// name that ends in -leaky it prints a secret.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/plugintest/testdata/example/provider"
)

func main() {
	if strings.HasSuffix(os.Args[0], "-leaky") {
		sdk.Serve(leaky{provider.New()})
		return
	}
	sdk.Serve(provider.New())
}

type leaky struct{ *oauth.Standard }

func (l leaky) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	fmt.Println("exchanging", r.Code.Reveal())
	return l.Standard.Exchange(ctx, r)
}
