// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Kind is the kind of a stored record. Kinds are declared here and nowhere
// else, and listed by Kinds.
type Kind string

// The kinds.
const (
	KindConnection  Kind = "connection"
	KindTokens      Kind = "tokens"
	KindPicture     Kind = "picture" // of a connection's account
	KindHistory     Kind = "history" // of the renewals of a connection
	KindPending     Kind = "pending" // a token set that awaits confirmation
	KindIntegration Kind = "integration"
	KindProvider    Kind = "provider" // that the user declared
	KindApp         Kind = "app"
	KindSession     Kind = "session" // of the browser UI
	KindSetting     Kind = "setting"
	KindAudit       Kind = "audit"        // the key of the audit
	KindAnchor      Kind = "audit-anchor" // a line of the audit that must be there
	KindRestored    Kind = "restored"     // a restore that the audit does not tell of yet
	KindRevocation  Kind = "revocation"   // of a connection that was ended
	KindDescription Kind = "description"  // what a plugin said of itself
)

// The kinds of the indexes, which are built anew where they are missing.
const (
	KindOwner   Kind = "owner"   // lists of connections by owner
	KindAccount Kind = "account" // lists of connections by OAuth client and account
	KindDue     Kind = "due"     // a kind for each minute, see Kind.Of
	KindTally   Kind = "tally"   // how many connections there are
)

// Of is the kind of one bucket of an index, so that listing it takes as long as
// it is large, whatever else is stored. bucket must not hold a zero byte.
func (k Kind) Of(bucket string) Kind { return k + "/" + Kind(bucket) }

// Bucket reports whether a kind is one of the many of an index.
func (k Kind) Bucket() bool { return strings.Contains(string(k), "/") }

// Ref names a record.
type Ref struct {
	Kind Kind
	ID   string
}

// Record is a stored value. Generation starts at 1 and grows by one with each
// write of the same Ref.
type Record struct {
	Ref
	Generation uint64
	Value      []byte
}

// Store keeps records sealed on disk. What is read was written under the same
// name, by this store, and is whole; anything else is an *IntegrityError. Safe
// for concurrent use.
type Store interface {
	// Get returns ErrNotFound where there is no such record.
	Get(context.Context, Ref) (Record, error)
	// List yields the records of a kind in no particular order. A record that
	// cannot be opened yields its *IntegrityError and the listing goes on.
	List(context.Context, Kind) iter.Seq2[Record, error]
	// Snapshot runs f on the store as it is at one moment, whatever is written
	// meanwhile. The Snapshot must not be used after f has returned. An error
	// of f is returned as it is.
	Snapshot(context.Context, func(Snapshot) error) error
	// Update runs f and applies all its writes, or none. When Update returns
	// nil, they are on disk (fsync); after an error of the store they may still
	// arrive. Updates are serialised: f runs when every earlier one has arrived,
	// or never will, sees what did, and must not call the store but through tx.
	// An error of f is returned as it is.
	Update(context.Context, func(tx Tx) error) error
}

// Snapshot is a store at one moment.
type Snapshot interface {
	// List is as that of the Store.
	List(context.Context, Kind) iter.Seq2[Record, error]
}

// Tx is a transaction within Update.
type Tx interface {
	Get(Ref) (Record, error)
	// Put writes value if the stored generation equals expect (0: must not
	// exist) and returns the new generation; otherwise ErrConflict.
	Put(ref Ref, expect uint64, value []byte) (uint64, error)
	// Delete removes a record; one that does not exist is no error.
	Delete(Ref) error
	// Discard removes what is damaged at an IntegrityError's Place, and nothing
	// else: ErrNotFound where nothing is.
	Discard(kind Kind, place string) error
}

// Replace is tx.Put, which it does also in the place of a record that is damaged:
// its generation cannot be known, so that expect does not matter then. It is for
// records that can be made anew.
func Replace(tx Tx, ref Ref, expect uint64, value []byte) (generation uint64, err error) {
	generation, err = tx.Put(ref, expect, value)
	if _, damaged := errors.AsType[*IntegrityError](err); !damaged {
		return generation, err
	}
	if err := tx.Delete(ref); err != nil {
		return 0, err
	}
	return tx.Put(ref, 0, value)
}

// ErrNotFound is returned for a record that does not exist.
var ErrNotFound = errors.New("no such record")

// ErrConflict is returned when a record changed since it was read.
var ErrConflict = errors.New("the record was changed meanwhile")

// IntegrityError says that a stored value is not what was written.
type IntegrityError struct {
	Ref    Ref    // zero where even the name cannot be told
	Place  string // where it lies in a listing, if Ref is zero: it tells nothing, and stays the same; see Tx.Discard
	Detail string // never content
}

// Error implements error.
func (e *IntegrityError) Error() string {
	name := "a record"
	if e.Ref != (Ref{}) {
		name = fmt.Sprintf("the %s record %q", e.Ref.Kind, e.Ref.ID)
	}
	return fmt.Sprintf("%s in the data folder was altered or is damaged (%s); it is not used; restore a backup, or remove and reconnect", name, e.Detail)
}

// OtherFormat is the error of a record, or file, that this program cannot read
// because another version of it wrote it.
func OtherFormat(what string, format, ours int) *Error {
	return Errorf(CodeStorage, "%s was written by another version of standpipe (format %d, this one reads %d)", what, format, ours).
		WithRemedy("Use the newer version.")
}
