// SPDX-License-Identifier: Apache-2.0

//go:build desktop

package desktop

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"

	wailsruntime "github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxFile bounds what the page has saved, in bytes.
const maxFile = 64 << 20

// desktopState is what the page's settings show of the desktop.
type desktopState struct {
	Attached     bool `json:"attached"`
	CanAutostart bool `json:"can_autostart"`
	Autostart    bool `json:"autostart"`
	Background   bool `json:"background"`
	Notify       bool `json:"notify"`
}

// calls are those of the page that only a desktop can answer. Who calls has
// been proven to be the page (api.Window).
func (w *window) calls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /desktop/state", func(rw http.ResponseWriter, _ *http.Request) { api.WriteJSON(rw, w.desktopState()) })
	mux.HandleFunc("PUT /desktop/state", w.setState)
	mux.HandleFunc("POST /desktop/quit", func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusNoContent)
		go w.quit() // after the answer
	})
	mux.HandleFunc("POST /desktop/save", w.save)
	return mux
}

func (w *window) desktopState() desktopState {
	s := w.state.get()
	out := desktopState{Attached: w.attached, Background: s.Background, Notify: s.Notify}
	if a, ok := findAutostart(); ok {
		out.CanAutostart, out.Autostart = true, a.on()
	}
	return out
}

func (w *window) setState(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Autostart, Background, Notify *bool
	}
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 4<<10)).Decode(&in); err != nil {
		api.WriteError(rw, http.StatusBadRequest, hub.Errorf(hub.CodeInvalid, "this is no change of the desktop's settings"))
		return
	}
	err := w.state.change(func(s *state) {
		if in.Background != nil {
			s.Background = *in.Background
		}
		if in.Notify != nil {
			s.Notify = *in.Notify
		}
	})
	if err == nil && in.Autostart != nil {
		err = w.setAutostart(*in.Autostart)
	}
	if err != nil {
		api.WriteError(rw, http.StatusInternalServerError, hub.Errorf(hub.CodeStorage, "the setting could not be kept: %w", err))
		return
	}
	api.WriteJSON(rw, w.desktopState())
}

func (w *window) setAutostart(on bool) error {
	a, ok := findAutostart()
	if !ok {
		return hub.Errorf(hub.CodeNotImplemented, "this system has no start at login that Standpipe knows")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return a.set(on, append([]string{self}, append(w.cli.Args, "--background")...))
}

// save writes a text of the page where the person says.
func (w *window) save(rw http.ResponseWriter, r *http.Request) {
	var in struct{ Name, Text string }
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, maxFile)).Decode(&in); err != nil {
		api.WriteError(rw, http.StatusBadRequest, hub.Errorf(hub.CodeInvalid, "this is no file to save"))
		return
	}
	path, err := wailsruntime.SaveFileDialog(w.wails, wailsruntime.SaveDialogOptions{DefaultFilename: filepath.Base(in.Name), Title: "Save"})
	if err == nil && path != "" {
		err = os.WriteFile(path, []byte(in.Text), 0o600)
	}
	if err != nil {
		api.WriteError(rw, http.StatusInternalServerError, hub.Errorf(hub.CodeStorage, "the file could not be written: %w", err).
			WithRemedy("Choose another place."))
		return
	}
	api.WriteJSON(rw, map[string]string{"path": path})
}
