// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The versions of a line. Version 1 was the entry itself, in the clear.
const (
	unsealed = 1
	version  = 2
)

const purpose = "standpipe audit v2"

// line is what stands in the file. Each names the hash of the one before, and
// holds either the beginning of a session or an entry.
//
// A session is a secret that is encapsulated to the public key of the log
// (HPKE), and from which each line's key is made; the secret is then replaced
// by another that follows from it, and forgotten. So a writer can go on while
// the private key is locked away, and cannot read, or write anew, what it wrote
// before. A session begins with each file and each time one is opened.
type line struct {
	Version int    `json:"v"`
	Seq     uint64 `json:"seq"`
	Prev    []byte `json:"prev"`              // SHA-256 of the line before, without its newline
	Session []byte `json:"session,omitempty"` // the encapsulated secret
	Sealed  []byte `json:"sealed"`            // AES-256-GCM of an entry, or of a start
}

// start is what the first line of a session seals.
type start struct {
	// First is the number of the oldest line that is kept.
	First uint64 `json:"first"`
}

// head is the end of the chain.
type head struct {
	Seq  uint64 `json:"seq"`
	Hash []byte `json:"hash"` // of the line with that number; nil: there is none
}

func hashOf(line []byte) []byte {
	h := sha256.Sum256(line)
	return h[:]
}

// ratchet is the secret of a session. The zero ratchet is none.
type ratchet struct {
	secret [sha256.Size]byte
	begun  bool
}

// key returns the key of the next line and moves on.
func (r *ratchet) key() [sha256.Size]byte {
	k := derive(&r.secret, "line")
	r.secret = derive(&r.secret, "next")
	return k
}

// derive is HMAC-SHA256 of what, which is of some letters, without what
// crypto/hmac allocates: it is done twice for each line.
func derive(secret *[sha256.Size]byte, what string) [sha256.Size]byte {
	var inner [sha256.BlockSize + 16]byte
	var outer [2 * sha256.BlockSize]byte
	for i := range sha256.BlockSize {
		inner[i], outer[i] = 0x36, 0x5c
	}
	for i, b := range secret {
		inner[i] ^= b
		outer[i] ^= b
	}
	n := sha256.BlockSize + copy(inner[sha256.BlockSize:], what)
	hash := sha256.Sum256(inner[:n])
	n = sha256.BlockSize + copy(outer[sha256.BlockSize:], hash[:])
	return sha256.Sum256(outer[:n])
}

func kem() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }

// begin makes a session for the holder of a private key.
func begin(public hpke.PublicKey) (encapsulated []byte, r ratchet, err error) {
	enc, sender, err := hpke.NewSender(public, hpke.HKDFSHA256(), hpke.ExportOnly(), []byte(purpose))
	if err != nil {
		return nil, ratchet{}, fmt.Errorf("begin a session: %w", err)
	}
	secret, err := sender.Export("session", sha256.Size)
	if err != nil {
		return nil, ratchet{}, fmt.Errorf("begin a session: %w", err)
	}
	return enc, ratchet{secret: [sha256.Size]byte(secret), begun: true}, nil
}

// resume finds the secret of a session again.
func resume(private hpke.PrivateKey, encapsulated []byte) (ratchet, error) {
	recipient, err := hpke.NewRecipient(encapsulated, private, hpke.HKDFSHA256(), hpke.ExportOnly(), []byte(purpose))
	if err != nil {
		return ratchet{}, err
	}
	secret, err := recipient.Export("session", sha256.Size)
	if err != nil {
		return ratchet{}, err
	}
	return ratchet{secret: [sha256.Size]byte(secret), begun: true}, nil
}

// aead is for one line only, so its nonce can be zero.
func aead(key [sha256.Size]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	return gcm
}

var nonce [12]byte

// context appends what a sealed line is bound to: its place in the chain.
func (l *line) context(b []byte) []byte {
	b = append(append(b, purpose...), 0)
	b = binary.BigEndian.AppendUint64(b, l.Seq)
	b = append(b, l.Prev...)
	return append(b, l.Session...)
}

// chain is where the writer stands.
type chain struct {
	head
	ratchet ratchet
	first   uint64 // the oldest line that is kept
	// What the last line was made of, to be used again: copies of a chain share it,
	// as one writes at a time.
	plain, sealed, context []byte
}

func (c *chain) anchor() anchor { return anchor{c.head, c.first} }

