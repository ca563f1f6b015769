// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxLine bounds what is read as one line; entries are far shorter.
const maxLine = 1 << 20

// Read yields the entries of a folder's log, oldest first. A line that is no
// entry yields an error and the reading goes on.
func Read(dir string) iter.Seq2[hub.AuditEntry, error] {
	return func(yield func(hub.AuditEntry, error) bool) {
		names, err := files(dir)
		if err != nil {
			yield(hub.AuditEntry{}, err)
			return
		}
		for _, name := range names {
			for l, err := range readFile(name) {
				if !yield(l.AuditEntry, err) {
					return
				}
			}
		}
	}
}

func readFile(name string) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return // rotated away meanwhile
		}
		if err != nil {
			yield(line{}, err)
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		scan := bufio.NewScanner(f)
		scan.Buffer(nil, maxLine)
		for n := 1; scan.Scan(); n++ {
			if len(bytes.TrimSpace(scan.Bytes())) == 0 {
				continue
			}
			var l line
			err := json.Unmarshal(scan.Bytes(), &l)
			if err == nil && l.Version != version {
				err = fmt.Errorf("format %d", l.Version)
			}
			if err != nil {
				err = fmt.Errorf("%s line %d is no audit entry: %w", filepath.Base(name), n, err)
			}
			if !yield(l, err) {
				return
			}
		}
		if err := scan.Err(); err != nil {
			yield(line{}, fmt.Errorf("%s: %w", filepath.Base(name), err))
		}
	}
}

// files lists the files of a log, oldest first.
func files(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	number := map[string]int{}
	var names []string
	for _, e := range list {
		suffix, ok := strings.CutPrefix(e.Name(), Name)
		if !ok {
			continue
		}
		n := 0
		if suffix != "" {
			if n, err = strconv.Atoi(strings.TrimPrefix(suffix, ".")); err != nil || suffix[0] != '.' {
				continue
			}
		}
		path := filepath.Join(dir, e.Name())
		number[path] = n
		names = append(names, path)
	}
	slices.SortFunc(names, func(a, b string) int { return number[b] - number[a] })
	return names, nil
}

// lastSeq returns the number of the last line, and whether the current file
// ends in the middle of one, as after a crash. It reads the ends of the files
// only.
func lastSeq(dir string) (seq uint64, broken bool, err error) {
	names, err := files(dir)
	if err != nil {
		return 0, false, err
	}
	for _, name := range slices.Backward(names) {
		end, err := tail(name)
		if err != nil {
			return 0, false, err
		}
		if name == filepath.Join(dir, Name) {
			broken = len(end) > 0 && end[len(end)-1] != '\n'
		}
		for b := range bytes.Lines(end) {
			var l line
			if json.Unmarshal(b, &l) == nil {
				seq = max(seq, l.Seq)
			}
		}
		if seq > 0 {
			break
		}
	}
	return seq, broken, nil
}

// tail returns the last 64 KiB of a file.
func tail(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, end-64<<10), 64<<10))
}
