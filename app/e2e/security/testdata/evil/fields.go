// SPDX-License-Identifier: Apache-2.0

package main

import (
	"reflect"
	"sort"

	"github.com/standpipe/standpipe/sdk/secret"
)

// fields lists the fields of a request that are set, those of embedded structs
// included, and the values of secrets.
func fields(v any) []string {
	var out []string
	walk(reflect.ValueOf(v).Elem(), &out)
	sort.Strings(out)
	return out
}

func walk(v reflect.Value, out *[]string) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i)
		if !name.IsExported() || f.IsZero() {
			continue
		}
		if name.Anonymous && f.Kind() == reflect.Struct {
			walk(f, out)
			continue
		}
		if s, ok := f.Interface().(secret.Value); ok {
			*out = append(*out, name.Name+"="+s.Reveal())
			continue
		}
		*out = append(*out, name.Name)
	}
}
