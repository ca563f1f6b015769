// SPDX-License-Identifier: Apache-2.0

// Command zitadel runs the example provider of zitadel/oidc (OpenID certified)
// on loopback. It prints one JSON line when it is ready, and one for each request
// of a client to its back channel: the grant or the path, and how the client says
// who it is ("refresh_token by basic").
//
//	ADDR=127.0.0.1:PORT REDIRECT_URIS=http://…,http://… CLIENT_ID=… DEVICE_CLIENT_ID=… CLIENT_SECRET=… zitadel
//
// The users are those of users.json, in whose folder it runs.
package main

import (
	"encoding/json"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	// The library refuses an issuer without TLS, even on loopback, unless told.
	if err := os.Setenv("OIDC_ALLOW_INSECURE", "true"); err != nil {
		return err
	}
	l, err := net.Listen("tcp", os.Getenv("ADDR"))
	if err != nil {
		return err
	}
	users, err := storage.StoreFromFile("users.json")
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String() + "/"
	secret := os.Getenv("CLIENT_SECRET")
	storage.RegisterClients(
		storage.WebClient(os.Getenv("CLIENT_ID"), secret, strings.Split(os.Getenv("REDIRECT_URIS"), ",")...),
		storage.DeviceClient(os.Getenv("DEVICE_CLIENT_ID"), secret),
	)
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	op := exampleop.SetupServer(issuer, storage.NewStorage(users), logger, false)
	tell(map[string]string{"event": "ready", "issuer": issuer})
	return http.Serve(l, told(op))
}

// told prints what clients ask the back channel for, and how they say who they
// are.
func told(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // to its own reading of the same; a failure is the provider's to tell
		next.ServeHTTP(w, r)
		if r.Method != http.MethodPost || strings.HasPrefix(r.URL.Path, "/login") || strings.HasPrefix(r.URL.Path, "/device/") {
			return
		}
		auth := "none"
		switch _, _, basic := r.BasicAuth(); {
		case basic:
			auth = "basic"
		case r.PostForm.Get("client_secret") != "":
			auth = "body"
		}
		what := r.PostForm.Get("grant_type")
		if what == "" {
			what = r.URL.Path
		}
		tell(map[string]string{"event": what + " by " + auth})
	})
}

var mu sync.Mutex

func tell(event map[string]string) {
	mu.Lock()
	defer mu.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(event)
}
