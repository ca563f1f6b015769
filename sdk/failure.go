// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/standpipe/standpipe/sdk/internal/providerpb"
)

// failed turns the error of a method into what crosses the wire: a status whose
// detail holds the *Error. The status's own code says nothing more.
func failed(ctx context.Context, err error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e != nil:
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		// The host gave up and knows it.
		return status.FromContextError(ctx.Err()).Err()
	default:
		// The text stays here: nobody checked it for secrets.
		e = &Error{Code: CodePluginBug, Message: fmt.Sprintf("the plugin returned an error that is not an *sdk.Error but of type %s", errorTypes(err))}
	}
	text := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	s, detailErr := status.New(codes.FailedPrecondition, "see the details").WithDetails(&providerpb.Error{
		Code: text(string(e.Code)), Reason: text(string(e.Reason)), Field: text(e.Field),
		RetryAfter: duration(e.RetryAfter), ProviderCode: text(e.ProviderCode), Message: text(e.Message),
	})
	if detailErr != nil {
		return status.Error(codes.Internal, "the error cannot be encoded")
	}
	return s.Err()
}

// errorTypes names the types of an error's chain, outermost first.
func errorTypes(err error) string {
	var types []string
	for err != nil && len(types) < 5 {
		types = append(types, fmt.Sprintf("%T", err))
		err = errors.Unwrap(err)
	}
	return strings.Join(types, ", ")
}

// duration leaves zero out.
func duration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
