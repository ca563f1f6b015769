// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

func fullSet() TokenSet {
	at := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	return TokenSet{
		AccessToken: secret.New("access-1"), RefreshToken: secret.New("refresh-1"), IDToken: secret.New("id-1"),
		TokenType: "Bearer", IssuedAt: at, Expiry: at.Add(time.Hour), ExpirySource: ExpiryDeclared,
		RefreshExpiry: at.Add(24 * time.Hour), Scopes: []string{"repo"}, Name: "bot",
		Named: map[string]NamedToken{"user": {
			AccessToken: secret.New("named-access"), RefreshToken: secret.New("named-refresh"),
			Expiry: at.Add(2 * time.Hour), ExpirySource: ExpiryJWT, Scopes: []string{"chat:write"},
			IssuedAt: at, Generation: 3, Asked: at.Add(time.Minute), Reason: ReasonRevoked,
		}},
		Metadata: map[string]string{"team": "T1"},
	}
}

// TestTokensSurviveTheStore also fails when a field is added to the types and
// forgotten in the stored form: no field of the example may be zero.
func TestTokensSurviveTheStore(t *testing.T) {
	previous := fullSet()
	in := Tokens{
		Connection: "c1", Generation: 7, Revision: 9, Current: fullSet(), Previous: &previous,
		Authorized: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		RotatedAt:  time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
		Intent:     &RefreshIntent{StartedAt: time.Date(2026, 11, 24, 0, 0, 1, 0, time.UTC), Retried: true},
	}
	for _, v := range []any{in, in.Current, in.Current.Named["user"], *in.Intent} {
		for i := range reflect.TypeOf(v).NumField() {
			if reflect.ValueOf(v).Field(i).IsZero() {
				t.Fatalf("the example leaves %T.%s empty", v, reflect.TypeOf(v).Field(i).Name)
			}
		}
	}
	b, err := encodeTokens(&in)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), secret.Redacted) {
		t.Fatal("a secret was stored redacted")
	}
	out, err := decodeTokens(Record{Ref: Ref{KindTokens, "c1"}, Generation: 9, Value: b})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&in, out) {
		t.Errorf("got  %#v\nwant %#v", out, &in)
	}
}

func TestTokenSetKeepsNilAndEmptyScopesApart(t *testing.T) {
	for _, scopes := range [][]string{nil, {}} {
		in := fullSet()
		in.Scopes = scopes
		b, err := EncodeTokenSet(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := DecodeTokenSet(Record{Ref: Ref{KindPending, "p"}, Value: b})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(in, out) {
			t.Errorf("scopes %#v came back as %#v", scopes, out.Scopes)
		}
	}
}

func TestForeignRecordsAreRefused(t *testing.T) {
	ref := Ref{KindTokens, "c1"}
	_, err := decodeTokens(Record{Ref: ref, Value: []byte("canary-not-json")})
	if _, ok := errors.AsType[*IntegrityError](err); !ok || strings.Contains(err.Error(), "canary") {
		t.Errorf("a broken record: %v", err)
	}
	_, err = decodeConnection(Record{Ref: Ref{KindConnection, "c1"}, Value: []byte(`{"v":2}`)})
	if AsError(err).Code != CodeStorage {
		t.Errorf("a newer record: %v", err)
	}
}

func TestConnectionSurvivesTheStore(t *testing.T) {
	in := Connection{ID: "c1", Owner: Me, Integration: "github", State: StateConnected, Scopes: []string{"repo"}, Generation: 3}
	b, err := encodeConnection(&in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := decodeConnection(Record{Ref: Ref{KindConnection, "c1"}, Generation: 4, Value: b})
	if err != nil {
		t.Fatal(err)
	}
	in.Generation = 4 // the store knows best
	if !reflect.DeepEqual(&in, out) {
		t.Errorf("got %#v, want %#v", out, &in)
	}
}
