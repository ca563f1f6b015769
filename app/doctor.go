// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// A check looks at one thing and answers with findings: good, warn, or bad. It
// must tell no secret, name or account. To add one, write it and put it into
// the list.
type check struct {
	name string
	run  func(context.Context, *App) []contract.Finding
}

// checks are all that doctor does with an open hub, in the order of telling.
var checks = []check{
	{"folder.modes", func(_ context.Context, a *App) []contract.Finding { return checkModes(a.paths.Data) }},
	{"folder.space", checkSpace},
	{"vault.format", checkFormat},
	{"vault.key", checkKey},
	{"vault.recovery", checkRecovery},
	{"vault.inventory", checkInventory},
	{"vault.anchor", checkAnchor},
	{"vault.rotation", checkRotation},
	{"store.records", checkRecords},
	{"store.deleted", checkDeleted},
	{"store.replaced", checkReplaced},
	{"integrations", checkIntegrations},
	{"connections.elsewhere", checkElsewhere},
	{"connections.lost", checkLost},
	{"process.memory", checkMemory},
	{"process.hardening", func(context.Context, *App) []contract.Finding { return checkProcess() }},
	{"config", checkConfig},
	{"providers", checkDeclared},
	{"plugins", checkPlugins},
	{"plugins.held", checkHolding},
}

func good(format string, args ...any) []contract.Finding {
	return []contract.Finding{{Status: contract.FindingOK, Detail: fmt.Sprintf(format, args...)}}
}

func warn(remedy, format string, args ...any) []contract.Finding {
	return []contract.Finding{{Status: contract.FindingWarning, Detail: fmt.Sprintf(format, args...), Remedy: remedy}}
}

// bad tells of an error in the words that it has for people.
func bad(err error) []contract.Finding {
	e := hub.AsError(err)
	if e.Code == hub.CodeInternal { // the reader is the one who runs the program
		e = &hub.Error{Message: err.Error()}
	}
	status := contract.FindingError
	if e.Code == hub.CodeLocked { // not wrong, only not to be looked at now
		status = contract.FindingWarning
	}
	return []contract.Finding{{Status: status, Detail: e.Message, Remedy: e.Remedy}}
}

func (a *App) diagnose(ctx context.Context) contract.Diagnosis {
	var d contract.Diagnosis
	for _, c := range checks {
		for _, f := range c.run(ctx, a) {
			f.Check = c.name
			d.Findings = append(d.Findings, f)
		}
	}
	return d
}

// DiagnoseClosed is what doctor can tell of a data folder whose hub could not
// be opened, and why that was.
func DiagnoseClosed(opts Options, why error) contract.Diagnosis {
	var d contract.Diagnosis
	add := func(name string, list []contract.Finding) {
		for _, f := range list {
			f.Check = name
			d.Findings = append(d.Findings, f)
		}
	}
	if paths, err := instance.Resolve(opts.Config, opts.Data); err == nil {
		add("folder.modes", checkModes(paths.Data))
		add("vault.inventory", closedInventory(paths))
	}
	add("process.hardening", checkProcess())
	add("hub.open", bad(why))
	return d
}

func checkModes(dir string) []contract.Finding {
	if err := seal.CheckModes(dir); err != nil {
		return bad(err)
	}
	return good("the data folder and all files of the vault are yours and closed to others")
}

func checkSpace(_ context.Context, a *App) []contract.Finding {
	if err := a.store.Space(); err != nil {
		return bad(err)
	}
	return good("the disk of the data folder can be written and has room")
}

func checkFormat(_ context.Context, a *App) []contract.Finding {
	return good("the store has format %d, the current one", a.vault.Info().Format)
}

func checkKey(_ context.Context, a *App) []contract.Finding {
	i := a.vault.Info()
	kind, _, _ := strings.Cut(i.Source, ":")
	if i.Prompt {
		return good("the master key comes from a passphrase that is given at each start")
	}
	if err := a.vault.Check(seal.Source{}); err != nil {
		return bad(err)
	}
	if KeyInside(i.Source, a.paths.Data) {
		return warn(keyElsewhere, "the master key lies in the data folder: who gets a copy of the one has the other")
	}
	return good("the master key comes from: %s; it is there and the right one", kind)
}

const keyElsewhere = "Keep it elsewhere: standpipe keys change-source file:PATH (or keychain), then delete the old file"

// KeyInside reports whether a key source is a file in the data folder.
func KeyInside(source, data string) bool {
	_, path, isFile := strings.Cut(source, ":")
	rel, err := filepath.Rel(data, path)
	return isFile && err == nil && filepath.IsLocal(rel)
}

func checkRecovery(_ context.Context, a *App) []contract.Finding {
	if a.vault.Info().Recovery {
		return good("there is a recovery key")
	}
	return warn("Make one and keep it on paper: standpipe keys recovery-key", "there is no recovery key: should the master key be lost, only a backup helps")
}

