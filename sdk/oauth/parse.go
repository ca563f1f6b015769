// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/url"
)

// parseAnswer decodes a body. RFC 6749 section 5.1 says JSON; GitHub answers a
// form, and some servers send JSON as text/plain, so a text that is no JSON
// object is read as a form only where it says that it is one.
func parseAnswer(contentType string, body []byte) (document, error) {
	media, _, _ := mime.ParseMediaType(contentType)
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '{' && media != "text/html" {
		return parseJSON(body)
	}
	if media == "application/x-www-form-urlencoded" || media == "text/plain" {
		return parseForm(body)
	}
	return nil, errNoDocument
}

func parseJSON(body []byte) (document, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var d document
	if err := dec.Decode(&d); err != nil {
		return nil, errNoDocument
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoDocument
	}
	return d, nil
}

func parseForm(body []byte) (document, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil || (!values.Has("access_token") && !values.Has("error")) {
		return nil, errNoDocument
	}
	d := make(document, len(values))
	for k, v := range values {
		d[k] = v[0]
	}
	return d, nil
}
