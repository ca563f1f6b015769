// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// exitCode ends the program with a code and without a word.
type exitCode int

// Error implements error.
func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exitInterrupted is what a shell reports of a program that Ctrl-C ended.
const exitInterrupted = 130

// mistake is one on the command line, found by a command that does not say
// which one it is: its caller knows.
type mistake struct{ error }

func usagef(format string, args ...any) error { return mistake{fmt.Errorf(format, args...)} }

// usageError is a mistake on the command line of command.
func usageError(err error, command string) error {
	return &hub.Error{Code: hub.CodeInvalid, Message: err.Error(), Remedy: "See: " + command + " --help", Err: err}
}

// fail reports err, in words or, with --json, as contract.Error, and returns
// the exit code.
func (e *env) fail(ctx context.Context, err error) int {
	if err == nil {
		return hub.ExitOK
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		e.note("standpipe: interrupted")
		return exitInterrupted
	}
	he := asHubError(err)
	if e.json {
		e.failJSON(he)
	} else {
		e.failWords(he)
	}
	return hub.OutcomeOf(he.Code).Exit
}

// asHubError finds code and remedy of an error. Unlike hub.AsError it keeps
// the words of every error: the reader is the one who runs the program.
func asHubError(err error) *hub.Error {
	if e, ok := errors.AsType[*hub.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*hub.IntegrityError](err); ok {
		return hub.AsError(e)
	}
	return &hub.Error{Code: hub.CodeInternal, Message: err.Error(), Err: err}
}

func (e *env) failWords(he *hub.Error) {
	e.note("standpipe: %s", plainLines(he.Message))
	for _, c := range he.Choices {
		e.note("  %s  %s", plain(c.Connection), plain(c.Account))
	}
	if he.RetryAfter > 0 {
		e.note("Try again in %s.", he.RetryAfter)
	}
	if he.Remedy != "" {
		e.note("%s", plainLines(he.Remedy))
	}
}

func (e *env) failJSON(he *hub.Error) {
	data, err := json.Marshal(errorBody(he))
	if err != nil {
		data = []byte(err.Error())
	}
	e.note("%s", data)
}

// errorBody is an error as --json shows it.
func errorBody(he *hub.Error) contract.Error {
	return contract.Error{
		Message:    he.Message,
		Code:       he.Code,
		Remedy:     he.Remedy,
		Field:      he.Field,
		Reason:     he.Reason,
		Choices:    he.Choices,
		RetryAfter: int(he.RetryAfter.Seconds()),
	}
}

// plainLines is plain, but keeps line breaks and tabs, which diagnostics of
// the configuration file need.
func plainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = plain(strings.ReplaceAll(line, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
