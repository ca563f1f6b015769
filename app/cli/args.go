// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// operands checks that a command has the arguments of its usage line, so that
// there is one place that says them. A word in brackets may be left out; flags,
// which some lines name too, come after the arguments.
func operands(cmd *cobra.Command, args []string) error {
	words := strings.Fields(cmd.Use)[1:]
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") }); i >= 0 {
		words = words[:i]
	}
	var missing []string
	for i, word := range words {
		if i >= len(args) && !strings.HasPrefix(word, "[") {
			missing = append(missing, word)
		}
	}
	switch {
	case len(missing) > 0:
		return fmt.Errorf("%s is missing: %s %s", strings.Join(missing, " and "), cmd.CommandPath(), strings.Join(words, " "))
	case len(args) <= len(words):
		return nil
	case len(words) == 0:
		return fmt.Errorf("%s takes no argument, and was given %q", cmd.CommandPath(), args[0])
	}
	return fmt.Errorf("%q is too much: %s %s", args[len(words)], cmd.CommandPath(), strings.Join(words, " "))
}

// subcommand is the check of a command that only holds others: an argument is
// one that is not there, perhaps by a slip of the finger.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	asked := cmd.CommandPath() + " " + args[0]
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("there is no command %q; perhaps %s?", asked, strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no command %q", asked)
}
