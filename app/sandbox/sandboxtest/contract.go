// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"errors"
	"net/http"
	"testing"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/plugintest"
)

// standIn is the sandbox with somebody in front of it.
type standIn struct {
	http.Handler
	*Person
}

// Server is the counterpart of a provider's plugin in plugintest: its sandbox,
// and one of its users.
func Server(provider, login string, o sandbox.Options) func(url string) (plugintest.Server, error) {
	return func(url string) (plugintest.Server, error) {
		s, err := sandbox.New(o)
		return standIn{s, New(url, provider, login)}, err
	}
}

// WantError wants an error of the contract, in words, and returns it.
func WantError(t testing.TB, err error, code sdk.Code, reason sdk.Reason) *sdk.Error {
	t.Helper()
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Code != code || e.Reason != reason || e.Message == "" {
		t.Fatalf("error %v, want %s (%s)", err, code, reason)
	}
	return e
}
