// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// checkReplaced finds the stores that restores put aside: they hold tokens, and
// open with the keys of their time.
func checkReplaced(_ context.Context, a *App) []contract.Finding {
	kept, err := seal.Replaced(a.paths.Data)
	if err != nil {
		return bad(err)
	}
	if len(kept) == 0 {
		return good("no store that was replaced is kept")
	}
	detail := fmt.Sprintf("%d earlier stores, with their tokens, are kept: %s", len(kept), strings.Join(kept, " "))
	audited := slices.DeleteFunc(kept, func(folder string) bool {
		_, err := os.Lstat(filepath.Join(folder, hub.AuditFile))
		return err != nil
	})
	if len(audited) > 0 {
		detail += "; with the audit of their time: " + strings.Join(audited, " ")
	}
	return warn("Delete these folders when all is well.", "%s", detail)
}

// checkElsewhere counts the connections that are out of use because another hub
// may use their tokens.
func checkElsewhere(ctx context.Context, a *App) []contract.Finding {
	n := 0
	for c, err := range a.conns.All(ctx) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			continue // told of by the check of the records
		}
		if err != nil {
			return bad(err)
		}
		if c.Elsewhere() {
			n++
		}
	}
	if n > 0 {
		return warn("Once no other hub uses their tokens: standpipe connections resume --all",
			"%d connections are out of use: they were moved away, or restored from a backup", n)
	}
	return good("no connection waits because of a move or a restore")
}
