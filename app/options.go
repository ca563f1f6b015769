// SPDX-License-Identifier: Apache-2.0

package app

import (
	"log/slog"
)

// Options are what the command line says. The zero value of a field means its
// default.
type Options struct {
	Config   string   // configuration file
	Data     string   // data folder
	Key      string   // where the master key comes from, as in --key
	Plugins  []string // folders to look for plugins in, instead of the one beside the program
	Listen   string   // address of the app API
	UIListen string   // address of the browser UI
	Version  string
	Logger   *slog.Logger // nil discards
	// AcceptRollback takes a data folder that is older than it was, or whose
	// anchor is gone, as it is.
	AcceptRollback bool
	// Offline opens no TCP listener and no socket: for one command in process.
	Offline bool
	// NoUI serves no browser UI: the window shows the page.
	NoUI bool
}

// Ready says where a hub is served.
type Ready struct {
	AppAPI string // "http://127.0.0.1:4780"
	UI     string // "http://127.0.0.1:4781"; empty: none
	UILink string // a one-time link that logs in
	Socket string
}
