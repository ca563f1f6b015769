// SPDX-License-Identifier: Apache-2.0

//go:build desktop

package desktop

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/logger"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	wailsruntime "github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/cli"
	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/frontend"
)

func init() { cli.SetWindow(show) }

// show runs the window until it is closed or ctx ends.
func show(ctx context.Context, w cli.Window) error {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		// GTK would end the program with a panic.
		return hub.Errorf(hub.CodeConflict, "there is no display to open a window on").
			WithRemedy("Use the page in a browser: `standpipe serve`, then `standpipe open`.")
	}
	client, err := instance.Attach(ctx, w.Paths)
	switch {
	case err == nil:
		defer client.Close()
		return run(ctx, w, proxy(client.HTTPTransport()))
	case !errors.Is(err, instance.ErrNotRunning):
		return err
	}
	return host(ctx, w)
}

// host runs the hub in this process for as long as the window is open. The
// page needs no TCP listener, so there is none for it.
func host(ctx context.Context, w cli.Window) (err error) {
	w.Options.NoUI = true
	a, err := app.Open(ctx, w.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer stop() // a hub that fails takes its window with it
		ended <- a.Run(ctx)
	}()
	err = run(ctx, w, a.Local())
	stop()
	return errors.Join(err, <-ended)
}

// proxy passes the page's calls to the hub that runs already.
func proxy(socket http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "standpipe"})
			r.Out.Host = "standpipe"
		},
		Transport:     socket,
		FlushInterval: -1, // events are streamed
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, `{"message":"the hub does not answer","code":"internal_error","remedy":"Close the window and open it again."}`, http.StatusBadGateway)
		},
	}
}

func run(ctx context.Context, w cli.Window, handler http.Handler) (err error) {
	defer func() {
		// GTK without a display that it can reach is a panic of Wails.
		if v := recover(); v != nil {
			err = hub.Errorf(hub.CodeConflict, "the window could not be opened: %v", v).
				WithRemedy("See that DISPLAY names a display that you may use, or use the page in a browser: `standpipe serve`.")
		}
	}()
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails (crypto/rand)
	return wails.Run(&options.App{
		Title:     "Standpipe",
		Width:     980,
		Height:    760,
		MinWidth:  420,
		MinHeight: 480,
		AssetServer: &assetserver.Options{Handler: &api.Window{
			Assets: frontend.Assets(),
			Token:  base64.RawURLEncoding.EncodeToString(token),
			Hub:    handler,
			Open:   w.OpenBrowser,
		}},
		OnStartup: func(window context.Context) {
			go func() {
				select {
				case <-ctx.Done():
					wailsruntime.Quit(window)
				case <-window.Done():
				}
			}()
		},
		LogLevelProduction: logger.ERROR,
		// The zero value of this option is Always, which costs 75 MB.
		Linux: &linux.Options{ProgramName: "standpipe", WebviewGpuPolicy: linux.WebviewGpuPolicyNever},
	})
}
