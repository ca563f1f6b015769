// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Format is the version of the stream that this program writes. It reads every
// version up to this one.
const Format = 1

// Manifest is the first line of a backup: what it is a backup of.
type Manifest struct {
	Format    int       `json:"standpipe_backup"`
	ID        string    `json:"id"` // backup_<ulid>
	CreatedAt time.Time `json:"created_at"`
	Program   string    `json:"program"`  // version of standpipe that wrote it
	StoreID   string    `json:"store_id"` // of the store that it was made of
	// Moved says that the store was taken out of use when the backup was made:
	// nobody else renews its tokens.
	Moved bool `json:"moved"`
	// Records counts the records that follow, by kind.
	Records map[hub.Kind]int `json:"records"`
	// Damaged counts the records that could not be read and are missing.
	Damaged int `json:"damaged,omitempty"`
}

// Total is how many records follow.
func (m *Manifest) Total() int {
	n := 0
	for _, c := range m.Records {
		n += c
	}
	return n
}

// record is a line of the stream.
type record struct {
	Kind  hub.Kind `json:"kind"`
	ID    string   `json:"id"`
	Value []byte   `json:"value"` // as it is in the store; base64
}

// end is the last line: it tells a whole stream from one whose writer stopped.
type end struct {
	End     bool   `json:"end"`
	Records int    `json:"records"`
	SHA256  string `json:"sha256"` // of every byte before this line, in hex
}

// sum is the running hash of a stream.
type sum struct{ hash.Hash }

func newSum() sum { return sum{sha256.New()} }

func (s sum) hex() string { return hex.EncodeToString(s.Sum(nil)) }

// line is v as a line of the stream.
func line(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
