// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"

	"github.com/standpipe/standpipe/sdk/secret"
)

// Prompt is something that a plugin shows to, or wants from, the user who is
// connecting an account. Its texts come from outside: they were cut and cleaned,
// and are shown as the plugin's words, never as the hub's.
type Prompt struct {
	ID   string
	Kind PromptKind
	Text string
	// Label names the value that is asked for; Secret hides it while it is typed.
	Label  string
	Secret bool
	// URL is of PromptOpen. Its host is one of the provider's.
	URL string
}

// PromptKind is what a prompt is for.
type PromptKind string

// The kinds. A message is shown and not waited for; the others wait for an
// answer.
const (
	PromptMessage PromptKind = "message"
	PromptAsk     PromptKind = "ask"
	PromptOpen    PromptKind = "open" // look at the URL, then go on
)

// PromptAnswer is what the user said.
type PromptAnswer struct {
	Value    secret.Value // of PromptAsk
	Declined bool
}

// Prompter puts a prompt before the user and waits for the answer, where the
// kind has one. It returns an error when ctx ends or nobody can be asked.
type Prompter func(context.Context, Prompt) (PromptAnswer, error)
