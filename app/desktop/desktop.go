// SPDX-License-Identifier: Apache-2.0

//go:build desktop

package desktop

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/cli"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func init() { cli.SetWindow(show) }

// show runs the window until the program is quit or ctx ends. Where the window
// of this data folder is open already, that one comes up instead.
func show(ctx context.Context, w cli.Window) error {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		// GTK would end the program with a panic.
		return hub.Errorf(hub.CodeConflict, "there is no display to open a window on").
			WithRemedy("Use the page in a browser: `standpipe serve`, then `standpipe open`.")
	}
	one, err := claim(w.Paths.Run, wish{Show: !w.Background && !w.Quit, Link: w.Link, Quit: w.Quit})
	if errors.Is(err, errElsewhere) {
		return nil
	}
	if err != nil {
		return err
	}
	defer one.Close()
	if w.Quit {
		return nil // there is none to quit
	}
	client, err := instance.Attach(ctx, w.Paths)
	switch {
	case err == nil:
		defer client.Close()
		return newWindow(ctx, w, one, proxy(client.HTTPTransport()), client, true).run()
	case !errors.Is(err, instance.ErrNotRunning):
		return err
	}
	return host(ctx, w, one)
}

// host runs the hub in this process for as long as the program runs. The page
// needs no TCP listener, so there is none for it.
func host(ctx context.Context, w cli.Window, one *single) (err error) {
	w.Options.NoUI = true
	a, err := app.Open(ctx, w.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	client := instance.NewClient(instance.HandlerTransport(a.Local()))
	win := newWindow(ctx, w, one, a.Local(), client, false)
	ended := make(chan error, 1)
	go func() {
		defer stop() // a hub that fails takes its window with it
		ended <- a.Run(ctx)
	}()
	err = win.run()
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
			http.Error(w, `{"message":"the hub does not answer","code":"internal_error","remedy":"Quit Standpipe and open it again."}`, http.StatusBadGateway)
		},
	}
}
