// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"time"
)

// Code names a refusal.
type Code string

// The codes that a program can do something about. Others may come.
const (
	ConsentRequired      Code = "consent_required"           // the user is being asked; Error.Approval names the question
	NotInstalled         Code = "not_installed"              // nothing is connected
	NeedsReauthorization Code = "needs_reauthorization"      // the account needs its user; Error.Reason says why
	AccountSelection     Code = "account_selection_required" // several accounts: Error.Choices
	Unauthorized         Code = "unauthorized"               // the key was revoked or has expired
	Denied               Code = "access_denied"              // the user said no to a pairing
	Locked               Code = "locked"                     // the hub is locked
	TooManyRequests      Code = "too_many_requests"
	ProviderUnavailable  Code = "provider_unavailable"
)

// Error is a refusal of the hub, in words.
type Error struct {
	Code       Code
	Status     int // of HTTP
	Message    string
	Remedy     string        // what the user can do
	Reason     string        // with NeedsReauthorization
	RetryAfter time.Duration // zero: not said
	Approval   string        // with ConsentRequired: the question that the user is asked
	Choices    []Choice      // with AccountSelection
}

// Choice is an account that could be meant.
type Choice struct {
	Connection string `json:"connected_account_id"`
	Account    string `json:"account"`
}

// Error implements error.
func (e *Error) Error() string {
	s := "standpipe: " + e.Message
	if e.Message == "" {
		s += string(e.Code)
	}
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return s
}

// IsCode reports whether an error is a refusal with that code.
func IsCode(err error, code Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

// ErrNoHub says that no hub runs.
var ErrNoHub = errors.New("standpipe: no hub is running (start Standpipe, or `standpipe serve`)")

// ErrStranger says that what answers at the hub's address is not the hub.
// Nothing was sent to it but a question.
var ErrStranger = errors.New("standpipe: what answers at the hub's address is not the hub; another program took its port")

// ErrNoKey says that the program has no key and may not pair.
var ErrNoKey = errors.New("standpipe: this program has no key (`standpipe apps add NAME --grant SLUG` makes one)")
