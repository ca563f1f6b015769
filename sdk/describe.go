// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/standpipe/standpipe/sdk/internal/protocol"
)

// describe asks p for its providers and fills in what is derived. One that is
// not valid is left out and told of in problems, so that it does not take the
// others with it; if none is left, that is an error.
func describe(ctx context.Context, p Provider, r *DescribeRequest) (out *DescribeResponse, problems []error, err error) {
	resp, err := p.Describe(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if resp == nil {
		return nil, nil, &Error{Code: CodePluginBug, Message: "Describe returned neither an answer nor an error"}
	}
	capabilities := CapabilitiesOf(p)
	out = &DescribeResponse{Version: cmp.Or(resp.Version, PluginVersion), SDK: sdkVersion()}
	seen := map[string]bool{}
	for _, d := range resp.Providers {
		err := d.Validate()
		if err == nil && seen[d.Slug] {
			err = errors.New("it is described twice")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("provider %q: %w", d.Slug, err))
			continue
		}
		seen[d.Slug] = true
		d.Capabilities = narrowed(capabilities, d.Capabilities)
		out.Providers = append(out.Providers, d)
	}
	if len(out.Providers) == 0 && len(problems) > 0 {
		return nil, problems, &Error{Code: CodePluginBug, Message: "no provider of this plugin is valid; " + problems[0].Error()}
	}
	return out, problems, nil
}

// narrowed is what a plugin can do, less what a provider leaves out.
func narrowed(derived, set []Capability) []Capability {
	out := slices.Clone(derived)
	if set == nil {
		return out
	}
	return slices.DeleteFunc(out, func(c Capability) bool { return !slices.Contains(set, c) })
}

// printDescription writes what a host would learn of the plugin, as JSON with
// the names of the protocol. Its result is the exit code.
func printDescription(ctx context.Context, p Provider, stdout, stderr io.Writer) int {
	resp, problems, err := describe(ctx, p, &DescribeRequest{})
	for _, problem := range problems {
		fmt.Fprintln(stderr, problem)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	out := struct {
		Protocol  int               `json:"protocol"`
		Version   string            `json:"version,omitempty"`
		SDK       string            `json:"sdk,omitempty"`
		Providers []json.RawMessage `json:"providers"`
	}{protocol.Version, resp.Version, resp.SDK, []json.RawMessage{}}
	for i := range resp.Providers {
		b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(encodeDescriptor(&resp.Providers[i]))
		if err != nil {
			fmt.Fprintf(stderr, "provider %q: %v\n", resp.Providers[i].Slug, err)
			return 1
		}
		out.Providers = append(out.Providers, b)
	}
	enc := json.NewEncoder(stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if len(problems) > 0 {
		return 1
	}
	return 0
}
