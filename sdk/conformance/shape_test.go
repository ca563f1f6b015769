// SPDX-License-Identifier: Apache-2.0

package conformance_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/conformance"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestDeviceRequestOfAClient: a client that shows who it is by a header need not
// send its id besides (RFC 8628 section 3.1), wherever the endpoint is.
func TestDeviceRequestOfAClient(t *testing.T) {
	var standIn http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { standIn.ServeHTTP(w, r) }))
	defer server.Close()
	standIn, err := conformance.Shape{OnlyAuth: "basic"}.Server("app", "a-client-secret", "http://127.0.0.1/callback")(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	provider := &oauth.Standard{
		Descriptor: sdk.Descriptor{Slug: "acme", Name: "Acme"}, DeviceURL: server.URL + "/oauth/code", ClientAuth: oauth.AuthBasic,
	}
	started, err := provider.StartDevice(t.Context(), &sdk.StartDeviceRequest{
		Target: sdk.Target{ClientID: "app"}, ClientSecret: secret.New("a-client-secret"),
	})
	if err != nil || started.UserCode == "" {
		t.Errorf("%+v, %v", started, err)
	}
}
