// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/standpipe/standpipe/configs"
)

// readBack reads one definition from a file.
func readBack(t interface{ Fatalf(string, ...any) }, file []byte) Definition {
	all, found := LoadProviders(fstest.MapFS{"one.hcl": {Data: file}})
	if len(found) > 0 || len(all) != 1 {
		t.Fatalf("%d definitions, %v, of\n%s", len(all), found, file)
	}
	return all[0]
}

// TestWriteBundled writes every bundled definition; read again, it is the same.
func TestWriteBundled(t *testing.T) {
	all, found := LoadProviders(configs.Providers())
	if found.HasErrors() || len(all) == 0 {
		t.Fatal(found)
	}
	for _, d := range all {
		file, err := WriteProvider(d.JSON, "A comment.")
		if err != nil {
			t.Fatal(err)
		}
		if got := readBack(t, file); string(got.JSON) != string(d.JSON) {
			t.Errorf("%s: written as\n%s\nand read as\n%s\nwant\n%s", d.Slug, file, got.JSON, d.JSON)
		}
	}
}

// TestWriteAnything does the same with whatever the schema allows, quotation
// marks and template sequences in texts, labels and names included.
func TestWriteAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := anyFields(t, providerSchema)
		fields["slug"] = "acme"
		want, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		file, err := WriteProvider(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := readBack(t, file); string(got.JSON) != string(want) {
			t.Fatalf("written as\n%s\nand read as\n%s\nwant\n%s", file, got.JSON, want)
		}
	})
}

func TestWriteRefuses(t *testing.T) {
	for definition, want := range map[string]string{
		`{"slug":"Acme"}`:                      "no name",
		`{"slug":"acme","secret":"x"}`:         `no field "secret"`,
		`{"slug":"acme","redirect":7}`:         "no object",
		`{"slug":"acme","name":null}`:          "cannot be written",
		`{"slug":"acme","identity":{"urn":7}}`: `no field "urn"`,
		`[]`:                                   "cannot unmarshal",
	} {
		if file, err := WriteProvider([]byte(definition)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q\n%s", definition, err, want, file)
		}
	}
}

// anyText has what HCL gives a meaning to, and is in the form NFC, in which HCL
// reads texts. Lists and tables hold lines, without control characters.
var (
	anyText = textOf("aZ09 -_.:/\\\"'${}%#=ü→🙂\n\t")
	anyLine = textOf("aZ09 -_.:/\\\"'${}%#=ü→🙂")
)

func textOf(letters string) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 1, 20, -1)
}

func anyFields(t *rapid.T, sc schema) map[string]any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(sc)) {
		if f := sc[name]; rapid.IntRange(0, 3).Draw(t, name) == 0 {
			out[f.key(name)] = anyValue(t, name, f)
		}
	}
	return out
}

func anyValue(t *rapid.T, name string, f field) any {
	one, line := anyText, anyLine
	if f.choices != nil {
		one, line = rapid.SampledFrom(f.choices), rapid.SampledFrom(f.choices)
	}
	number := rapid.Map(rapid.IntRange(0, 1<<31-1), func(n int) any { return n })
	switch f.kind {
	case kBool:
		return rapid.Bool().Draw(t, name)
	case kNumber:
		return number.Draw(t, name)
	case kNumbers:
		return rapid.SliceOfN(number, 1, 3).Draw(t, name)
	case kTexts:
		return rapid.SliceOfNDistinct(line, 1, 2, rapid.ID).Draw(t, name)
	case kTable:
		return rapid.MapOfN(anyLine, anyLine, 1, 3).Draw(t, name)
	case kDuration:
		return rapid.SampledFrom([]string{"1s", "1m30s", "2h0m0s"}).Draw(t, name)
	case kBlock:
		return anyFields(t, f.sub)
	case kNamed:
		out := map[string]any{}
		for _, label := range rapid.SliceOfNDistinct(anyLine, 1, 3, rapid.ID).Draw(t, name) {
			out[label] = anyFields(t, f.sub)
		}
		return out
	case kBlocks:
		out := []any{}
		for _, label := range rapid.SliceOfNDistinct(anyLine, 1, 3, rapid.ID).Draw(t, name) {
			entry := anyFields(t, f.sub)
			if f.label != "" {
				entry[f.label] = label
			}
			out = append(out, entry)
		}
		return out
	default:
		return one.Draw(t, name)
	}
}
