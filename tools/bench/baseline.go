// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strings"
)

// baseline is the least that could answer a vend: net/http, a bearer key
// compared by its hash, the same bytes and headers as the hub's answer.
//
//	bench baseline LISTEN [ANSWER-FILE KEY]
//
// The answer file holds headers, an empty line, and the body. Without it, it is
// an empty server.
func baseline(args []string) error {
	http.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	if len(args) > 2 && args[1] != "" {
		file, err := os.Open(args[1])
		if err != nil {
			return err
		}
		r := bufio.NewReader(file)
		header, err := textproto.NewReader(r).ReadMIMEHeader()
		if err != nil {
			return err
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		want := sha256.Sum256([]byte(args[2]))
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
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	return http.Serve(l, nil)
}
