// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"errors"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// verdict is what a provider's failure means for a refresh.
type verdict struct {
	permanent   hub.Reason // set: only the user can help
	unsupported bool       // the provider has no refresh
	public      *hub.Error // what callers get
	loss        loss
}

// loss says whether the provider may have answered without our learning it.
type loss int

const (
	certain loss = iota // it was not asked, or its answer is known
	unclear             // the network broke down in between: it may have been asked
	likely              // the plugin went away in the middle
)

func judge(err error, d *hub.Descriptor) verdict {
	if e, ok := errors.AsType[*hub.Error](err); ok {
		return verdict{public: e} // the plugin was not to be had: nothing was sent
	}
	pe, ok := errors.AsType[*hub.ProviderError](err)
	if !ok {
		pe = &hub.ProviderError{Class: hub.ProviderGone, Message: err.Error()}
	}
	v := verdict{public: pe.Public(d.Name)}
	switch pe.Class {
	case hub.ProviderReauthorize:
		v.permanent = pe.Reason
		if v.permanent == "" {
			v.permanent = hub.ReasonUnknown
		}
	case hub.ProviderDenied:
		v.permanent = hub.ReasonRevoked
	case hub.ProviderUnsupported:
		v.unsupported = true
	case hub.ProviderTemporary:
		// A provider that names its error or a time to wait has answered.
		if pe.ProviderCode == "" && pe.RetryAfter == 0 {
			v.loss = unclear
		}
	case hub.ProviderBug:
		v.loss = unclear
	case hub.ProviderGone:
		v.loss = likely
	}
	if pe.Unsent {
		v.loss = certain
	}
	return v
}

// leaves returns the intent that has to stay in the store after a failure:
// before is what was there when the refresh began, announced what it wrote.
func (v verdict) leaves(before, announced *hub.RefreshIntent, r hub.Rotation) *hub.RefreshIntent {
	switch {
	case r == hub.RotationNone:
		return nil // a lost answer costs nothing
	case v.loss == likely:
		return announced
	case v.loss == unclear && before == nil:
		return announced
	default:
		return before
	}
}

func answerLost(provider string) *hub.Error {
	return &hub.Error{
		Code:    hub.CodePluginUnavailable,
		Message: "the plugin of " + provider + " went away twice while the provider was answering; the token cannot be renewed",
		Remedy:  hub.ReasonAnswerLost.Remedy(),
	}
}
