// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// appendEntry appends what json.Marshal makes of an entry, byte for byte, without
// what reflection costs: it is done for each token that is handed out.
func appendEntry(b []byte, e *hub.AuditEntry) ([]byte, error) {
	if y := e.Time.Year(); y < 0 || y > 9999 {
		return nil, errors.New("the time of an entry has no year of four digits")
	}
	b = append(b, `{"time":"`...)
	b = e.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	b = appendText(b, `,"action":`, string(e.Action))
	b = appendText(b, `,"decision":`, string(e.Decision))
	for _, f := range [...]struct{ name, value string }{
		{`,"app":`, e.App}, {`,"connection":`, e.Connection}, {`,"subject":`, e.Subject}, {`,"name":`, e.Name},
		{`,"rule":`, e.Rule}, {`,"code":`, string(e.Code)}, {`,"fingerprint":`, e.Fingerprint},
	} {
		b = appendSet(b, f.name, f.value)
	}
	if e.Generation != 0 {
		b = strconv.AppendUint(append(b, `,"generation":`...), e.Generation, 10)
	}
	b = appendSet(b, `,"reach":`, string(e.Reach))
	b = appendSet(b, `,"scope":`, e.Scope)
	if e.Peer != (hub.Peer{}) {
		b = strconv.AppendInt(append(b, `,"peer":{"uid":`...), int64(e.Peer.UID), 10)
		if e.Peer.PID != 0 {
			b = strconv.AppendInt(append(b, `,"pid":`...), int64(e.Peer.PID), 10)
		}
		b = appendSet(b, `,"exe":`, e.Peer.Exe)
		b = append(appendSet(b, `,"name":`, e.Peer.Name), '}')
	}
	if e.Latency != 0 {
		b = strconv.AppendInt(append(b, `,"latency_ns":`...), int64(e.Latency), 10)
	}
	return append(b, '}'), nil
}

// appendSet is appendText of a value that is left out when it is empty.
func appendSet(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(b, name, value)
}

// appendText appends a name and a value. What needs no escape, as nearly
// everything, is copied.
func appendText(b []byte, name, value string) []byte {
	b = append(b, name...)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			escaped, _ := json.Marshal(value) // a string always has a form
			return append(b, escaped...)
		}
	}
	return append(append(append(b, '"'), value...), '"')
}
