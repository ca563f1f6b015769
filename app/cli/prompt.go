// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// prompts shows what the plugin of a flow says and asks, each once, and hands
// in the answers. Where nobody is at the terminal, the page can answer too.
func (c *connecting) prompts(ctx context.Context, flow contract.Flow) (contract.Flow, error) {
	for _, p := range flow.Prompts {
		if c.prompted[p.ID] {
			continue
		}
		if c.prompted == nil {
			c.prompted = map[string]bool{}
		}
		c.prompted[p.ID] = true
		if c.json {
			if err := c.printJSON(flow); err != nil {
				return flow, err
			}
		} else {
			c.note("The plugin of %s says: %s", flow.Integration, plain(p.Text))
		}
		if p.Kind == hub.PromptMessage || c.json || c.paste || !c.InTTY {
			continue
		}
		answer, err := c.answer(p)
		if err != nil {
			return flow, err
		}
		next, err := c.client.AnswerPrompt(ctx, flow.ID, p.ID, answer)
		if err != nil && asHubError(err).Code != hub.CodeNotFound { // answered on the page meanwhile
			return flow, err
		}
		if err == nil {
			flow.State, flow.Prompts = next.State, next.Prompts
		}
	}
	return flow, nil
}

// answer reads the answer to one prompt from the terminal.
func (c *connecting) answer(p contract.Prompt) (contract.AnswerPrompt, error) {
	if p.Kind == hub.PromptOpen {
		c.note("\n  %s\n\nPress Enter when you are done there.", plain(p.URL))
		if !c.noBrowser && c.OpenBrowser != nil {
			_ = c.OpenBrowser(p.URL) // the address stands there to be copied
		}
		_, err := c.readLine()
		return contract.AnswerPrompt{}, err
	}
	c.note("%s (empty to decline):", plain(p.Label))
	read := c.readLine
	if f, ok := c.In.(*os.File); ok && p.Secret && term.IsTerminal(int(f.Fd())) {
		read = func() (string, error) {
			b, err := term.ReadPassword(int(f.Fd()))
			return string(b), err
		}
	}
	value, err := read()
	return contract.AnswerPrompt{Value: value, Decline: value == ""}, err
}

func (c *connecting) readLine() (string, error) {
	if c.lines == nil {
		c.lines = bufio.NewReader(io.LimitReader(c.In, 64<<10))
	}
	line, err := c.lines.ReadString('\n')
	if line != "" && err == io.EOF {
		err = nil
	}
	return strings.TrimSpace(line), err
}
