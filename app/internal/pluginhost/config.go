// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"log/slog"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Config is what a Host needs.
type Config struct {
	// Dirs are the folders to look for plugins in, as absolute paths; where
	// two have a plugin of the same name, the first one's counts. A folder
	// that does not exist is no error.
	Dirs []string
	// RunDir holds sockets and the executed copies. It is made with mode 0700
	// and must be on a file system from which programs may be executed.
	RunDir string
	// Definitions are the declared providers, a JSON object with a "slug" each.
	Definitions [][]byte
	// Store keeps what the plugins said of themselves, so that a host that is made
	// anew need not start them to know it; nil: it starts them.
	Store hub.Store
	// Logger; nil discards.
	Logger *slog.Logger
	// Now is the clock on which tokens expire; nil: time.Now. Time limits are
	// real time always.
	Now func() time.Time
	// Publisher hears of each change of a plugin's state; nil: nobody does.
	Publisher hub.Publisher
	// Crashed is told of each plugin that is stopped because it is in a crash
	// loop; nil: nobody is. It may be called by several goroutines.
	Crashed func(PluginStatus)
	// Outbound is how calls of plugins reach the network.
	Outbound Outbound

	StartTimeout time.Duration // from launch to the first answer; 0: 15 s
	CallTimeout  time.Duration // of one call; 0: 40 s
	IdleStop     time.Duration // a plugin without calls is stopped after it; 0: 5 min
	BackoffMin   time.Duration // wait after the first failed start; 0: 1 s
	BackoffMax   time.Duration // longest wait; 0: 5 min
}

// startTimeout is how long a plugin may take to begin. It takes tenths of a
// second, on a machine that is busy some seconds.
const startTimeout = 15 * time.Second

func (c Config) withDefaults() (Config, error) {
	if c.RunDir == "" {
		return c, errors.New("pluginhost: Config.RunDir must be set")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Publisher == nil {
		c.Publisher = nobody{}
	}
	if c.Crashed == nil {
		c.Crashed = func(PluginStatus) {}
	}
	c.Outbound = c.Outbound.withDefaults()
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&c.StartTimeout, startTimeout},
		{&c.CallTimeout, 40 * time.Second},
		{&c.IdleStop, 5 * time.Minute},
		{&c.BackoffMin, time.Second},
		{&c.BackoffMax, 5 * time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	return c, nil
}

type nobody struct{}

func (nobody) Publish(hub.Event) {}
