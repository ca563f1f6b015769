// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestEntryIsJSON: an entry is written as encoding/json writes it, whichever of
// its fields are set, those too that a later version adds.
func TestEntryIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e hub.AuditEntry
		set(t, reflect.ValueOf(&e).Elem())
		want, wantErr := json.Marshal(e)
		got, err := appendEntry(nil, &e)
		if (err == nil) != (wantErr == nil) || string(got) != string(want) {
			t.Fatalf("%s, %v\nwant %s, %v", got, err, want, wantErr)
		}
	})
}

// set draws a value for each field.
func set(t *rapid.T, v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch {
		case f.Type() == reflect.TypeFor[time.Time]():
			zone := time.FixedZone("", rapid.IntRange(-23, 23).Draw(t, "zone")*3600)
			at := time.Unix(rapid.Int64Range(-1<<37, 1<<39).Draw(t, name), rapid.Int64Range(0, 1e9-1).Draw(t, name))
			f.Set(reflect.ValueOf(at.In(zone)))
		case rapid.Bool().Draw(t, "leave out "+name):
		case f.Kind() == reflect.String:
			odd := rapid.SampledFrom([]string{"", "\"", "\\", "<&>", "\u2028", "\xff", "\n", "\x7f", "é"}).Draw(t, "odd")
			f.SetString(rapid.String().Draw(t, name) + odd)
		case f.CanInt():
			f.SetInt(rapid.Int64().Draw(t, name))
		case f.CanUint():
			f.SetUint(rapid.Uint64().Draw(t, name))
		case f.Kind() == reflect.Struct:
			set(t, f)
		default:
			t.Fatalf("the test knows no %s", f.Type())
		}
	}
}
