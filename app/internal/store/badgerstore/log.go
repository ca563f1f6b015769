// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"fmt"
	"log/slog"
	"strings"
)

// logger hands Badger's log on at level debug: what matters of it comes back
// as errors, which are told once, in our words.
type logger struct{ log *slog.Logger }

func (l logger) Errorf(format string, args ...any)   { l.emit("error", format, args) }
func (l logger) Warningf(format string, args ...any) { l.emit("warning", format, args) }
func (l logger) Infof(format string, args ...any)    { l.emit("info", format, args) }
func (l logger) Debugf(format string, args ...any)   { l.emit("debug", format, args) }

func (l logger) emit(level, format string, args []any) {
	l.log.Debug("badger: "+strings.TrimSpace(fmt.Sprintf(format, args...)), "badger_level", level)
}
