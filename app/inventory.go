// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/inventory"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// openInventory begins to keep an inventory, or removes the one of a user who
// wants none. Whatever is wrong with it, the hub starts.
func (a *App) openInventory() {
	a.lost = &inventory.Lost{Store: a.store, Connections: a.conns}
	if a.paths.InventoryKey == "" {
		return // told of by doctor
	}
	file := seal.NewInventoryFile(a.paths.Data, a.paths.InventoryKey)
	if !a.config.Inventory {
		if err := file.Remove(); err != nil {
			a.log.Warn("the inventory is switched off and cannot be removed", "err", err)
		}
		return
	}
	a.inventory = inventory.New(inventory.Config{
		File: file, StoreID: a.vault.StoreID(), Bus: a.bus, Now: faults.Now, Logger: a.log, Last: a.lastInventory(file),
		Collect: func(ctx context.Context, last *hub.Inventory) (*hub.Inventory, error) {
			return inventory.Collect(ctx, last, a.catalog.Kept(), a.access.Kept(), a.conns)
		},
	})
	a.onClose(a.inventory.Close)
}

// lastInventory is the one of this store that is there, unless it is not to be
// believed.
func (a *App) lastInventory(file *seal.InventoryFile) *hub.Inventory {
	storeID, content, err := file.Read()
	if err != nil || storeID != a.vault.StoreID() || a.opts.AcceptRollback {
		return nil
	}
	last, err := hub.DecodeInventory(content)
	if err != nil {
		return nil
	}
	return last
}

// keepInventory is the part of Run that does so.
func (a *App) keepInventory(ctx context.Context) error {
	if a.inventory == nil {
		return nil
	}
	return a.inventory.Run(ctx)
}

func checkInventory(_ context.Context, a *App) []contract.Finding {
	switch {
	case !a.config.Inventory:
		return good("no inventory is kept, as the configuration says; should all keys be lost, standpipe keys reset begins from nothing")
	case a.inventory == nil:
		return warn("Set HOME or XDG_STATE_HOME.", "no inventory can be kept: there is no state folder for its key")
	case a.inventory.Err() != nil:
		return bad(a.inventory.Err())
	}
	_, err := readInventory(a.paths)
	switch {
	case errors.Is(err, seal.ErrNoInventory):
		return good("the inventory is written within seconds of the start of a hub that serves")
	case errors.Is(err, seal.ErrUnsafe): // nothing is written there either
		e := hub.AsError(err)
		return warn(e.Remedy, "no inventory can be kept: %s", e.Message)
	case err != nil:
		e := hub.AsError(err)
		return warn("It is written anew with the next change, and by the next start of a hub that serves.", "the inventory cannot be used: %s", e.Message)
	}
	return good("an inventory is kept, should all keys be lost")
}

// readInventory reads the inventory of a data folder, open or not.
func readInventory(paths instance.Paths) (*hub.Inventory, error) {
	if paths.InventoryKey == "" {
		return nil, seal.ErrNoInventory
	}
	_, content, err := seal.NewInventoryFile(paths.Data, paths.InventoryKey).Read()
	if err != nil {
		return nil, err
	}
	return hub.DecodeInventory(content)
}

// closedInventory is what a reset could begin from, where the hub does not
// open.
func closedInventory(paths instance.Paths) []contract.Finding {
	in, err := readInventory(paths)
	switch {
	case errors.Is(err, seal.ErrNoInventory):
		return good("there is no inventory")
	case err != nil:
		return bad(err)
	}
	return good("should its key be lost for good, standpipe keys reset keeps %d integrations, %d apps and the list of %d accounts",
		len(in.Integrations), len(in.Apps), in.Count())
}

func checkLost(ctx context.Context, a *App) []contract.Finding {
	lost, err := a.lost.List(ctx)
	switch {
	case err != nil:
		return bad(err)
	case !lost.Empty():
		return warn("standpipe connections lost lists them, and gives them up with --forget.",
			"%d accounts were lost with the keys and are not connected again", lost.Count())
	}
	return good("no account that was lost with its keys waits to be connected again")
}

// allNotices are those of the configuration, what is damaged, and what to reconnect
// after a reset. Of that, a locked hub tells nothing.
func (a *App) allNotices(ctx context.Context) []contract.Notice {
	out := a.configNotices()
	for _, e := range a.catalog.Damaged() {
		out = append(out, contract.Notice{Severity: "error", Message: strings.ToUpper(e.Message[:1]) + e.Message[1:] + ".", Remedy: e.Remedy})
	}
	lost, err := a.lost.List(ctx)
	if err != nil || lost.Empty() {
		return out
	}
	return append(out, contract.Notice{
		Severity: "warning",
		Message:  fmt.Sprintf("The keys were reset. To be connected again: %s.", lostWords(lost)),
		Remedy:   "Connect them, and let the apps draw again what they need. To be told no more: standpipe connections lost --forget",
	})
}

// fewLost is how many accounts a notice names.
const fewLost = 10

func lostWords(lost hub.Lost) string {
	var words []string
	for _, a := range lost.Accounts[:min(fewLost, len(lost.Accounts))] {
		words = append(words, a.Integration+" "+a.Account)
	}
	if more := len(lost.Accounts) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	for _, slug := range slices.Sorted(maps.Keys(lost.More)) {
		words = append(words, fmt.Sprintf("%d of %s", lost.More[slug], slug))
	}
	return strings.Join(words, ", ")
}
