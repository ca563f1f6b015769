// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"

	"filippo.io/age"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxLine bounds a line, in bytes: a record of the largest size in base64, with
// its name.
const maxLine = 4 << 20

// ErrWrongKey is the cause where none of the identities opens a backup.
var ErrWrongKey = errors.New("the backup was made for another key")

// ErrDamaged is the cause where a backup is not, or not wholly, what was
// written.
var ErrDamaged = errors.New("the backup is damaged")

// ErrNewer is the cause where a newer program wrote a backup.
var ErrNewer = errors.New("the backup has a newer format")

func fail(code hub.Code, cause error, format string, args ...any) *hub.Error {
	e := hub.Errorf(code, format, args...)
	e.Err = cause
	return e
}

func damaged(what string) error {
	return fail(hub.CodeIntegrity, ErrDamaged, "the file was altered, is damaged or not complete (%s); nothing of it was used", what).
		WithRemedy("Use another copy of it, or another backup.")
}

// Reader reads a backup once, from its beginning to its end. It is not safe for
// concurrent use.
type Reader struct {
	lines    *bufio.Reader
	sum      sum
	manifest Manifest
	err      error // of the end
	ended    bool
}

// Open decrypts a backup and reads its manifest. The errors are ErrWrongKey,
// ErrDamaged and ErrNewer.
func Open(r io.Reader, identities ...age.Identity) (*Reader, error) {
	plain, err := Decrypt(r, identities...)
	if err != nil {
		return nil, err
	}
	return read(plain)
}

// Decrypt decrypts any age file, with the errors of Open. What it yields is
// whole when it has ended without an error.
func Decrypt(r io.Reader, identities ...age.Identity) (io.Reader, error) {
	plain, err := age.Decrypt(r, identities...)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, fail(hub.CodeForbidden, ErrWrongKey, "the passphrase or identity does not open this file").
			WithRemedy("Try again with the one that it was made for.")
	}
	if err != nil {
		return nil, damaged("it is not a whole age file: " + err.Error())
	}
	return plain, nil
}

// read reads the manifest of a stream in the clear.
func read(plain io.Reader) (*Reader, error) {
	b := &Reader{lines: bufio.NewReaderSize(plain, 64<<10), sum: newSum()}
	first, err := b.line()
	if err != nil {
		return nil, err
	}
	// The format comes first: nothing else of a newer one can be understood.
	var v struct {
		Format *int `json:"standpipe_backup"`
	}
	if err := json.Unmarshal(first, &v); err != nil || v.Format == nil {
		return nil, fail(hub.CodeInvalid, ErrDamaged, "this is an age file, but not a backup of standpipe").
			WithRemedy("Name a file that `standpipe backup` made. What `standpipe connections export` made is read by `connections import`.")
	}
	if *v.Format > Format {
		return nil, fail(hub.CodeConflict, ErrNewer, "the backup has format %d; this version of standpipe reads formats up to %d", *v.Format, Format).
			WithRemedy("Use the version of standpipe that wrote it, or a newer one.")
	}
	if err := strict(first, &b.manifest); err != nil || b.manifest.Format < 1 {
		return nil, damaged("its manifest is malformed")
	}
	b.sum.Write(first)
	return b, nil
}

// Manifest is what the backup says of itself.
func (b *Reader) Manifest() Manifest { return b.manifest }

// Records yields the records, once. An error ends it. When it has ended without
// one, the backup is whole and everything it yielded is what was written.
func (b *Reader) Records() iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		counts := map[hub.Kind]int{}
		for !b.ended {
			r, err := b.next(counts)
			if err != nil {
				b.ended, b.err = true, err
			} else if r == nil {
				b.ended = true
				return
			}
			if err != nil {
				yield(hub.Record{}, err)
				return
			}
			counts[r.Kind]++
			if !yield(*r, nil) {
				return
			}
		}
		if b.err != nil {
			yield(hub.Record{}, b.err)
		}
	}
}

// next returns nil at the end, after having checked it.
func (b *Reader) next(counts map[hub.Kind]int) (*hub.Record, error) {
	raw, err := b.line()
	if err != nil {
		return nil, err
	}
	var e end
	if strict(raw, &e) == nil && e.End {
		return nil, b.finish(e, counts)
	}
	var r record
	if err := strict(raw, &r); err != nil {
		return nil, damaged("a record is malformed")
	}
	b.sum.Write(raw)
	switch hub.KeepingOf(r.Kind) {
	case hub.Kept:
	case "":
		return nil, fail(hub.CodeConflict, ErrNewer, "the backup holds a record of the kind %q, which this version of standpipe does not know", r.Kind).
			WithRemedy("Use the version of standpipe that wrote it, or a newer one.")
	default:
		return nil, damaged("it holds a record of a kind that no backup has")
	}
	return &hub.Record{Ref: hub.Ref{Kind: r.Kind, ID: r.ID}, Value: r.Value}, nil
}

// finish checks the end. The last byte of the age file is read here, so that
// one that was cut off behind it shows too.
func (b *Reader) finish(e end, counts map[hub.Kind]int) error {
	n := 0
	for kind, want := range b.manifest.Records {
		if counts[kind] != want {
			return damaged("records are missing")
		}
		n += want
	}
	for kind := range counts {
		if _, listed := b.manifest.Records[kind]; !listed {
			return damaged("it holds records that its manifest does not list")
		}
	}
	if e.Records != n || e.SHA256 != b.sum.hex() {
		return damaged("its end does not fit")
	}
	switch _, err := b.lines.ReadByte(); {
	case err == nil:
		return damaged("something follows its end")
	case !errors.Is(err, io.EOF):
		return damaged(err.Error())
	}
	return nil
}

// line returns the next line with its end. Data without one is no line.
func (b *Reader) line() ([]byte, error) {
	var out []byte
	for {
		piece, err := b.lines.ReadSlice('\n')
		if len(out)+len(piece) > maxLine {
			return nil, damaged("a line is far too long")
		}
		out = append(out, piece...)
		switch {
		case err == nil:
			return out, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, damaged("it ends in the middle")
		default:
			return nil, damaged(err.Error())
		}
	}
}

// strict decodes one JSON object of which every field is known.
func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}
