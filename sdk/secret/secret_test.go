// SPDX-License-Identifier: Apache-2.0

package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/sdk/secret"
)

func TestValueNeverPrints(t *testing.T) {
	const canary = "canary-3f9a"
	v := secret.New(canary)
	holder := struct{ Token secret.Value }{v}

	var outputs []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		outputs = append(outputs, fmt.Sprintf(verb, v), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder))
	}
	b, err := json.Marshal(map[string]any{"v": v, "h": holder, "p": &holder})
	if err != nil {
		t.Fatal(err)
	}
	outputs = append(outputs, string(b))
	var buf bytes.Buffer
	slog.New(slog.NewJSONHandler(&buf, nil)).Info("x", "v", v, "h", holder)
	slog.New(slog.NewTextHandler(&buf, nil)).Info("x", "v", v, "h", holder)
	outputs = append(outputs, buf.String())

	for _, o := range outputs {
		if strings.Contains(o, canary) || strings.Contains(o, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret shows in %q", o)
		}
	}
	if v.Reveal() != canary {
		t.Error("Reveal does not return the content")
	}
}

func TestEqualAndZero(t *testing.T) {
	if !secret.New("a").Equal(secret.New("a")) || secret.New("a").Equal(secret.New("b")) {
		t.Error("Equal is wrong")
	}
	if !(secret.Value{}).IsZero() || secret.New("x").IsZero() {
		t.Error("IsZero is wrong")
	}
}
