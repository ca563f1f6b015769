// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// maxChecksum is how many bytes the checksum of a table's index takes at most;
// it is two numbers.
const maxChecksum = 64

// checkTables looks at the end of each table that a database has, where its
// index is. One that was cut makes Badger end the process, and one whose index
// was altered makes it go on without that table; both have to be told.
func checkTables(dir string) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new one, or Badger says what is wrong
	}
	if err != nil {
		return err
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir))
	if err != nil {
		return nil //nolint:nilerr // Badger says the same
	}
	for id := range m.Tables { // others are leftovers of a kill, and removed
		path := table.NewFilename(id, dir)
		if err := checkTable(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("its file %s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

var errCut = errors.New("it is cut short or damaged")

// checkTable reads a table's end: index ‖ length of the index (4) ‖ checksum of
// the index ‖ length of the checksum (4).
func checkTable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at := info.Size()
	// before reads what stands before what was read last.
	before := func(n uint32) ([]byte, error) {
		if n == 0 || int64(n) > at {
			return nil, errCut
		}
		at -= int64(n)
		b := make([]byte, n)
		_, err := io.ReadFull(io.NewSectionReader(f, at, int64(n)), b)
		return b, err
	}
	length := func() (uint32, error) {
		b, err := before(4)
		if err != nil {
			return 0, err
		}
		return binary.BigEndian.Uint32(b), nil
	}
	n, err := length()
	if err != nil {
		return err
	}
	if n > maxChecksum {
		return errCut
	}
	sum, err := before(n)
	if err != nil {
		return err
	}
	var want pb.Checksum
	if proto.Unmarshal(sum, &want) != nil {
		return errCut
	}
	if n, err = length(); err != nil {
		return err
	}
	index, err := before(n)
	if err != nil {
		return err
	}
	if y.VerifyChecksum(index, &want) != nil {
		return errCut
	}
	return nil
}
