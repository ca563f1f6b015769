// SPDX-License-Identifier: Apache-2.0

package desktop

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// A link of the scheme standpipe comes from anywhere, any web page included. It
// may show something; the one that brings an answer of a provider is worth what
// the same answer in a browser is worth: the hub takes it only for a flow that
// waits for its state, once.
//
//	standpipe://show
//	standpipe://account/ID
//	standpipe://callback/PROVIDER[/KEY]?code=…&state=…
type link struct {
	account  string // to show
	callback string // path and query for the hub's app API
}

var connectionID = regexp.MustCompile(`^data_installation_[0-9A-Za-z]{1,64}$`)

// maxLink bounds a link, in bytes.
const maxLink = 8 << 10

func parseLink(text string) (link, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxLink || u.Scheme != "standpipe" || u.User != nil || u.Fragment != "" {
		return link{}, fmt.Errorf("this is no link for Standpipe")
	}
	switch {
	case u.Host == "show" && (u.Path == "" || u.Path == "/"):
		return link{}, nil
	case u.Host == "account" && connectionID.MatchString(u.Path[min(1, len(u.Path)):]):
		return link{account: u.Path[1:]}, nil
	case u.Host == "callback" && u.Query().Get("state") != "":
		return link{callback: "/callback" + u.EscapedPath() + "?" + u.RawQuery}, nil
	}
	return link{}, fmt.Errorf("this link asks for nothing that Standpipe knows")
}

// deliver hands a provider's answer to the hub. Who waits for it sees in the
// window what became of it.
func deliver(ctx context.Context, appAPI, callback string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, appAPI+callback, nil)
	if err != nil {
		return fmt.Errorf("this is no address of a callback")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the hub does not answer: %w", unwrapURL(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("nobody waits for this answer")
	}
	return nil
}

// unwrapURL drops the address from an error: it holds the provider's code.
func unwrapURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}
