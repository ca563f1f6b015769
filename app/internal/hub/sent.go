// SPDX-License-Identifier: Apache-2.0

package hub

import "context"

type sentKey struct{}

// WithSent has f called once a call that is made with the context sends
// something to its provider. f may be called several times, from any goroutine,
// and must not block.
func WithSent(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, sentKey{}, f)
}

// Sent tells whoever wants to know it, see WithSent.
func Sent(ctx context.Context) {
	if f, ok := ctx.Value(sentKey{}).(func()); ok {
		f()
	}
}
