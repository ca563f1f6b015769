// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"sync"
	"time"
)

// What an issuer said of itself is used again for refreshes, which would ask for
// it each time: half of what they take. A connection is made with what it says
// now.
const (
	metadataLife = 15 * time.Minute
	maxMetadata  = 100 // issuers
)

// metadata is what this process was told by issuers lately. Safe for concurrent
// use.
type metadata struct {
	mu    sync.Mutex
	known map[string]toldMetadata // by issuer; its endpoints are not changed
}

type toldMetadata struct {
	endpoints
	at time.Time
}

var told metadata

func (m *metadata) of(issuer string) (endpoints, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.known[issuer]
	return t.endpoints, ok && time.Since(t.at) < metadataLife
}

func (m *metadata) remember(issuer string, ends endpoints) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxMetadata {
		m.known = map[string]toldMetadata{}
	}
	m.known[issuer] = toldMetadata{ends, time.Now()}
}

func (m *metadata) forget(issuer string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, issuer)
}

// renewal is discover for a refresh: from memory, if the issuer was asked a
// while ago. A refresh that fails has to forget it, as the endpoint may be
// another one now.
func (s *Standard) renewal(ctx context.Context, issuer string) (*endpoints, error) {
	if ends, ok := told.of(issuer); ok {
		return &ends, nil
	}
	return s.discover(ctx, issuer)
}
