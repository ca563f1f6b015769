// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"time"
)

// Event tells that something changed. It holds ids, never content.
type Event struct {
	Type       EventType `json:"type"`
	Connection string    `json:"connection,omitempty"`
	Flow       string    `json:"flow,omitempty"`
	Slug       string    `json:"slug,omitempty"`    // integration or provider
	Subject    string    `json:"subject,omitempty"` // app, approval or pairing
	Reason     Reason    `json:"reason,omitempty"`
	Detail     string    `json:"detail,omitempty"`
	Time       time.Time `json:"time"`
}

// EventType names what happened.
type EventType string

// The events.
const (
	EventConnected            EventType = "connection.connected"
	EventDisconnected         EventType = "connection.disconnected"
	EventRevoked              EventType = "connection.revoked" // after a disconnect for which the provider was not there
	EventRefreshed            EventType = "connection.refreshed"
	EventNeedsReauthorization EventType = "connection.reauthorization_needed"
	EventHealth               EventType = "connection.health"
	EventPicture              EventType = "connection.picture" // the account's picture came
	EventProviderHealth       EventType = "provider.health"    // one went down, or came back
	EventFlow                 EventType = "flow.changed"
	EventIntegration          EventType = "integration.changed"
	EventApps                 EventType = "apps.changed"
	EventApproval             EventType = "approval.changed" // one was raised, answered or timed out
	EventPairing              EventType = "pairing.changed"
	EventLock                 EventType = "lock.changed"
	EventPlugin               EventType = "plugin.changed"
	// EventResync tells a subscriber that was too slow that it missed some
	// events, and should look at everything again.
	EventResync EventType = "resync"
)

// Publisher sends an event to whoever listens. It never blocks.
type Publisher interface{ Publish(Event) }

// Bus is a Publisher to which one can listen.
type Bus interface {
	Publisher
	// Subscribe returns the events from now on. The channel is closed when ctx
	// ends. Whoever reads too slowly gets an EventResync in place of what was
	// missed.
	Subscribe(context.Context) <-chan Event
}
