// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestDialerPrompt: a prompt needs a ticket of a call that may ask, is cleaned,
// and leads to no host but the provider's.
func TestDialerPrompt(t *testing.T) {
	d := testDialer(t, Outbound{})
	ctx, clock, cancel := callContext(t.Context(), time.Minute, true)
	defer cancel()
	may := d.issue(ctx, []string{"p.example:443"}, false)
	var got hub.Prompt
	answer := hub.PromptAnswer{Value: secret.New("mine")}
	may.clock, may.prompter = clock, func(_ context.Context, p hub.Prompt) (hub.PromptAnswer, error) {
		got = p
		return answer, nil
	}
	mayNot := d.issue(t.Context(), nil, false)
	post := func(ticket, body string) (int, string) {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", d.listener.Addr().String())
		}}}
		req, err := http.NewRequest(http.MethodPost, "http://standpipe/prompt", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+ticket)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if status, body := post(may.value, `{"kind":"ask","text":"Which\u001b[2J shop?\n","label":"Shop","secret":true}`); status != 200 || body != `{"value":"mine"}` {
		t.Errorf("an honest question: %d %s", status, body)
	}
	if got.Text != "Which[2J shop?" || got.Label != "Shop" || !got.Secret || got.Kind != hub.PromptAsk {
		t.Errorf("the prompt is %+v", got)
	}
	if status, _ := post(may.value, `{"kind":"open","text":"look","url":"https://p.example/terms"}`); status != 200 || got.URL != "https://p.example/terms" {
		t.Errorf("the provider's page: %d, %+v", status, got)
	}
	answer = hub.PromptAnswer{Declined: true}
	if status, body := post(may.value, `{"kind":"ask","text":"x","label":"y"}`); status != 200 || body != `{"declined":true}` {
		t.Errorf("declined: %d %s", status, body)
	}
	for body, want := range map[string]int{
		`{"kind":"open","text":"look","url":"https://evil.example/"}`: 400,
		`{"kind":"open","text":"look","url":"javascript:alert(1)"}`:   400,
		`{"kind":"ask","text":"no label"}`:                            400,
		`{"kind":"ask","label":"no text"}`:                            400,
		`{"kind":"format the disk","text":"x"}`:                       400,
		`{"kind":`:                                                    400,
	} {
		if status, _ := post(may.value, body); status != want {
			t.Errorf("%s: %d, want %d", body, status, want)
		}
	}
	question := `{"kind":"ask","text":"x","label":"y"}`
	if status, _ := post(mayNot.value, question); status != 404 {
		t.Errorf("with nobody to ask: %d", status)
	}
	if status, _ := post("made-up", question); status != 403 {
		t.Errorf("with a made-up ticket: %d", status)
	}
	may.drop()
	if status, _ := post(may.value, question); status != 403 {
		t.Errorf("with the ticket of a call that is over: %d", status)
	}
}

// TestCallClock: a call's time stands still while the user is asked, and ends
// the call all the same.
func TestCallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, clock, cancel := callContext(t.Context(), 10*time.Second, true)
		defer cancel()
		time.Sleep(6 * time.Second)
		clock.pause()
		time.Sleep(time.Hour)
		clock.resume()
		time.Sleep(3 * time.Second)
		if ctx.Err() != nil {
			t.Fatal("the user's time counted")
		}
		time.Sleep(2 * time.Second)
		if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			t.Errorf("after its time the call ends with %v", context.Cause(ctx))
		}
	})
}
