// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// maxPicture bounds a stored picture, in bytes.
const maxPicture = 64 << 10

// pictureRecord is the picture of a connection's account, version 1.
type pictureRecord struct {
	Version int    `json:"v"`
	PNG     []byte `json:"png"`
}

// Picture returns the picture of a connection's account, a PNG that this
// program made, or ErrNotFound. The caller owns the result.
func (c *Connections) Picture(ctx context.Context, id string) ([]byte, error) {
	rec, err := c.store.Get(ctx, Ref{KindPicture, id})
	if err != nil {
		return nil, err
	}
	var r pictureRecord
	if err := decode(rec, &r, func() int { return r.Version }); err != nil {
		return nil, err
	}
	return r.PNG, nil
}

// PutPicture stores the picture of an account, and names it in its connection.
// Where the connection is gone, or belongs to another account by now, that is
// ErrNotFound.
func (tx *ConnectionsTx) PutPicture(id string, of Account, png []byte) error {
	if len(png) > maxPicture {
		return Errorf(CodeInvalid, "a picture of %d bytes is too large; the limit is %d", len(png), maxPicture)
	}
	conn, err := tx.Connection(id)
	if err != nil {
		return err
	}
	if conn.State == StateDisconnected || !conn.Account.Same(of) {
		return ErrNotFound
	}
	sum := sha256.Sum256(png)
	conn.Picture = hex.EncodeToString(sum[:8])
	b, err := json.Marshal(pictureRecord{recordVersion, png})
	if err != nil {
		return err
	}
	ref := Ref{KindPicture, id}
	if err := tx.Delete(ref); err != nil { // whatever is there, damaged or not
		return err
	}
	if _, err := tx.Put(ref, 0, b); err != nil {
		return err
	}
	return tx.PutConnection(conn)
}

// settlePicture takes a picture away that is not of the account any more, when
// conn takes the place of old.
func (tx *ConnectionsTx) settlePicture(old, conn *Connection) error {
	if old == nil || old.Picture == "" || conn.Picture != "" && old.Account.Same(conn.Account) {
		return nil
	}
	conn.Picture = ""
	return tx.Delete(Ref{KindPicture, conn.ID})
}