// session appends the line that begins a session.
func (c *chain) session(buf []byte, public hpke.PublicKey) ([]byte, error) {
	encapsulated, r, err := begin(public)
	if err != nil {
		return nil, err
	}
	c.ratchet = r
	if c.first == 0 {
		c.first = c.Seq + 1
	}
	plain, err := json.Marshal(start{First: c.first})
	if err != nil {
		return nil, err // it holds a number
	}
	return c.seal(buf, encapsulated, plain), nil
}

// entry appends the line of an entry.
func (c *chain) entry(buf []byte, e *hub.AuditEntry) ([]byte, error) {
	plain, err := appendEntry(c.plain[:0], e)
	if err != nil {
		return nil, err
	}
	c.plain = plain
	return c.seal(buf, nil, plain), nil
}

func (c *chain) seal(buf, session, plain []byte) []byte {
	l := line{Version: version, Seq: c.Seq + 1, Prev: c.Hash, Session: session}
	c.context = l.context(c.context[:0])
	c.sealed = aead(c.ratchet.key()).Seal(c.sealed[:0], nonce[:], plain, c.context)
	l.Sealed = c.sealed
	begin := len(buf)
	buf = l.append(buf)
	c.head = head{l.Seq, hashOf(buf[begin:])}
	return append(buf, '\n')
}

// append writes the line as it stands in the file: the one form it can have.
func (l *line) append(buf []byte) []byte {
	field := func(name string, b []byte) {
		buf = append(buf, `,"`+name+`":`...)
		if b == nil {
			buf = append(buf, "null"...)
			return
		}
		buf = append(base64.StdEncoding.AppendEncode(append(buf, '"'), b), '"')
	}
	buf = strconv.AppendInt(append(buf, `{"v":`...), int64(l.Version), 10)
	buf = strconv.AppendUint(append(buf, `,"seq":`...), l.Seq, 10)
	field("prev", l.Prev)
	if l.Session != nil {
		field("session", l.Session)
	}
	field("sealed", l.Sealed)
	return append(buf, '}')
}

var (
	errForm    = errors.New("this is no line of the audit")
	errAltered = errors.New("this line was altered, or sealed for another key")
	errNewer   = errors.New("this line was written by a newer version of standpipe")
)

// opened is a line that was read.
type opened struct {
	line
	entry *hub.AuditEntry // nil: it begins a session
	start *start
	hash  []byte
}

// maxSkip bounds how far a ratchet is turned on over lines that are missing.
const maxSkip = 1 << 20

// unsealer reads the lines of a log in their order.
type unsealer struct {
	private hpke.PrivateKey
	ratchet ratchet
	next    uint64 // the number of the line that ratchet is for
}

// open reads a line. Even with an error, what could be read is returned.
func (u *unsealer) open(raw []byte) (opened, error) {
	o := opened{hash: hashOf(raw)}
	if err := json.Unmarshal(raw, &o.line); err != nil || o.Seq == 0 {
		return o, errForm
	}
	switch o.Version {
	case unsealed:
		o.entry = &hub.AuditEntry{}
		if err := json.Unmarshal(raw, o.entry); err != nil {
			return o, errForm
		}
		return o, nil
	case version:
	default:
		if o.Version > version {
			return o, errNewer
		}
		return o, errForm
	}
	if !bytes.Equal(o.line.append(nil), raw) {
		return o, errAltered // the same meaning in other bytes is not what was written
	}
	plain, err := u.unseal(&o.line)
	if err != nil {
		return o, err
	}
	if o.Session != nil {
		o.start = &start{}
		err = json.Unmarshal(plain, o.start)
	} else {
		o.entry = &hub.AuditEntry{}
		err = json.Unmarshal(plain, o.entry)
	}
	if err != nil {
		return o, errForm
	}
	return o, nil
}

func (u *unsealer) unseal(l *line) ([]byte, error) {
	if l.Session != nil {
		r, err := resume(u.private, l.Session)
		if err != nil {
			return nil, errAltered
		}
		u.ratchet, u.next = r, l.Seq
	}
	if !u.ratchet.begun || l.Seq < u.next || l.Seq-u.next > maxSkip {
		return nil, errAltered
	}
	r := u.ratchet // a line that lies about its number must not spoil the next
	for n := u.next; n < l.Seq; n++ {
		r.key()
	}
	plain, err := aead(r.key()).Open(nil, nonce[:], l.Sealed, l.context(nil))
	if err != nil {
		return nil, errAltered
	}
	u.ratchet, u.next = r, l.Seq+1
	return plain, nil
}
