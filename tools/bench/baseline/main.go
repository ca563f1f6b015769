// SPDX-License-Identifier: Apache-2.0

// Command baseline is the least that could answer a vend: net/http, a bearer
// key compared by its hash, the same bytes and headers as the hub's answer.
// `make bench` measures the hub against it.
//
//	baseline LISTEN ANSWER-FILE KEY-FILE
//
// The answer file holds headers, an empty line, and the body.
package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"log"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strings"
)

func main() {
	file, err := os.Open(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	r := bufio.NewReader(file)
	header, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	key, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	want := sha256.Sum256([]byte(strings.TrimSpace(string(key))))
	http.HandleFunc("POST /data-integrations/{slug}/token", func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		_, _ = w.Write(body)
	})
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, nil))
}
