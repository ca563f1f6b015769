// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"errors"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Collect makes an inventory of connections, with the rest as it is given. Where
// the connections are those of last (nil: none), it reads one record; else as
// many connections as an inventory lists, however many there are. One that
// cannot be read is counted at most.
func Collect(ctx context.Context, last *hub.Inventory, integrations []hub.KeptIntegration, apps []hub.KeptApp, conns *hub.Connections) (*hub.Inventory, error) {
	in := &hub.Inventory{Integrations: integrations, Apps: apps}
	tally, err := conns.Tally(ctx)
	_, damaged := errors.AsType[*hub.IntegrityError](err)
	switch {
	case damaged || errors.Is(err, hub.ErrNotFound):
		return in, addAll(ctx, in, conns)
	case err != nil:
		return nil, err
	}
	in.Mark = tally.Mark // read before the connections: what changes meanwhile is seen the next time
	if last != nil && last.Mark == tally.Mark {
		in.Lost = last.Lost
		return in, nil
	}
	mine, err := conns.First(ctx, hub.Me, hub.MaxInventory)
	if err != nil {
		return nil, err
	}
	for _, c := range mine {
		in.Add(c)
		tally.Counts[c.Integration]--
	}
	for integration, n := range tally.Counts {
		in.AddMore(integration, n)
	}
	return in, nil
}

// addAll looks at every connection, where nobody has counted them.
func addAll(ctx context.Context, in *hub.Inventory, conns *hub.Connections) error {
	for c, err := range conns.All(ctx) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			continue
		}
		if err != nil {
			return err
		}
		in.Add(c)
	}
	return ctx.Err()
}
