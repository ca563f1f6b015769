// SPDX-License-Identifier: Apache-2.0

//go:build desktop

package desktop

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"iter"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/logger"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	wailsruntime "github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/standpipe/standpipe/app/cli"
	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/frontend"
)

// window is the one window of this process.
type window struct {
	ctx      context.Context // of the program
	cli      cli.Window
	one      *single
	page     http.Handler
	hub      *instance.Client
	attached bool
	state    *stateFile
	notifier notifier  // nil: none here
	events   *stream   // for watch to begin with; nil: there was none
	began    time.Time // it was listened for events from then on

	wails    context.Context // of the window; set before ready is closed
	ready    chan struct{}   // closed when the page is there
	quitting atomic.Bool     // closing is meant to end the program
}

// newWindow prepares the window of a hub, and listens to that one from now on: what
// it finds out before there is a window to be seen, as after a power cut, the user
// is told as well.
func newWindow(ctx context.Context, w cli.Window, one *single, page http.Handler, client *instance.Client, attached bool) *window {
	return &window{
		ctx: ctx, cli: w, one: one, page: page, hub: client, attached: attached,
		state: openState(w.Paths.Data), ready: make(chan struct{}), began: time.Now(), events: listenTo(ctx, client),
	}
}

func (w *window) run() (err error) {
	defer func() {
		// GTK without a display that it can reach is a panic of Wails.
		if v := recover(); v != nil {
			err = hub.Errorf(hub.CodeConflict, "the window could not be opened: %v", v).
				WithRemedy("See that DISPLAY names a display that you may use, or use the page in a browser: `standpipe serve`.")
		}
	}()
	if n, err := newNotifier(w.open); err == nil {
		w.notifier = n
		defer n.Close()
	}
	go w.watch()
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails (crypto/rand)
	s := w.state.get()
	o := &options.App{
		Title:         "Standpipe",
		Width:         980,
		Height:        760,
		MinWidth:      minWidth,
		MinHeight:     minHeight,
		StartHidden:   w.cli.Background,
		OnStartup:     func(wails context.Context) { w.wails = wails; go w.follow() },
		OnDomReady:    w.shown,
		OnBeforeClose: w.closed,
		AssetServer: &assetserver.Options{Handler: &api.Window{
			Assets:  frontend.Assets(),
			Token:   base64.RawURLEncoding.EncodeToString(token),
			Hub:     w.page,
			Open:    w.cli.OpenBrowser,
			Desktop: w.calls(),
		}},
		LogLevelProduction: logger.ERROR,
		// The zero value of this option is Always, which costs 75 MB.
		Linux: &linux.Options{ProgramName: "standpipe", WebviewGpuPolicy: linux.WebviewGpuPolicyNever},
	}
	if s.Width > 0 {
		o.Width, o.Height = s.Width, s.Height
	}
	if s.Maximised {
		o.WindowStartState = options.Maximised
	}
	return wails.Run(o)
}

// shown runs each time when the page is loaded.
func (w *window) shown(context.Context) {
	select {
	case <-w.ready:
		return // it was only loaded again
	default:
	}
	if s := w.state.get(); s.Width > 0 && !s.Maximised {
		wailsruntime.WindowSetPosition(w.wails, s.X, s.Y)
	}
	close(w.ready)
}

// closed decides what closing the window does. True keeps it, hidden.
func (w *window) closed(context.Context) bool {
	w.remember()
	s := w.state.get()
	if w.quitting.Load() || !s.Background {
		return false
	}
	wailsruntime.WindowHide(w.wails)
	if !s.Told && w.notifier != nil && w.notifier.show(notice{
		title: "Standpipe goes on in the background",
		body:  "Apps draw tokens as before. To quit it, use Quit in its settings, or in its menu among your programs.",
		route: "#/settings",
	}) == nil {
		_ = w.state.change(func(s *state) { s.Told = true }) // it is told once more, at worst
	}
	return true
}

