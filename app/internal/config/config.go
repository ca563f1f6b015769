// SPDX-License-Identifier: Apache-2.0

package config

import (
	"log/slog"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Mode says what a hub is for.
type Mode string

// The modes.
const (
	ModeDesktop Mode = "desktop" // one person's machine
	ModeServer  Mode = "server"  // a team's own server
	// ModeProduction is a server that serves real customers: it refuses the
	// sandbox.
	ModeProduction Mode = "production"
)

// Config is the configuration of a hub. Every field has a value.
type Config struct {
	Path     string // the file it was read from; empty: there is none
	Mode     Mode
	Listen   string // host:port of the app API and the callbacks, on loopback
	UIListen string // host:port of the browser UI, on loopback
	BaseURL  string // https origin of the app API behind a proxy; empty: none
	Sandbox  string // base URL of the local sandbox; empty: none
	LogLevel slog.Level
	// Metrics is the host:port, on loopback, of the metrics; empty: none.
	Metrics string
	// PluginIdle is how long a plugin may go without a call before it is stopped.
	PluginIdle time.Duration
	// Peers says whose programs may connect over TCP; empty: see SameUser.
	Peers Peers
	// Policies decide, in the order of the file, what would be asked.
	Policies []hub.Policy
	// ApprovalTimeout is how long a question waits for the user.
	ApprovalTimeout time.Duration
	// Lock says when the hub locks by itself; nil: the file does not say.
	Lock *hub.LockSettings
	// Inventory keeps what a reset of lost keys can begin from.
	Inventory bool
	// Avatars says whether the pictures of accounts are fetched and shown.
	Avatars bool
	// EmbedOrigins are the origins of pages that may embed <standpipe-connect>.
	EmbedOrigins []string
	// Integrations in the order of the file, each with FromFile set.
	Integrations []hub.Integration
}

// Production reports whether the sandbox is refused.
func (c *Config) Production() bool { return c.Mode == ModeProduction }

// Default is the configuration where nothing is set.
func Default() *Config {
	return &Config{
		Mode:       ModeDesktop,
		Listen:     "127.0.0.1:4780",
		UIListen:   "127.0.0.1:4781",
		Sandbox:    "http://127.0.0.1:4790",
		LogLevel:   slog.LevelInfo,
		PluginIdle: 5 * time.Minute,

		ApprovalTimeout: 2 * time.Minute,
		Inventory:       true,
		Avatars:         true,
	}
}
