// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// picture asks for the picture of a user, and does without where the token may
// not list people, or anything else is in the way: it is only a picture.
// https://docs.slack.dev/reference/methods/users.info
func (p *provider) picture(ctx context.Context, r *sdk.IdentifyRequest, user string) string {
	base := strings.TrimRight(r.Config["base_url"], "/")
	if base == "" {
		base = descriptor.Config[0].Default
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/users.info", strings.NewReader(url.Values{"user": {user}}.Encode()))
	if err != nil {
		return ""
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+r.AccessToken.Reveal())
	resp, err := oauth.Client(ctx).Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		OK   bool
		User struct {
			Profile struct {
				Picture string `json:"image_192"`
			}
		}
	}
	if json.NewDecoder(resp.Body).Decode(&answer) != nil || !answer.OK {
		return ""
	}
	return answer.User.Profile.Picture
}