// remember keeps size and place for the next start.
func (w *window) remember() {
	maximised := wailsruntime.WindowIsMaximised(w.wails)
	width, height := wailsruntime.WindowGetSize(w.wails)
	x, y := wailsruntime.WindowGetPosition(w.wails)
	_ = w.state.change(func(s *state) { // a full disk must not keep the window from closing
		s.Maximised = maximised
		if next := (state{Width: width, Height: height, X: x, Y: y}); !maximised && next.sane() {
			s.Width, s.Height, s.X, s.Y = width, height, x, y
		}
	})
}

// quit ends the program, whatever closing the window does.
func (w *window) quit() {
	w.quitting.Store(true)
	wailsruntime.Quit(w.wails)
}

// open brings the window up, with a route of the page if there is one.
func (w *window) open(route string) {
	select {
	case <-w.ready:
	case <-w.ctx.Done():
		return
	}
	wailsruntime.WindowUnminimise(w.wails)
	wailsruntime.WindowShow(w.wails)
	if route == "" {
		return
	}
	b, err := json.Marshal(route)
	if err == nil {
		wailsruntime.WindowExecJS(w.wails, "location.hash = "+string(b))
	}
}

// follow does what other starts and the hub ask for, until the program ends.
func (w *window) follow() {
	if w.cli.Link != "" {
		go w.followLink(w.cli.Link)
	}
	for {
		select {
		case <-w.ctx.Done():
			w.quit()
			return
		case <-w.wails.Done():
			return
		case wish, ok := <-w.one.wishes:
			switch {
			case !ok:
				w.one.wishes = nil
			case wish.Quit:
				w.quit()
			case wish.Link != "":
				go w.followLink(wish.Link)
			case wish.Show:
				w.open("")
			}
		}
	}
}

func (w *window) followLink(text string) {
	l, err := parseLink(text)
	if err != nil {
		w.open("") // whoever clicked sees at least that it arrived
		return
	}
	if l.account != "" {
		w.open("#/?account=" + l.account)
		return
	}
	if l.callback != "" {
		if about, err := w.hub.HubInfo(w.ctx); err == nil {
			// What became of it is on the page, where the flow was begun.
			_ = deliver(w.ctx, about.AppAPI, l.callback)
		}
	}
	w.open("")
}

// stream is a subscription to the events of a hub.
type stream struct {
	events iter.Seq2[hub.Event, error]
	stop   func()
}

// listenTo returns nil where the hub does not let one listen: it is locked, or gone.
func listenTo(ctx context.Context, client *instance.Client) *stream {
	events, stop, err := client.Events(ctx)
	if err != nil {
		return nil
	}
	return &stream{events, stop}
}

// watch tells the user what waits for them, for as long as the hub answers.
func (w *window) watch() {
	if w.notifier == nil {
		if w.events != nil {
			w.events.stop()
		}
		return
	}
	told := newWatcher(w.hub, w.began)
	for s := w.events; w.ctx.Err() == nil; s = listenTo(w.ctx, w.hub) {
		if s != nil && s != w.events {
			w.show(told.after(w.ctx, hub.Event{Type: hub.EventResync})) // of what came in between
		}
		if s != nil && w.tell(told, s) {
			continue // it has its time and then ends: at once the next
		}
		select {
		case <-w.ctx.Done():
		case <-time.After(2 * time.Second): // a hub that is started anew
		}
	}
}

// tell tells what a stream brings, and reports whether it ended in order.
func (w *window) tell(told *watcher, s *stream) bool {
	defer s.stop()
	for e, err := range s.events {
		if err != nil {
			return false
		}
		w.show(told.after(w.ctx, e))
	}
	return true
}

func (w *window) show(notices []notice) {
	for _, n := range notices {
		if w.state.get().Notify {
			_ = w.notifier.show(n) // no server: the page says it
		}
	}
}
