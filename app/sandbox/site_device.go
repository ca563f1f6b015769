// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// device is the page on which a user enters a code (RFC 8628 section 3.3).
func (s *site) device(w http.ResponseWriter, r *http.Request) {
	here := s.base() + s.devicePath
	code := tidyCode(r.URL.Query().Get("user_code"))
	client, scopes, ok := s.DeviceRequest(code)
	if !ok {
		data := map[string]any{"Name": s.title, "Action": here, "Code": code}
		if code != "" {
			data["Problem"] = "No app shows this code, or it has expired."
		}
		render(w, http.StatusOK, "", "device.html", data)
		return
	}
	here += "?" + url.Values{"user_code": {code}}.Encode()
	user, ok := s.signedIn(r)
	if !ok {
		s.showLogin(w, here)
		return
	}
	s.showConsent(w, client, user, scopes, "", map[string]any{
		"Action": s.base() + s.devicePath, "Field": "user_code", "Request": code,
		"Switch": s.base() + "/login?" + url.Values{"return_to": {here}}.Encode(),
	})
}

func (s *site) answerDevice(w http.ResponseWriter, r *http.Request) {
	user, ok := s.signedIn(r)
	code := tidyCode(r.PostFormValue("user_code"))
	login := user.Login
	if r.PostFormValue("decision") != "authorize" {
		login = ""
	}
	switch {
	case !ok:
		s.showLogin(w, s.base()+s.devicePath+"?"+url.Values{"user_code": {code}}.Encode())
	case !s.AnswerDevice(code, login):
		s.problem(w, http.StatusUnprocessableEntity, "This cannot be done", "No app shows this code, or it has expired.")
	case login == "":
		s.problem(w, http.StatusOK, "Cancelled", "The app gets no access.")
	default:
		s.problem(w, http.StatusOK, "Device connected", "Go back to the app: it goes on by itself.")
	}
}

// tidyCode reads a code as people type it.
func tidyCode(code string) string {
	code = strings.ToUpper(strings.TrimSpace(code))
	if len(code) == 8 && !strings.Contains(code, "-") {
		code = code[:4] + "-" + code[4:]
	}
	return code
}

// deviceFields is the answer of a device authorization endpoint; uri is how it
// spells verification_uri.
func (s *site) deviceFields(r *http.Request, d oauthtest.Device, uri string) map[string]any {
	return map[string]any{
		"device_code": d.DeviceCode, "user_code": d.UserCode, uri: s.origin(r) + s.devicePath,
		"expires_in": int(d.ExpiresIn / time.Second), "interval": int(d.Interval / time.Second),
	}
}
