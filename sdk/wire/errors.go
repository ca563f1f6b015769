// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/internal/providerpb"
)

// TransportError is a call that failed between host and plugin: the plugin
// died, hung or did not speak the protocol, a message was too large, or the
// caller gave up. It says nothing of the provider. errors.Is finds
// context.DeadlineExceeded and context.Canceled in it where they apply.
type TransportError struct {
	Code    codes.Code // of gRPC: Unavailable for a plugin that is gone
	Message string     // for the log
}

// Error implements error.
func (e *TransportError) Error() string { return fmt.Sprintf("plugin call: %s: %s", e.Code, e.Message) }

// Unwrap returns the context's error that the code stands for, if any.
func (e *TransportError) Unwrap() error {
	switch e.Code {
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Canceled:
		return context.Canceled
	default:
		return nil
	}
}

// restore turns what gRPC returns into what the plugin meant.
func restore(err error) error {
	s := status.Convert(err)
	for _, detail := range s.Details() {
		if p, ok := detail.(*providerpb.Error); ok {
			return sdkError(p)
		}
	}
	if s.Code() == codes.Unimplemented {
		return sdk.Unsupported("the plugin cannot do this")
	}
	return &TransportError{Code: s.Code(), Message: s.Message()}
}

func sdkError(p *providerpb.Error) *sdk.Error {
	e := &sdk.Error{
		Code: sdk.Code(p.GetCode()), Reason: sdk.Reason(p.GetReason()), Field: p.GetField(),
		RetryAfter: max(p.GetRetryAfter().AsDuration(), 0), ProviderCode: p.GetProviderCode(), Message: p.GetMessage(),
	}
	switch e.Code {
	case sdk.CodeReauthorizationRequired, sdk.CodeUserDenied, sdk.CodeMisconfigured, sdk.CodeTemporary,
		sdk.CodeRateLimited, sdk.CodeSlowDown, sdk.CodeUnsupported, sdk.CodePluginBug:
	default:
		// A code that this host does not know has no consequence here.
		e.Code = sdk.CodePluginBug
	}
	return e
}
