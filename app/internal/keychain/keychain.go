// SPDX-License-Identifier: Apache-2.0

// Package keychain asks the keychain of the system: the Secret Service on Linux,
// those of macOS and Windows. Its functions are safe for concurrent use, and
// return within Patience.
package keychain

import (
	"errors"
	"time"

	"github.com/zalando/go-keyring"
)

// Service is the service name of all our own items.
const Service = "standpipe"

// Patience bounds a call, as a keychain may show a dialog that nobody sees. It
// leaves a person time to type.
const Patience = 2 * time.Minute

// ErrNotFound is returned for an item that does not exist. Any other error says
// why the keychain cannot be used.
var ErrNotFound = keyring.ErrNotFound

// Get reads an item.
func Get(service, account string) (string, error) {
	return within(func() (string, error) { return keyring.Get(service, account) })
}

// Set writes an item, whether it was there or not.
func Set(service, account, value string) error {
	_, err := within(func() (string, error) { return "", keyring.Set(service, account, value) })
	return err
}

// Delete removes an item.
func Delete(service, account string) error {
	_, err := within(func() (string, error) { return "", keyring.Delete(service, account) })
	return err
}

// within waits for a call, which cannot be ended, no longer than Patience.
func within(call func() (string, error)) (string, error) {
	if err := present(); err != nil {
		return "", err
	}
	type answer struct {
		value string
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		v, err := call()
		done <- answer{v, err}
	}()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case a := <-done:
		return a.value, a.err
	case <-timer.C:
		return "", errors.New("it did not answer within two minutes")
	}
}