func checkAnchor(_ context.Context, a *App) []contract.Finding {
	where := "in a file outside of the data folder"
	switch i := a.vault.Info(); {
	case i.Anchor == "keychain":
		where = "in the keychain"
	case strings.HasPrefix(i.Anchor, a.paths.Data):
		where = "in the data folder, so that it does not notice when all of that is put back"
	}
	last := a.store.Stats().Epoch
	epoch, err := a.vault.Anchor()
	switch {
	case err != nil:
		return bad(err)
	case epoch > last:
		return bad(hub.Errorf(hub.CodeIntegrity, "the rollback anchor is ahead of the store").
			WithRemedy("Restart the hub; it tells what is wrong."))
	}
	return good("the rollback anchor lies %s and follows the store", where)
}

// maxUpdates is when to rotate: each update seals some values under the data
// key, which is good for 2^32.
const maxUpdates = 1 << 29

func checkRotation(_ context.Context, a *App) []contract.Finding {
	const remedy = "standpipe keys rotate"
	switch st := a.store.Stats(); {
	case a.vault.Rotating():
		return warn(remedy, "a rotation of the data keys was begun and is not ended")
	case st.Updates > maxUpdates:
		return warn(remedy, "the data key has sealed %d updates", st.Updates)
	default:
		return good("the data key is good for more than it has sealed (%d updates)", st.Updates)
	}
}

func checkRecords(ctx context.Context, a *App) []contract.Finding {
	x, err := a.store.Examine(ctx)
	if err != nil {
		return bad(err)
	}
	if x.Damaged == 0 {
		return good("all %d records open", x.Records)
	}
	var out []contract.Finding
	for _, p := range x.Problems {
		out = append(out, contract.Finding{Status: contract.FindingError, Detail: p})
	}
	if more := x.Damaged - len(x.Problems); more > 0 {
		out = append(out, contract.Finding{Status: contract.FindingError, Detail: fmt.Sprintf("and %d more", more)})
	}
	return out
}

// checkIntegrations tells in words, with a remedy, what checkRecords found of them.
func checkIntegrations(_ context.Context, a *App) []contract.Finding {
	var out []contract.Finding
	for _, e := range a.catalog.Damaged() {
		out = append(out, bad(e)...)
	}
	if out == nil {
		return good("the settings of all integrations and custom providers can be read")
	}
	return out
}

func checkDeleted(_ context.Context, a *App) []contract.Finding {
	if n := a.store.Stats().Dropped; n > 0 {
		return warn("It is done once a day while the hub serves; now: standpipe doctor --compact",
			"%d deleted records are still in the files, openable for who has the keys", n)
	}
	return good("nothing that was deleted is left in the files")
}

func checkMemory(_ context.Context, a *App) []contract.Finding {
	switch pinned, err := a.vault.Pinned(); {
	case err != nil:
		return good("the vault is locked; no key is in memory")
	case !pinned:
		return warn("Raise the limit of locked memory (ulimit -l, or LimitMEMLOCK= in the unit).",
			"the wrapping key could not be locked into memory and may be swapped out")
	}
	return good("the wrapping key is in locked memory")
}

func checkConfig(_ context.Context, a *App) []contract.Finding {
	var out []contract.Finding
	for _, n := range a.configNotices() {
		if n.Severity != "info" {
			out = append(out, contract.Finding{Status: contract.FindingWarning, Detail: n.Message, Remedy: n.Remedy})
		}
	}
	if out == nil {
		return good("the configuration says nothing that is worth a word")
	}
	return out
}

// checkDeclared tells of files that win over what was declared in the window.
func checkDeclared(ctx context.Context, a *App) []contract.Finding {
	var out []contract.Finding
	for _, e := range a.catalog.List(ctx) {
		if e.Hides {
			out = append(out, warn("Remove the one or the other: the file, or in the window what it hides.",
				"the file %s declares a provider that was declared in the window too, and wins", filepath.Base(e.Files[len(e.Files)-1]))...)
		}
	}
	if out == nil {
		return good("no provider is declared twice")
	}
	return out
}

func checkPlugins(ctx context.Context, a *App) []contract.Finding {
	a.plugins.Try(ctx)
	var out []contract.Finding
	for _, p := range (pluginStatus{a.plugins, a.catalog}).Status() {
		if p.Error != "" {
			out = append(out, contract.Finding{
				Status: contract.FindingError, Detail: fmt.Sprintf("plugin %s: %s", p.Name, p.State), Remedy: "The hub's log says more; standpipe providers lists the plugins.",
			})
		}
		for _, slug := range p.Untaken {
			out = append(out, warn("standpipe provider check FILE, with the file that declares it, says which", "the declared provider %s has a fault and is left out", slug)...)
		}
	}
	if out == nil {
		return good("no plugin is out of order")
	}
	return out
}

// checkHolding says how plugins are held, and why not better.
func checkHolding(context.Context, *App) []contract.Finding {
	h := pluginhost.SystemHolding()
	if len(h.Missing) == 0 {
		return good("plugins are started without a network (seccomp), among no processes but their own (namespaces), and away from your files (Landlock %d)", h.Landlock)
	}
	var out []contract.Finding
	for _, m := range h.Missing {
		out = append(out, warn("Use a kernel that allows it, or install only plugins that you would run without.", "%s", m)...)
	}
	return out
}
