// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Activity is a part of the audit, newest first.
type Activity struct {
	Entries []ActivityEntry `json:"entries"`
	Next    uint64          `json:"next,omitempty"`    // before= of the next page; absent: this is the last one
	Damaged int             `json:"damaged,omitempty"` // lines that could not be read
}

// ActivityEntry is an entry of the audit. The ids are as they were written; the
// names are today's, of an app that is gone its last one, and absent where
// nobody knows any.
type ActivityEntry struct {
	Seq         uint64            `json:"seq"`
	Time        time.Time         `json:"time"`
	Action      hub.AuditAction   `json:"action"`
	Decision    hub.AuditDecision `json:"decision"`
	App         string            `json:"app,omitempty"` // id; "user" for the person at this machine
	AppName     string            `json:"app_name,omitempty"`
	Connection  string            `json:"connection,omitempty"`
	Integration string            `json:"integration,omitempty"`
	Account     string            `json:"account,omitempty"`
	Subject     string            `json:"subject,omitempty"`      // what was acted upon where that is no connection
	SubjectName string            `json:"subject_name,omitempty"` // where that is an app
	Rule        string            `json:"rule,omitempty"`         // what decided: a grant's id, "all", "user", a policy's name
	Code        hub.Code          `json:"code,omitempty"`         // of what was denied or failed
	Scope       string            `json:"scope,omitempty"`        // of the token, with spaces between
	Fingerprint string            `json:"fingerprint,omitempty"`
	Generation  uint64            `json:"generation,omitempty"`
	Reach       hub.Reach         `json:"reach,omitempty"`
	LatencyUS   int64             `json:"latency_us,omitempty"` // from the request to the decision, in microseconds
	Peer        *hub.Peer         `json:"peer,omitempty"`       // the process that asked, where the system tells
}

// AuditReport is what a check of the audit found.
type AuditReport struct {
	OK       bool           `json:"ok"`
	Entries  int            `json:"entries"`
	First    uint64         `json:"first"` // number of the oldest line that is kept
	Last     uint64         `json:"last"`
	Unsealed int            `json:"unsealed"` // entries of an earlier format, which prove nothing
	Problems []AuditProblem `json:"problems"`
}

// AuditProblem names a line that is not as it was written, or is missing.
type AuditProblem struct {
	File    string `json:"file,omitempty"` // in the data folder
	Line    int    `json:"line,omitempty"` // in that file, from 1
	Seq     uint64 `json:"seq,omitempty"`  // its number in the audit
	Message string `json:"message"`
}
