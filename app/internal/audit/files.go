// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bufio"
	"bytes"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxLine bounds what is read as one line; entries are far shorter.
const maxLine = 1 << 20

// list returns the paths of the files of a log, oldest first.
func list(dir string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	number := map[string]int{}
	var names []string
	for _, e := range all {
		n, ok := hub.AuditFileNumber(e.Name())
		if !ok {
			continue
		}
		path := filepath.Join(dir, e.Name())
		number[path] = n
		names = append(names, path)
	}
	slices.SortFunc(names, func(a, b string) int { return number[b] - number[a] })
	return names, nil
}

// rawLines yields the lines of a file that are not empty, with their numbers.
// The end of a file that is being written may be half a line: it is left out.
func rawLines(r io.Reader) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		buf := bufio.NewReaderSize(r, 64<<10)
		for n := 1; ; n++ {
			b, err := readLine(buf)
			if err != nil {
				return
			}
			if len(b) > 0 && !yield(n, b) {
				return
			}
		}
	}
}

// readLine returns a line without its newline, cut where it is longer than any
// can be. The error is that of the end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line) < maxLine {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(line, []byte{'\n'}), err
		}
	}
}

// wholeLines returns how many of the first size bytes of a file are whole
// lines.
func wholeLines(path string, size int64) (int64, error) {
	if size == 0 {
		return 0, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	buf := make([]byte, 64<<10)
	for end := size; end > 0; {
		begin := max(0, end-int64(len(buf)))
		part := buf[:end-begin]
		if _, err := f.ReadAt(part, begin); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return begin + int64(i) + 1, nil
		}
		end = begin
	}
	return 0, nil
}

// lastPart is how much of the end of a file lastLine reads at first.
const lastPart = 64 << 10

// lastLine returns the last line of a file, without opening it. It reads no more
// of the file than it must: it is done in each rotation, for which writers wait.
func lastLine(path string) (head, error) {
	f, err := os.Open(path)
	if err != nil {
		return head{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return head{}, err
	}
	for part := int64(lastPart); ; part *= 8 {
		from := max(info.Size()-part, 0)
		b, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
		if err != nil {
			return head{}, err
		}
		if from > 0 {
			_, b, _ = bytes.Cut(b, []byte{'\n'}) // it may begin amid a line
		}
		lines := bytes.Split(b, []byte{'\n'})
		for _, raw := range slices.Backward(lines[:len(lines)-1]) { // what follows the last newline is half a line
			var l line
			if json.Unmarshal(raw, &l) == nil && l.Seq > 0 {
				return head{l.Seq, hashOf(raw)}, nil
			}
		}
		if from == 0 {
			return head{}, fmt.Errorf("%s holds no line", filepath.Base(path))
		}
	}
}

// resumeChain finds the end of a log: the last line that the key opens.
func resumeChain(dir string, keep int, key hpke.PrivateKey) (c chain, err error) {
	names, err := list(dir)
	if err != nil {
		return chain{}, err
	}
	for _, name := range slices.Backward(names) {
		if c, err = endOf(name, key); err != nil {
			return chain{}, err
		}
		if c.Seq > 0 {
			break
		}
	}
	// A file that a crash saved from being removed.
	surplus, err := lastLine(filepath.Join(dir, fmt.Sprintf("%s.%d", hub.AuditFile, keep)))
	if err == nil {
		c.first = surplus.Seq + 1
	} else if !errors.Is(err, fs.ErrNotExist) {
		return chain{}, err
	}
	return c, nil
}

// endOf reads the last session of a file, or, of a file of the earlier format,
// all of it.
func endOf(name string, key hpke.PrivateKey) (c chain, err error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return chain{}, nil
	}
	if err != nil {
		return chain{}, err
	}
	if i := bytes.LastIndex(b, []byte(`"session":`)); i >= 0 {
		b = b[bytes.LastIndexByte(b[:i], '\n')+1:]
	}
	u := unsealer{private: key}
	for _, raw := range rawLines(bytes.NewReader(b)) {
		o, err := u.open(raw)
		if err != nil {
			continue // verify will name it
		}
		c.head = head{o.Seq, o.hash}
		if o.start != nil {
			c.first = o.start.First
		}
	}
	return c, nil
}
